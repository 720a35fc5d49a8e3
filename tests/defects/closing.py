"""One close of a company that has a legal entity for every defect, beside entities that have none: one timeline plants and judges them all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any

from company import FIRST_DAY, LATE_DAY, NEXT_PERIOD, PERIOD, SHARED, SHARED_LATE, first_deliveries, late_deliveries, serve_on, write
from dbt_commands import Dbt, Outcome
from defect import Defect, Finding, Records
from destinations import append_snapshots, held

from dagster_project.cli.installing.installation import initialize
from dagster_project.close import Installation
from dagster_project.close.outbox import BILLING_RELATIONS, JOURNAL_RELATIONS, proposed
from dagster_project.close.steps import mirror_register
from reverse_etl.documents import OutboxRow, SealedDocument, State
from reverse_etl.landing import land
from reverse_etl.register import Register
from reverse_etl.settings import Settings

CLEAN = ("clean_one", "clean_two", "clean_three")
ACCRUING = CLEAN[-1]
ACTOR = "tests"
OUTBOX = ("+outbox_customers", "+outbox_invoices", "+outbox_credit_memos", "+outbox_openings", "stopped_lines")
PROPOSALS = ("--exclude", "resource_type:test", "resource_type:unit_test", "--select", "path:seeds", *OUTBOX)
JOURNALS = (
    "stg_finance__payments",
    *("path:models/staging/register_issued", "path:models/staging/platform", "path:models/canonical", "path:models/accounting"),
)
READ_BACK = ("path:models/staging/ledger", "stg_stripe__documents", "stg_stripe__document_lines", "path:models/staging/register_closing")
# The states are those that the next run will subtract from.
JUDGED = (
    "stg_register_opening__document_states",
    "journal_entries",
    *READ_BACK,
    "stg_finance__foreign_entries",
    "stg_product__control_totals",
    "stg_product__delivered_files",
    "path:models/reconciliation",
    "stg_finance__books",
    "path:models/ledger",
    "credit_balances",
    "path:models/staging/refused",
    "quarantined_usage_events",
)
# The tests that judge look at it, though nothing of this company is rated there.
RATED_BY_PLATFORM = ("path:models/platform", "outbox_usage_reports")
JUDGEMENT = ("test", "--select", "test_type:singular")

Change = Callable[[list[OutboxRow]], list[OutboxRow]]


@dataclass
class Close:
    """``rows``: business key -> outbox row as it was sealed; ``refused``: legal entity -> what the register refused; ``tests``: test -> status."""

    installation: Installation
    dbt: Dbt
    defects: Mapping[str, Defect]
    rows: dict[str, OutboxRow] = field(default_factory=dict)
    refused: defaultdict[str, set[Finding]] = field(default_factory=lambda: defaultdict(set))
    tests: dict[str, str] = field(default_factory=dict)

    @classmethod
    def run(cls, settings: Settings, dbt: Dbt, defects: Mapping[str, Defect]) -> Close:
        entities = (*CLEAN, *defects)
        close = cls(Installation(settings.model_copy(update={"entities": entities})), dbt, defects)
        initialize(close.installation.settings)
        close._deliver(first_deliveries, FIRST_DAY, lambda defect: defect.deliver, SHARED)
        close._build("build", *PROPOSALS)
        close._seal(BILLING_RELATIONS, lambda defect: nothing if defect.issue else None)
        close._act(lambda defect: defect.after_issue)
        close._deliver(late_deliveries, LATE_DAY, lambda defect: defect.deliver_late, SHARED_LATE)
        close._build("run", *PROPOSALS)
        close._seal(BILLING_RELATIONS, lambda defect: defect.issue or defect.issue_late)
        close._act(lambda defect: defect.before_posting)
        close._build("run", "--select", *JOURNALS, *RATED_BY_PLATFORM, "outbox_journal_entries")
        # What takes a snapshot back is of the next period.
        close._seal(JOURNAL_RELATIONS, lambda defect: defect.post, (PERIOD, NEXT_PERIOD))
        close._deliver_documents()
        close._tamper()
        close._build("run", "--select", *JUDGED)
        judged = close._dbt(*JUDGEMENT)
        assert "error" not in judged.statuses.values(), judged.told
        close.tests = judged.statuses
        return close

    @property
    def entities(self) -> tuple[str, ...]:
        return self.installation.settings.entities

    def read(self, statement: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.installation.warehouse.read(statement).to_pylist()
        return rows

    def row(self, document_type: str, entity: str = CLEAN[0], later: bool = False) -> OutboxRow:
        """The first, or the last, document of a type that was sealed for a legal entity without defects."""
        found = [row for row in self.rows.values() if (row.entity, row.document_type) == (entity, document_type)]
        return found[-1 if later else 0]

    def _deliver(self, make: Callable[[str], Any], day: str, change: Callable[[Defect], Any], shared: dict[str, Any]) -> None:
        deliveries = [make(entity) for entity in self.entities]
        for one in deliveries:
            defect = self.defects.get(one.entity)
            if one.entity == ACCRUING and make is first_deliveries:
                serve_on(one)
            if defect is not None and (changed := change(defect)) is not None:
                changed(one)
        settings = self.installation.settings
        write(settings.inbox, day, deliveries, shared)
        assert not land(self.installation.warehouse, settings).problems

    def _act(self, act: Callable[[Defect], Callable[[Installation, str], None] | None]) -> None:
        for entity, defect in self.defects.items():
            if (acting := act(defect)) is not None:
                acting(self.installation, entity)
        mirror_register(self.installation)

    def _seal(self, relations: Sequence[str], change: Callable[[Defect], Change | None], periods: Sequence[str] = (PERIOD,)) -> None:
        by_entity: defaultdict[str, list[OutboxRow]] = defaultdict(list)
        for row in (row for period in periods for row in proposed(self.installation.warehouse, relations, period=period)):
            by_entity[row.entity].append(row)
        for entity, defect in self.defects.items():
            if (changed := change(defect)) is not None:
                before = by_entity[entity]
                by_entity[entity] = changed(list(before))
                assert by_entity[entity] != before, f"{entity} plants nothing"
        rows = [row for entity in self.entities for row in by_entity[entity]]
        with closing(self.installation.open_register()) as register:
            report = register.seal(rows, ACTOR, "close")
        sealed = {document.business_key for document in report.sealed}
        self.rows |= {row.business_key: row for row in rows if row.business_key in sealed}
        for refusal in report.refused:
            self.refused[refusal.row.entity].add(Finding("sealing", refusal.code))
        mirror_register(self.installation)

    def _deliver_documents(self) -> None:
        """Every document is verified at its destination, and read back from there; twice where somebody changes it in between."""
        with closing(self.installation.open_register()) as register:
            documents = register.documents()
            for system in ("stripe", "tryton"):
                _verify(register, system, [document for document in documents if document.system == system])
        mirror_register(self.installation)
        by_entity: defaultdict[str, list[SealedDocument]] = defaultdict(list)
        for document in documents:
            by_entity[document.entity].append(document)
        first: dict[str, Records] = {}
        read: dict[str, Records] = {}
        for entity in self.entities:
            read[entity] = held(by_entity[entity])
            defect = self.defects.get(entity)
            if defect is not None and defect.read_back is not None:
                first[entity] = [(relation, dict(record)) for relation, record in read[entity]]
                read[entity] = defect.read_back(read[entity])
                assert read[entity] != first[entity], f"{entity} plants nothing"
        append_snapshots(self.installation.warehouse, first, read)

    def _tamper(self) -> None:
        statements = [defect.tamper(entity) for entity, defect in self.defects.items() if defect.tamper is not None]
        if statements:
            self.installation.warehouse.execute(statements)

    def _build(self, *arguments: str) -> None:
        done = self._dbt(*arguments)
        assert done.succeeded, done.told

    def _dbt(self, *arguments: str) -> Outcome:
        return self.dbt(self.installation.settings, *arguments)


def nothing(rows: list[OutboxRow]) -> list[OutboxRow]:
    return []


def _verify(register: Register, system: str, documents: Sequence[SealedDocument]) -> None:
    lane = register.claim_lane(system, "*", ACTOR)
    with register.delivering(lane) as transaction:
        for before in transaction.deliveries([document.position for document in documents]).values():
            transaction.save(before, replace(before, state=State.VERIFIED, remote_id=f"{system}_{before.document_position}"))
