"""A close of one period, for every entity, through the Dagster job, with a real ledger and the billing stand-in."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import dagster as dg
import pytest
from metric_queries import metric_engine, metric_query

from dagster_project.cli.closing.close import close_keys, delivered_days
from dagster_project.cli.closing.tie_out import HEADLINES
from dagster_project.cli.installing.installation import initialize
from dagster_project.close import Installation
from dagster_project.close.approvals import approve, ask_for_credit, ask_for_void
from dagster_project.close.partitions import first_day_after
from dagster_project.close.steps import NotTiedError, checkpoints, close_period
from dagster_project.dbt import DbtPaths
from dagster_project.runs.instance import open_instance
from dagster_project.runs.progress import Progress, listening
from dagster_project.runs.runner import JobRun, JobRunner, exclusive
from reverse_etl.documents import SealedDocument, State
from reverse_etl.sandbox.sample import generate
from reverse_etl.sandbox.supervisor import start_sandbox, stop_sandbox
from reverse_etl.settings import Settings

PERIOD = "2026-01"
MID_MONTH = date(2026, 1, 15)
METRICS = {
    "receivables_minor": "sum(closing_minor) from ledger.receivables_roll_forward",
    "overdue_receivables_minor": "sum(open_minor - not_due_minor) from ledger.aged_receivables",
    "deferred_revenue_minor": "sum(closing_minor) from ledger.deferred_revenue_roll_forward",
    "revenue_minor": "sum(revenue_minor) from ledger.revenue_by_service_period",
    "net_collected_minor": "-sum(paid_minor + refunded_minor) from ledger.receivables_roll_forward",
}


@dataclass(frozen=True)
class Closed:
    installation: Installation
    runner: JobRunner
    first_landing: JobRun
    bill: JobRun
    billed: list[SealedDocument]
    landing: JobRun
    close: JobRun
    told: list[Progress]


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Closed]:
    settings = Settings(home=Path(tmp_path_factory.mktemp("installation")))
    initialize(settings)
    generate(settings.home, events=2_000, seed=11, customer_count=40)
    deliver_credits_and_thresholds(settings)
    start_sandbox(settings)
    installation = Installation(settings)
    told: list[Progress] = []
    try:
        with exclusive(settings, "the test"), listening(told.append):
            runner = JobRunner(settings)
            first_landing = runner.land(delivered_days(settings)[0], MID_MONTH)
            bill = runner.bill(close_keys(settings, PERIOD, None))
            billed = installation.open_register().documents()
            landing = runner.land(delivered_days(settings)[0], first_day_after(PERIOD))
            close = runner.close(close_keys(settings, PERIOD, None))
        yield Closed(installation, runner, first_landing, bill, billed, landing, close, told)
    finally:
        stop_sandbox(settings)


def deliver_credits_and_thresholds(settings: Settings) -> None:
    """Every customer has credits that were paid for, every other one some that were not; every plan has a threshold."""
    inbox, folder = settings.inbox, "2026-01-01"

    def delivered(source: str) -> list[dict[str, str]]:
        [path] = (inbox / source / folder).glob(f"{source}.csv")
        with path.open() as stream:
            return list(csv.DictReader(stream))

    def deliver(source: str, *rows: str) -> None:
        path = inbox / source / folder / "credits.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(rows) + "\n")

    # The sample has an account for what is paid ahead, and none for what is given away.
    roles = {"promotional_credit": ("4900", "revenue")}
    entities = settings.entities
    deliver(
        "accounts",
        "entity_id,account_code,name,account_type,is_receivable",
        *(f"{entity},{code},{role},{kind},false" for entity in entities for role, (code, kind) in roles.items()),
    )
    deliver(
        "account_mappings",
        "mapping_id,entity_id,role,product,account_code,effective_from",
        *(f"credits-{role},*,{role},*,{code},2026-01-01" for role, (code, _) in roles.items()),
    )
    customers = delivered("customers")
    deliver(
        "credit_grants",
        "grant_id,customer_id,currency,amount,kind,granted_on,expires_on",
        *(
            f"{row['customer_id']}-paid,{row['customer_id']},{row['currency']},{'100000' if number % 5 == 1 else '3'},paid,2026-01-01,2026-06-01"
            for number, row in enumerate(customers)
        ),
        *(f"{row['customer_id']}-gift,{row['customer_id']},{row['currency']},1.5,promotional,2026-01-01," for row in customers[::2]),
    )
    plans, currencies = delivered("plans"), sorted({row["currency"] for row in customers})
    columns = "charge_id,plan_id,kind,charge_model,meter,billing_timing,product,tax_code,description"
    deliver("charges", columns, *(f"{row['plan_id']}.threshold,{row['plan_id']},threshold,flat,,arrears,platform,standard," for row in plans))
    deliver(
        "prices",
        "price_id,price_version,charge_id,currency,effective_from,effective_to,tier_up_to,unit_price,flat_fee",
        *(f"{row['plan_id']}.threshold.{name},1,{row['plan_id']}.threshold,{name},2026-01-01,,,,20" for row in plans for name in currencies),
    )


def test_invoices_what_reached_a_threshold_and_nothing_else_before_the_month_has_ended(closed: Closed) -> None:
    assert closed.first_landing.succeeded, closed.first_landing.failures
    assert closed.bill.succeeded, closed.bill.failures
    invoices = [document for document in closed.billed if document.document_type == "invoice"]
    assert {(document.cause, document.document_date) for document in invoices} == {("threshold", MID_MONTH)}
    assert {line["kind"] for document in invoices for line in document.payload["lines"]} == {"usage"}
    needed = {key for document in invoices for key in document.depends_on}
    assert {document.business_key for document in closed.billed if document.document_type == "customer"} == needed
    assert 0 < len(invoices) < 40
    assert {document.document_type for document in closed.billed} == {"invoice", "customer"}


def test_credits_settle_what_they_reach_and_the_billing_platform_agrees(closed: Closed) -> None:
    invoices = [document for document in closed.installation.open_register().documents() if document.document_type == "invoice"]
    drawing = [document for document in invoices if document.payload["applied_credit_minor"]]
    # Of what a threshold made due and of the rest of the month, both out of one balance.
    assert {document.cause for document in drawing} == {"threshold", "usage_and_fees"}
    assert any(document.payload["amount_due_minor"] == 0 for document in drawing)
    balances = closed.installation.warehouse.read(
        "select count(*) filter (applied_minor > granted_minor) as overdrawn, sum(applied_minor) as applied from prepaid.credit_balances"
    ).to_pylist()
    assert balances == [{"overdrawn": 0, "applied": sum(document.payload["applied_credit_minor"] for document in drawing)}]
    measures = {checkpoint.measure for checkpoint in checkpoints(closed.installation, None, PERIOD) if checkpoint.tied}
    assert {"amount due", "prepaid credits"} <= measures


def test_ties_every_checkpoint_and_closes_the_period_of_every_entity(closed: Closed) -> None:
    assert closed.landing.succeeded, closed.landing.failures
    assert closed.close.succeeded, closed.close.failures
    register = closed.installation.open_register()
    for entity in closed.installation.settings.entities:
        found = checkpoints(closed.installation, entity, PERIOD)
        assert {checkpoint.checkpoint for checkpoint in found} == set(HEADLINES)
        assert all(checkpoint.tied for checkpoint in found)
        assert register.period_status(entity, PERIOD) != "open"
    assert {state for _, _, _, state in register.counts()} == {State.VERIFIED}


def test_materializes_every_selected_asset_and_evaluates_every_check(closed: Closed) -> None:
    layer = closed.runner.definitions.resolve_job_def("monthly_close").asset_layer
    destinations = {"stripe/invoices", "stripe/credit_notes", "tryton/journal"}
    assert closed.close.materialized - destinations == {key.to_user_string() for key in layer.selected_asset_keys}
    assert destinations <= closed.close.materialized
    checks = {f"{key.asset_key.to_user_string()}:{key.name}" for key in layer.asset_graph.asset_check_keys}
    assert checks
    assert closed.close.evaluated == checks


def test_whatever_writes_a_relation_says_how_many_rows_it_has(closed: Closed) -> None:
    graph = closed.runner.definitions.resolve_asset_graph()
    written = [key for key in graph.get_all_asset_keys() if key.path[0] == "raw" or graph.get(key).group_name in ("read_back", "destinations")]
    written += [dg.AssetKey(["register", moment]) for moment in ("opening", "issued", "closing")]
    silent, told = [], {}
    with open_instance(closed.installation.settings) as instance:
        for key in written:
            event = instance.get_latest_materialization_event(key)
            # Of reference data that nobody delivered nothing is materialised.
            if event is not None and event.asset_materialization is not None:
                count = event.asset_materialization.metadata.get("dagster/row_count")
                silent += [key.to_user_string()] if count is None else []
                told[key.to_user_string()] = None if count is None else count.value
    assert silent == []
    for relation in ("raw.usage_events", "raw.landed_files", "raw.prices", "raw.ledger_moves"):
        assert (
            told[relation.replace(".", "/")] == closed.installation.warehouse.read(f"select count(*) as rows from {relation}").to_pylist()[0]["rows"]
        )
    assert told["tryton/journal"]
    assert told["stripe/invoices"]


def test_tells_one_line_per_step_and_entity(closed: Closed) -> None:
    steps = [(progress.step, progress.entity) for progress in closed.told]
    for name in ("seal/billing", "delivery/stripe", "seal/journals", "delivery/tryton", "read_back", "close/period"):
        assert [entity for step, entity in steps if step == name] == list(closed.installation.settings.entities)
    assert ("seal/thresholds", closed.installation.settings.entities[0]) in steps


def test_its_runs_are_on_the_instance_that_the_interface_shows(closed: Closed) -> None:
    with open_instance(closed.installation.settings) as instance:
        assert {run.run_id for run in instance.get_runs()} == {
            run.run_id for run in (closed.first_landing, closed.bill, closed.landing, closed.close)
        }
        # A range of partitions is shown nowhere in a list of runs: a tag says of what each is.
        said = {run.run_id: run.tags["tieout/of"] for run in instance.get_runs()}
        assert said[closed.close.run_id] == f"{PERIOD} {', '.join(closed.installation.settings.entities)}"
        assert " to " in said[closed.landing.run_id]
        record = instance.get_latest_materialization_event(dg.AssetKey(["tryton", "journal"]))
    assert record is not None


def test_a_document_knows_the_run_that_sealed_it(closed: Closed) -> None:
    assert {document.correlation_id for document in closed.installation.open_register().documents()} == {
        closed.bill.run_id,
        closed.close.run_id,
    }


def test_a_period_without_checkpoints_stays_open(closed: Closed) -> None:
    entity = closed.installation.settings.entities[0]
    with pytest.raises(NotTiedError, match="2027-01 stays open: there are no checkpoints"):
        close_period(closed.installation, entity, "2027-01")
    assert closed.installation.open_register().period_status(entity, "2027-01") == "open"


def test_one_run_refuses_more_than_one_period(closed: Closed) -> None:
    settings = closed.installation.settings
    months = [*close_keys(settings, "2026-01", settings.entities[0]), *close_keys(settings, "2026-02", settings.entities[0])]
    refused = closed.runner.close(months, only=[dg.AssetKey(["seal", "billing"])])
    assert not refused.succeeded
    assert "one run closes one period, not 2026-01, 2026-02" in refused.failures[0]


def test_a_running_month_is_billed_at_thresholds_only(closed: Closed) -> None:
    settings = closed.installation.settings
    running = close_keys(settings, f"{datetime.now(UTC):%Y-%m}", settings.entities[0])
    refused = closed.runner.close(running, only=[dg.AssetKey(["seal", "billing"])])
    assert not refused.succeeded
    assert "has not ended for " in refused.failures[0]


def test_decided_credits_and_voids_are_issued_posted_journalled_and_tied_by_the_next_close(closed: Closed) -> None:
    settings = closed.installation.settings
    maker, checker = (replace(closed.installation, acting_as=name) for name in ("ada", "grace"))
    register = closed.installation.open_register()
    entity = settings.entities[0]
    credited, voided = register.documents(document_type="invoice", entity=entity)[:2]
    asked = [
        ask_for_credit(maker, str(credited.number), Decimal("0.10"), "an outage"),
        ask_for_void(maker, str(voided.number), True, "wrong address"),
    ]
    for request in asked:
        approve(checker, request.request_id)

    with exclusive(settings, "the test"):
        run = closed.runner.close(close_keys(settings, "2026-02", entity))

    assert run.succeeded, run.failures
    memos = [(memo, delivery) for memo, delivery in register.deliveries(document_type="credit_memo", period="2026-02") if memo.payload["decision_id"]]
    assert {memo.payload["decision_id"] for memo, _ in memos} == {request.request_id for request in asked}
    assert {delivery.state for _, delivery in memos} == {State.VERIFIED}
    assert {memo.cause: memo.total_minor for memo, _ in memos}["void_and_rebill"] == voided.total_minor
    journals = {entry.payload["source_document"] for entry in register.documents(document_type="journal_entry", period="2026-02")}
    assert {memo.business_key for memo, _ in memos} <= journals
    assert all(checkpoint.tied for checkpoint in checkpoints(closed.installation, entity, "2026-02"))


def test_a_metric_is_what_the_ledger_says_of_each_month_and_currency(closed: Closed) -> None:
    engine, warehouse = metric_engine(DbtPaths.of(closed.installation.settings).target / "semantic_manifest.json"), closed.installation.warehouse
    for metric, definition in METRICS.items():
        value, relation = definition.split(" from ")
        asked = warehouse.read(metric_query(engine, [metric], ["metric_time__month", "currency"])).to_pylist()
        expected = warehouse.read(f"select period, currency, {value} as amount from {relation} group by period, currency").to_pylist()
        told = {(f"{row['metric_time__month']:%Y-%m}", row["currency"]): row[metric] for row in asked}
        assert told, metric
        assert told == {(row["period"], row["currency"]): row["amount"] for row in expected}, metric


def test_a_balance_is_that_of_the_last_month_and_never_a_sum_over_months(closed: Closed) -> None:
    engine, warehouse = metric_engine(DbtPaths.of(closed.installation.settings).target / "semantic_manifest.json"), closed.installation.warehouse
    asked = warehouse.read(metric_query(engine, ["deferred_revenue_minor"], ["legal_entity", "currency"])).to_pylist()
    expected = warehouse.read(
        "select entity, currency, sum(closing_minor) as amount from ledger.deferred_revenue_roll_forward as balances"
        " where period = (select max(period) from ledger.deferred_revenue_roll_forward where entity = balances.entity) group by entity, currency"
    ).to_pylist()
    told = {(row["legal_entity"], row["currency"]): row["deferred_revenue_minor"] for row in asked}
    assert told == {(row["entity"], row["currency"]): row["amount"] for row in expected}
