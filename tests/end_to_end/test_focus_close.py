"""September 2024 of real cloud consumption (FOCUS 1.0), from the provider's file to a closed period with its ledger tied."""

from __future__ import annotations

import csv
import shutil
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

import reverse_etl.landing
from dagster_project.cli.closing.tie_out import HEADLINES, ledger_balances, tied_checkpoints
from dagster_project.cli.installing.installation import initialize
from dagster_project.close import CloseKey, Installation
from dagster_project.published.lineage import trace
from dagster_project.runs.runner import JobRun, JobRunner, exclusive
from reverse_etl.sandbox.supervisor import start_sandbox, stop_sandbox
from reverse_etl.settings import Settings

REPOSITORY = Path(__file__).resolve().parents[2]
SAMPLE = REPOSITORY.parent / "shared" / "data" / "focus_sample.csv"
MAPPINGS = Path(reverse_etl.landing.__file__).parent / "mappings" / "examples" / "focus"
ARRIVAL = date(2024, 10, 1)
PERIOD = "2024-09"
# Each of the 997 rows agrees with quantity x list price to this much.
ROW_TOLERANCE = Decimal("0.00006")

REFERENCE = {
    "legal_entities": "entity_id,name,country,functional_currency,cutover_on,posting_granularity\n"
    "sunbird,SunBird Inc.,US,USD,2024-09-01,daily_summary\n",
    "tax_rates": "entity_id,country,tax_code,rate,effective_from,effective_to\nsunbird,US,{tax_code},0,2024-01-01,\n",
    "accounts": "entity_id,account_code,name,account_type,is_receivable\n"
    + "".join(
        f"sunbird,{code},{name},{kind},{'true' if code == '1200' else 'false'}\n"
        for code, name, kind in (
            ("1200", "Trade receivables", "asset"),
            ("2100", "Tax payable", "liability"),
            ("2400", "Deferred revenue", "liability"),
            ("4000", "Subscription revenue", "revenue"),
            ("4100", "Usage revenue", "revenue"),
            ("7900", "Currency rounding", "expense"),
        )
    ),
    "account_mappings": "mapping_id,entity_id,role,product,account_code,effective_from\n"
    + "".join(
        f"M{number},*,{role},*,{code},2024-01-01\n"
        for number, (role, code) in enumerate(
            (
                ("receivable", "1200"),
                ("tax_payable", "2100"),
                ("deferred_revenue", "2400"),
                ("subscription_revenue", "4000"),
                ("usage_revenue", "4100"),
                ("currency_rounding", "7900"),
            )
        )
    ),
}


@dataclass(frozen=True)
class Closed:
    installation: Installation
    run: JobRun


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Closed]:
    if not SAMPLE.is_file():
        pytest.skip("the FOCUS sample is not beside this repository")
    settings = Settings(home=Path(tmp_path_factory.mktemp("sunbird")), entities=("sunbird",), first_period=PERIOD)
    initialize(settings)
    tax_codes = set()
    for mapping in MAPPINGS.glob("focus_*.yaml"):
        shutil.copy(mapping, settings.mappings / mapping.name)
        deliver(settings, mapping.stem, SAMPLE.read_bytes(), "focus.csv")
        if mapping.stem == "focus_charges":
            tax_codes |= {line.split("constant:")[1].strip(" }\"'") for line in mapping.read_text().splitlines() if "tax_code" in line}
    [tax_code] = tax_codes
    for source, content in REFERENCE.items():
        deliver(settings, source, content.replace("{tax_code}", tax_code).encode(), f"{source}.csv")
    start_sandbox(settings)
    try:
        with exclusive(settings, "the test"):
            runner = JobRunner(settings)
            landing = runner.land(ARRIVAL, ARRIVAL)
            assert landing.succeeded, landing.failures
            yield Closed(Installation(settings), runner.close([CloseKey("sunbird", PERIOD)]))
    finally:
        stop_sandbox(settings)


def deliver(settings: Settings, source: str, content: bytes, name: str) -> None:
    folder = settings.inbox / source / ARRIVAL.isoformat()
    folder.mkdir(parents=True)
    (folder / name).write_bytes(content)


def test_september_closes_with_every_checkpoint_tied(closed: Closed) -> None:
    assert closed.run.succeeded, closed.run.failures
    checkpoints = tied_checkpoints(closed.installation, PERIOD)
    assert [checkpoint.checkpoint for checkpoint in checkpoints] == list(HEADLINES)
    assert all(checkpoint.tied for checkpoint in checkpoints)


def test_the_exact_amount_of_every_account_is_the_list_cost_of_its_rows(closed: Closed) -> None:
    with SAMPLE.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["ChargeCategory"] == "Usage"]
    assert len(rows) == 997
    list_cost: defaultdict[str, Decimal] = defaultdict(Decimal)
    row_count: defaultdict[str, int] = defaultdict(int)
    for row in rows:
        list_cost[row["SubAccountId"]] += Decimal(row["ListCost"])
        row_count[row["SubAccountId"]] += 1
    rated = {
        row["customer_id"]: Decimal(row["amount"])
        for row in closed.installation.warehouse.read_published(
            "select customer_id, cast(sum(amount_precise) as varchar) as amount from rating.rated_lines where kind = 'usage' group by customer_id"
        ).to_pylist()
    }
    assert rated.keys() == list_cost.keys()
    assert len(rated) == 73
    for account, amount in rated.items():
        assert abs(amount - list_cost[account]) <= ROW_TOLERANCE * row_count[account], account


def test_what_is_not_usage_or_nets_below_zero_is_an_explained_exception(closed: Closed) -> None:
    warehouse = closed.installation.warehouse
    excluded = warehouse.read_published("select line_number, reason, remedy from raw.excluded_rows where source = 'focus_usage' order by line_number")
    assert len(excluded) == 3
    assert all(row["remedy"] for row in excluded.to_pylist())
    held = warehouse.read_published(
        "select customer_id, hold_reason, what_to_do from invoicing.held_lines where blocks_document order by customer_id"
    ).to_pylist()
    assert {row["hold_reason"] for row in held} == {"negative_net_usage"}
    assert len(held) == 7


def test_the_ledger_holds_what_was_billed(closed: Closed) -> None:
    balances = ledger_balances(closed.installation, PERIOD)
    assert all(balance.equal for balance in balances)
    [billed] = closed.installation.warehouse.read_published(
        "select cast(sum(total_minor) as bigint) as total from staging.stg_stripe__documents"
    ).to_pylist()
    receivable = next(balance for balance in balances if balance.account == "1200")
    assert receivable.ledger[0] - receivable.ledger[1] == billed["total"] > 0


def test_the_ledger_has_one_document_a_day_and_every_invoice_is_found_in_it(closed: Closed) -> None:
    warehouse = closed.installation.warehouse
    [counts] = warehouse.read_published(
        "select count(distinct business_key) as documents, count(distinct natural_id) as entries, count(*) as lines,"
        " count(distinct posted_line_key) as posted from staging.stg_register_closing__journal_lines"
    ).to_pylist()
    invoices = warehouse.read_published("select number from staging.stg_register_closing__documents where document_type = 'invoice'").to_pylist()
    assert (counts["documents"], counts["entries"]) == (1, len(invoices))
    assert counts["posted"] < counts["lines"]
    walk = trace(warehouse, min(invoice["number"] for invoice in invoices))
    assert {entry["business_key"] for entry in walk.journal_entries} == {"tryton/sunbird/journal_entry/summary:2024-09-30:USD:1"}
    assert walk.journal_lines
    assert all(line["remote_line_id"] for line in walk.journal_lines)
