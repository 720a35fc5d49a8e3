"""What was billed must still be there: a lost event holds its line, even where another one came; only a retraction or correction reduces."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from dbt_commands import Dbt
from usage_deliveries import COMPANY, Delivery, event, retraction

from dagster_project.cli.installing.installation import initialize
from dagster_project.close import Installation
from dagster_project.close.outbox import BILLING_RELATIONS
from dagster_project.close.steps import mirror_register, seal_documents
from reverse_etl.landing import land
from reverse_etl.settings import Settings

CUSTOMERS = ("losing", "retracting", "adding", "staying")
MODELS = ("build", "--exclude-resource-type", "unit_test", "--exclude-resource-type", "test")
PROPOSALS = (*MODELS, "--select", "+outbox_invoices", "+outbox_credit_memos", "+outbox_customers")
# No reference data is delivered a second time.
CHANGES = (
    *(*MODELS, "--select", "+line_deltas", "+usage_coverage", "--exclude", "resource_type:seed"),
    *("path:models/staging/billing", "path:models/staging/finance", "path:models/staging/crm"),
)
FIRST = Delivery(
    "first",
    {"2026-02-01": [event(f"{customer}-{number}", "2026-01-15", "10", customer) for customer in CUSTOMERS for number in (1, 2, 3)]},
    {
        **COMPANY,
        "meters": [*COMPANY["meters"], "later,unit,sum,Later,,,,,"],
        "customers": [f"{customer},{customer},,US,acme,USD,UTC,,30" for customer in CUSTOMERS],
        "subscriptions": [f"S-{customer},1,{customer},P,2026-01-01," for customer in CUSTOMERS],
    },
)
SECOND = Delivery(
    "second",
    {
        "2026-02-01": [event("losing-4", "2026-01-16", "10", "losing")],
        "2026-02-02": [
            event("adding-4", "2026-01-15", "10", "adding"),
            retraction("r-1", "retracting-1", "2026-01-15", "retracting"),
            event("retracting-4", "2026-01-15", "4", "retracting"),
        ],
    },
)


@pytest.fixture(scope="module")
def deltas(tmp_path_factory: pytest.TempPathFactory, dbt: Dbt) -> dict[str, dict[str, Any]]:
    """Customer -> its line after the month was issued, one of its events was lost, retracted or added."""
    settings = Settings(home=Path(tmp_path_factory.mktemp("coverage")), entities=("acme",))
    initialize(settings)
    installation = Installation(settings)

    def build(delivery: Delivery, selection: tuple[str, ...]) -> None:
        delivery.write(settings.inbox)
        assert not land(installation.warehouse, settings).problems
        done = dbt(settings, *selection)
        assert done.succeeded, done.told

    build(FIRST, PROPOSALS)
    sealed = seal_documents(installation, BILLING_RELATIONS, "acme", "2026-01", "test")
    assert sealed.refused == ()
    mirror_register(installation)
    installation.warehouse.execute(["delete from raw.usage_events where id = 'losing-2'"])
    build(SECOND, CHANGES)
    lines = installation.warehouse.read(
        "select deltas.customer_id, deltas.delta_minor, deltas.hold_reason, deltas.event_count, coverage.issued_events, coverage.remaining_events"
        " from invoicing.line_deltas as deltas left join invoicing.usage_coverage as coverage on deltas.line_key = coverage.line_key"
    ).to_pylist()
    frozen = installation.warehouse.read("select payload from register.documents where document_type = 'invoice'").to_pylist()
    assert {(line["landing_position"], line["covered_events"]) for row in frozen for line in json.loads(row["payload"])["lines"]} == {(11, 3)}
    return {line["customer_id"]: line for line in lines}


def test_a_lost_event_holds_its_line_though_another_came(deltas: dict[str, dict[str, Any]]) -> None:
    line = deltas["losing"]
    assert line["event_count"] == line["issued_events"] == 3, "the count alone would tell nothing"
    assert (line["remaining_events"], line["hold_reason"]) == (2, "coverage_shrunk")


def test_a_retracted_event_reduces_and_holds_nothing(deltas: dict[str, dict[str, Any]]) -> None:
    line = deltas["retracting"]
    assert (line["remaining_events"], line["hold_reason"]) == (3, None)
    assert line["delta_minor"] == (4 - 10) * 50


def test_an_added_event_is_a_difference(deltas: dict[str, dict[str, Any]]) -> None:
    line = deltas["adding"]
    assert (line["delta_minor"], line["remaining_events"], line["hold_reason"]) == (500, 3, None)


def test_nothing_new_is_no_difference(deltas: dict[str, dict[str, Any]]) -> None:
    assert (deltas["staying"]["delta_minor"], deltas["staying"]["hold_reason"]) == (0, None)
