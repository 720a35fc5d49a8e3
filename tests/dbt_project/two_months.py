"""A company whose January is issued and closed before its February is proposed: deliveries, builds and seals, step by step."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from typing import Any

from dbt_commands import Dbt

from dagster_project.cli.installing.installation import initialize
from dagster_project.close import Installation
from dagster_project.close.outbox import BILLING_RELATIONS, JOURNAL_RELATIONS
from dagster_project.close.periods import landed_until
from dagster_project.close.steps import mirror_register, seal_documents
from reverse_etl.landing import LandingReport, land
from reverse_etl.settings import Settings

Files = Mapping[str, Sequence[str]]
# What is compared with the register comes with the build of everything, once there is something issued to compare with.
PROPOSALS_AND_ASSERTIONS = ("build", "--exclude", "test_type:unit", "test_type:generic", "path:models/staging/register_closing+")
# No destination is there to read back, so what compares with one cannot tie.
EVERYTHING = ("build", "--exclude", "test_type:unit", "assert_closed_periods_stay_tied")
ACCOUNTING = (
    "path:models/staging/register_issued",
    "path:models/staging/platform",
    "path:models/canonical",
    "path:models/accounting",
    "outbox_journal_entries",
)
CLOSING = ("path:models/staging/register_closing", "path:models/reconciliation")


@dataclass(frozen=True)
class Company:
    installation: Installation
    dbt: Dbt

    @classmethod
    def create(cls, settings: Settings, dbt: Dbt) -> Company:
        initialize(settings)
        return cls(Installation(settings), dbt)

    def rows(self, statement: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.installation.warehouse.read(statement).to_pylist()
        return rows

    def deliver(self, arrival: date, files: Files, events: Iterable[str]) -> LandingReport:
        inbox = self.installation.settings.inbox
        for source, lines in {**files, "usage": list(events)}.items():
            path = inbox / source / arrival.isoformat() / f"{source}.{'jsonl' if source == 'usage' else 'csv'}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(f"{line}\n" for line in lines))
        return land(self.installation.warehouse, self.installation.settings)

    def build(self, selection: Sequence[str] = EVERYTHING) -> None:
        done = self.dbt(self.installation.settings, *selection)
        assert done.succeeded, done.told

    def issue(self, period: str) -> None:
        """Seal what is proposed for the period, and the journals that follow from it."""
        self._seal(BILLING_RELATIONS, period)
        self.build(("run", "--select", *ACCOUNTING))
        self._seal(JOURNAL_RELATIONS, period)

    def reconcile(self) -> None:
        """Compare the two sides of the checkpoints, as far as no destination is needed."""
        self.build(("run", "--select", *CLOSING))

    def close(self, period: str) -> None:
        [last] = self.rows("select max(position) as position from raw.landed_files")
        landed = landed_until(self.installation, last["position"])
        with closing(self.installation.open_register()) as register:
            for entity in self.installation.settings.entities:
                register.close_period(entity, period, landed.position, "test", landed_files=landed)
        mirror_register(self.installation)

    def _seal(self, relations: Sequence[str], period: str) -> None:
        for entity in self.installation.settings.entities:
            assert seal_documents(self.installation, relations, entity, period, "test").refused == ()
        mirror_register(self.installation)


def event(customer: str, quantity: int, occurred_on: str, meter: str = "calls", **data: str) -> str:
    kind = "corrected" if quantity < 0 else "recorded"
    return json.dumps(
        {
            "specversion": "1.0",
            "id": "-".join((customer, occurred_on, str(quantity), *data.values())),
            "source": "test",
            "type": f"com.example.usage.{kind}.v1",
            "subject": customer,
            "time": f"{occurred_on}T12:00:00Z",
            "data": {"meter": meter, "quantity": str(quantity), **data},
        }
    )
