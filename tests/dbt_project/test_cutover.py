"""A company that starts in the middle of its history: what the former system leaves opens once two people agree, and nothing is billed twice."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from dbt_commands import Dbt
from decision_deliveries import event

from dagster_project.cli.installing.installation import initialize
from dagster_project.cli.reading.export import write_books
from dagster_project.close import Installation
from dagster_project.close.approvals import approve, ask_for_write_off, reject
from dagster_project.close.openings import Opening, ask_for_opening, opening_of, seal_opening
from dagster_project.close.outbox import BILLING_RELATIONS, JOURNAL_RELATIONS, proposed
from dagster_project.close.steps import mirror_register, seal_documents
from dagster_project.published.books import read_books
from reverse_etl.documents import State
from reverse_etl.errors import ApprovalError, ConfigurationError
from reverse_etl.landing import land
from reverse_etl.settings import Settings

ENTITY = "acme"
ACCOUNTS = {
    "cash": "1000",
    "receivable": "1100",
    "tax_payable": "2200",
    "deferred_revenue": "2400",
    "contract_liability": "2500",
    "opening_balance_equity": "3900",
    "usage_revenue": "4000",
    "subscription_revenue": "4100",
    "bad_debt": "6000",
    "realised_exchange_difference": "7800",
    "currency_rounding": "7900",
}
CHARGES = "charge_id,plan_id,kind,charge_model,meter,billing_timing,product,tax_code,description"
OPENING_BALANCES = "entity_id,account_code,currency,amount,functional_amount"
# Customer -> plan and start of its subscription. MIDDLE's periods run from the 15th to the 15th.
CUSTOMERS = {
    "OPEN": ("calendar", "2026-01-01", "USD"),
    "FOREIGN": ("calendar", "2026-01-01", "EUR"),
    "ANNUAL": ("calendar", "2026-01-01", "USD"),
    "PREPAID": ("calendar", "2026-01-01", "USD"),
    "MIDDLE": ("anchored", "2026-01-15", "USD"),
    "LATE": ("calendar", "2026-01-01", "USD"),
    "UNTOLD": ("calendar", "2026-01-01", "USD"),
    "LESS": ("calendar", "2026-01-01", "USD"),
}
REFERENCE: Mapping[str, Sequence[str]] = {
    "legal_entities": ["entity_id,name,country,functional_currency,cutover_on", f"{ENTITY},Acme,US,USD,2026-03-01"],
    "customers": [
        "customer_id,name,email,country,entity_id,currency,time_zone,tax_id,payment_term_days",
        *(f"{name},{name},a@b.example,US,{ENTITY},{currency},UTC,,30" for name, (_, _, currency) in CUSTOMERS.items()),
    ],
    "meters": ["meter,unit,aggregation,description", "calls,call,sum,Calls"],
    "plans": ["plan_id,name,description,anchor,period_unit,period_count", "calendar,C,C,calendar,month,1", "anchored,A,A,subscription,month,1"],
    "charges": [CHARGES, *(f"{plan}.calls,{plan},usage,per_unit,calls,arrears,api,standard,Calls" for plan in ("calendar", "anchored"))],
    "prices": [
        "price_id,price_version,charge_id,currency,effective_from,effective_to,tier_up_to,unit_price,flat_fee",
        *(f"{plan}-{currency},1,{plan}.calls,{currency},2026-01-01,,,1," for plan in ("calendar", "anchored") for currency in ("USD", "EUR")),
    ],
    "subscriptions": [
        "subscription_id,version,customer_id,plan_id,starts_on,ends_on",
        *(f"S-{name},1,{name},{plan},{starts_on}," for name, (plan, starts_on, _) in CUSTOMERS.items()),
    ],
    "tax_rates": ["entity_id,country,tax_code,rate,effective_from,effective_to", f"{ENTITY},US,standard,0.2,2026-01-01,"],
    "exchange_rates": [
        "rate_date,from_currency,to_currency,rate",
        "2026-03-12,EUR,USD,1.04",
        "2026-03-31,EUR,USD,1.05",
        "2026-04-30,EUR,USD,1.06",
    ],
    "accounts": [
        "entity_id,account_code,name,account_type,is_receivable",
        *(f"{ENTITY},{code},{role},asset,{'true' if role == 'receivable' else 'false'}" for role, code in ACCOUNTS.items()),
    ],
    "account_mappings": [
        "mapping_id,entity_id,role,product,account_code,effective_from",
        *(f"M-{role},*,{role},*,{code},2026-01-01" for role, code in ACCOUNTS.items()),
    ],
    "books": ["entity_id,book,fee_recognition", f"{ENTITY},tax,on_invoice"],
    "credit_grants": [
        "grant_id,customer_id,currency,amount,kind,granted_on,expires_on",
        "G-left,PREPAID,USD,80,paid,2026-01-10,",
        "G-given,PREPAID,USD,5,promotional,2026-01-10,2026-02-01",
    ],
    "opening_invoices": [
        "entity_id,number,customer_id,document_date,due_on,currency,open_amount,functional_amount",
        f"{ENTITY},OLD-1,OPEN,2026-01-15,2026-02-14,USD,500,",
        f"{ENTITY},OLD-2,FOREIGN,2026-02-10,2026-03-12,EUR,100,108.33",
    ],
    # Billed in August for twelve months of 100; five months are left.
    "opening_deferred_revenue": [
        "entity_id,deferral_id,customer_id,product,currency,service_period_start,service_period_end,remaining_amount",
        f"{ENTITY},OLD-9/1,ANNUAL,api,USD,2025-08-01,2026-08-01,500",
    ],
    "opening_billed_lines": [
        "entity_id,subscription_id,charge_id,service_period_start,service_period_end,currency,amount,quantity",
        f"{ENTITY},S-MIDDLE,anchored.calls,2026-02-15,2026-03-15,USD,100,100",
        f"{ENTITY},S-LATE,calendar.calls,2026-02-01,2026-03-01,USD,40,40",
        f"{ENTITY},S-LESS,calendar.calls,2026-02-01,2026-03-01,USD,20,20",
    ],
    "opening_balances": [
        OPENING_BALANCES,
        f"{ENTITY},1000,USD,1000,",
        f"{ENTITY},1100,USD,500,",
        f"{ENTITY},1100,EUR,100,108.33",
        f"{ENTITY},2400,USD,-400,",
        f"{ENTITY},2500,USD,-80,",
        # Revenue of the year so far, and tax that is not yet paid.
        f"{ENTITY},4000,USD,-1000,",
        f"{ENTITY},2200,USD,-28.33,",
    ],
    "payments": [
        "payment_id,entity_id,invoice,amount,currency,paid_on",
        f"bank-1,{ENTITY},OLD-1,300,USD,2026-03-10",
        f"bank-2,{ENTITY},OLD-2,100,EUR,2026-03-12",
    ],
}
BEFORE = [
    event("MIDDLE", "100", "2026-02-20"),
    event("LATE", "40", "2026-02-10"),
    event("UNTOLD", "30", "2026-02-10"),
    event("LESS", "15", "2026-02-10"),
]
MARCH = [
    event("MIDDLE", "60", "2026-03-10"),
    event("LATE", "15", "2026-02-25", "late"),
    event("PREPAID", "50", "2026-03-10"),
    event("FOREIGN", "7", "2026-03-10"),
]
APRIL = [event("MIDDLE", "33", "2026-03-20"), event("PREPAID", "20", "2026-04-10")]
PROPOSALS = ("+outbox_customers", "+outbox_invoices", "+outbox_credit_memos", "+outbox_openings", "stopped_lines", "reference_rules")
ACCOUNTING = (
    "path:models/staging/register_issued",
    "path:models/staging/platform",
    "stg_finance__payments",
    "path:models/canonical",
    "path:models/accounting",
    "outbox_journal_entries",
)
CLOSING = (
    "path:models/staging/register_closing",
    "k3_rated_to_issued",
    "k5_issued_to_journals",
    "k6_journals_to_posted",
    "credit_balances",
    "stg_finance__books",
    "path:models/ledger",
    "stg_ledger__moves",
    "stg_ledger__move_lines",
    "k7_posted_to_ledger",
)
TIES = tuple(f"assert_{tie}*" for tie in ("j0", "j11", "s0", "book", "prepaid", "every_delta", "credits"))
UNTIED = "select * from reconciliation.{} where is_break and period in ('2026-03', '2026-04')"


@dataclass
class Run:
    held: dict[str, str]
    invoices: dict[str, list[tuple[str, int, int]]]


@dataclass
class Started:
    """``runs``: what was proposed before the approval, then by each close."""

    installation: Installation
    dbt: Dbt
    differing: Opening | None = None
    seen: Opening | None = None
    runs: list[Run] = field(default_factory=list)
    refused_tries: list[str] = field(default_factory=list)
    tests: dict[str, str] = field(default_factory=dict)

    def rows(self, statement: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.installation.warehouse.read(statement).to_pylist()
        return rows

    def acting_as(self, actor: str) -> Installation:
        return replace(self.installation, acting_as=actor)

    def deliver(self, day: str, events: Sequence[str] = (), **tables: Sequence[str]) -> None:
        for source, lines in {**tables, **({"usage": events} if events else {})}.items():
            path = self.installation.settings.inbox / source / day / f"{source}.{'jsonl' if source == 'usage' else 'csv'}"
            path.parent.mkdir(parents=True)
            path.write_text("".join(f"{line}\n" for line in lines))
        assert not land(self.installation.warehouse, self.installation.settings).problems

    def build(self, *models: str, seeds: bool = False) -> None:
        mirror_register(self.installation)
        kinds = ["unit_test", "test"] + ([] if seeds else ["seed"])
        excluded = [argument for kind in kinds for argument in ("--exclude-resource-type", kind)]
        done = self.dbt(self.installation.settings, "build", *excluded, "--select", *models)
        assert done.succeeded, done.told

    def propose(self, seeds: bool = False) -> None:
        self.build(*PROPOSALS, seeds=seeds)
        invoices: dict[str, list[tuple[str, int, int]]] = {}
        for row in proposed(self.installation.warehouse, ["outbox.outbox_invoices", "outbox.outbox_credit_memos"]):
            paid = (row.cause, row.payload["subtotal_minor"], row.payload.get("applied_credit_minor", 0))
            invoices.setdefault(row.payload["customer_id"], []).append(paid)
        held = {row["customer_id"]: row["hold_reason"] for row in self.rows("select * from invoicing.held_lines order by delta_minor = 0 desc")}
        self.runs.append(Run(held, invoices))

    def issue(self, period: str) -> None:
        assert seal_documents(self.installation, BILLING_RELATIONS, ENTITY, period, "test").refused == ()
        self.build(*ACCOUNTING)
        assert seal_documents(self.installation, JOURNAL_RELATIONS, ENTITY, period, "test").refused == ()

    def close(self, period: str) -> None:
        with closing(self.installation.open_register()) as register:
            register.close_period(ENTITY, period, landing_position=None, actor="test")

    def journal(self, source: str) -> dict[str, tuple[int, int]]:
        """Account -> (amount, amount in functional currency) of all entries of a source document, debit positive."""
        rows = self.rows(
            "select account, cast(sum(signed_minor) as bigint) as minor, cast(sum(signed_functional_minor) as bigint) as functional"
            f" from accounting.journal_lines where source_document = '{source}' group by account"
        )
        return {row["account"]: (row["minor"], row["functional"]) for row in rows if row["minor"] or row["functional"]}


def opened(natural_id: str) -> str:
    return f"register/{ENTITY}/opening/{natural_id}"


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory, dbt: Dbt) -> Started:
    """The trial balance is wrong at first; corrected, it is approved and opened. March is closed, April journalled; in April a row of it changes."""
    settings = Settings(home=tmp_path_factory.mktemp("cutover"), entities=(ENTITY,))
    initialize(settings)
    made = Started(Installation(settings), dbt)
    made.deliver("2026-02-28", BEFORE, **REFERENCE)
    made.deliver("2026-03-11", MARCH)
    made.propose(seeds=True)
    maker, checker = made.acting_as("ada"), made.acting_as("grace")
    made.differing = opening_of(maker, ENTITY)
    made.refused_tries.append(reason_of(ask_for_opening, maker, ENTITY, "we start"))

    made.deliver("2026-03-12", opening_balances=[OPENING_BALANCES, f"{ENTITY},2400,USD,-500,"])
    made.build("stg_cutover__balances", "path:models/cutover", "outbox_openings")
    request = ask_for_opening(maker, ENTITY, "we start")
    assert seal_opening(maker, ENTITY, "test") is None
    made.refused_tries.append(reason_of(approve, maker, request.request_id))
    approve(checker, request.request_id)
    made.seen = opening_of(maker, ENTITY)
    report = seal_opening(maker, ENTITY, "test")
    assert report is not None
    assert (len(report.sealed), report.refused) == (len(made.seen.documents), ())
    made.refused_tries += [reason_of(ask_for_opening, maker, ENTITY, "again"), reason_of(reject, checker, request.request_id, "changed my mind")]

    made.propose()
    made.issue("2026-03")
    made.close("2026-03")
    made.installation.warehouse.publish()
    approve(checker, ask_for_write_off(maker, "OLD-1", "insolvent", Decimal(50)).request_id)
    invoices = [REFERENCE["opening_invoices"][0], f"{ENTITY},OLD-1,OPEN,2026-01-15,2026-02-14,USD,510,"]
    made.deliver("2026-04-11", APRIL, opening_invoices=invoices)
    made.propose()
    made.issue("2026-04")
    made.build(*CLOSING)
    made.tests = dbt(settings, "test", "--select", *TIES).statuses
    return made


def reason_of(function: Any, *arguments: Any) -> str:
    with pytest.raises(ApprovalError) as caught:
        function(*arguments)
    return str(caught.value)


def test_what_differs_from_the_trial_balance_is_named_and_nothing_is_issued(started: Started) -> None:
    assert started.differing is not None
    [differing] = started.differing.breaks
    assert (differing["account"], differing["opened_minor"], differing["delivered_minor"]) == ("2400", -50000, -40000)
    before = started.runs[0]
    assert before.invoices == {}
    assert before.held["MIDDLE"] == before.held["PREPAID"] == "opening_differs"
    assert "differs from the delivered trial balance on 2400 in USD" in started.refused_tries[0]


def test_an_opening_is_approved_by_another_user_as_a_whole_and_once(started: Started) -> None:
    assert started.seen is not None
    assert "cannot approve it" in started.refused_tries[1]
    assert started.seen.equity == "0.00 USD", "the trial balance explains everything"
    assert (started.seen.breaks, started.seen.refused) == ((), ())
    assert "is opened already" in started.refused_tries[2]
    assert "what is sealed never changes" in started.refused_tries[3]


def test_opening_documents_are_carried_over_and_delivered_to_nobody(started: Started) -> None:
    with closing(started.installation.open_register()) as register:
        opened_documents = register.deliveries(system="register")
        assert {(document.document_type, delivery.state) for document, delivery in opened_documents} == {
            ("opening", State.VERIFIED),
            ("journal_entry", State.VERIFIED),
        }
        assert {document.period for document, _ in opened_documents} == {"2026-03"}
        assert register.verify_chain().intact
    carried = "select count(*) as rows from reconciliation.k7_posted_to_ledger where subject like '%opening:%' and subject not like '%recognised%'"
    assert started.rows(carried) == [{"rows": 0}]


def test_a_period_over_the_cutover_bills_what_the_former_system_has_not_billed(started: Started) -> None:
    assert [run.invoices.get("MIDDLE") for run in started.runs] == [None, [("usage_and_fees", 6000, 0)], [("usage_and_fees", 3300, 0)]]


def test_late_usage_of_before_the_cutover_bills_the_difference_where_the_former_system_told_its_bill(started: Started) -> None:
    assert [run.invoices.get("LATE") for run in started.runs] == [None, [("late_usage", 1500, 0)], None]
    for run in started.runs:
        assert run.held["UNTOLD"] == "before_cutover"
        assert "UNTOLD" not in run.invoices


def test_what_the_former_system_billed_too_much_waits_and_is_credited_by_nobody_here(started: Started) -> None:
    for run in started.runs[1:]:
        assert run.held["LESS"] == "billed_by_former_system"
        assert "LESS" not in run.invoices


def test_a_prepaid_balance_opens_its_liability_and_is_drawn_down_to_nothing(started: Started) -> None:
    assert [run.invoices.get("PREPAID") for run in started.runs[1:]] == [[("usage_and_fees", 5000, 6000)], [("usage_and_fees", 2000, 2000)]]
    rolled = started.rows("select opened_minor, drawn_minor, closing_minor from ledger.prepaid_credit_roll_forward order by period")
    assert [tuple(row.values()) for row in rolled] == [(8000, -6000, 2000), (0, -2000, 0)]


def test_an_open_item_is_paid_ages_and_is_written_off_like_an_invoice(started: Started) -> None:
    balances = started.rows(
        "select number, issued_by, invoiced_minor, paid_minor, written_off_minor, remaining_minor from canonical.invoice_balances"
        " where issued_by = 'opening' order by number"
    )
    assert [tuple(row.values()) for row in balances] == [
        ("OLD-1", "opening", 50000, 30000, 5000, 15000),
        ("OLD-2", "opening", 10000, 10000, 0, 0),
    ]
    aged = started.rows(
        "select due_31_to_60_days_minor as march, due_61_to_90_days_minor as april from ledger.aged_receivables"
        " where customer_id = 'OPEN' order by period"
    )
    assert [tuple(row.values()) for row in aged] == [(20000, 0), (0, 15000)], "due on 14 February"


def test_a_foreign_open_item_takes_off_what_it_was_carried_at(started: Started) -> None:
    # Paid at the rate of its day; the rest of what it was carried at is lost, and nothing of it stays on the receivable.
    assert started.journal(opened("open_item:OLD-2")) == {"1000": (10000, 10400), "3900": (-10000, -10833), "7800": (0, 433)}


def test_deferred_revenue_is_recognised_by_the_days_that_are_left(started: Started) -> None:
    rolled = started.rows(
        "select opened_minor, recognised_minor, closing_minor, remaining_schedule_minor from ledger.deferred_revenue_roll_forward order by period"
    )
    # 500.00 over 153 days: 31 of March, 30 of April.
    assert [tuple(row.values()) for row in rolled] == [(50000, -10131, 39869, 39869), (0, -9804, 30065, 30065)]


def test_the_trial_balance_goes_on_from_that_of_the_former_system(started: Started) -> None:
    rows = started.rows("select account, closing_minor from ledger.trial_balance where period = '2026-03'")
    closed = {row["account"]: row["closing_minor"] for row in rows}
    assert closed[ACCOUNTS["opening_balance_equity"]] == 0
    assert closed[ACCOUNTS["cash"]] == 100000 + 30000 + 10400
    assert closed[ACCOUNTS["realised_exchange_difference"]] == 433
    assert closed[ACCOUNTS["tax_payable"]] == -2833 - (1200 + 300 + 1000 + 147)
    assert sum(closed.values()) == 0
    assert len(started.tests) >= 12
    assert {name: status for name, status in started.tests.items() if status != "pass"} == {}


def test_what_was_rated_issued_and_opened_ties(started: Started) -> None:
    assert started.rows(UNTIED.format("k3_rated_to_issued")) == []
    assert started.rows(UNTIED.format("k5_issued_to_journals")) == []
    k6 = [row for row in started.rows(UNTIED.format("k6_journals_to_posted")) if row["measure"] != "posted"]
    assert {(row["measure"], row["subject"], row["explanation"]) for row in k6} == {
        (measure, opened("open_item:OLD-1"), "opening_changed") for measure in ("opening", "opening carried")
    }, "a row that changes after the approval is named, and changes nothing"


def test_what_is_in_transit_is_listed_beside_what_was_carried_over_on_its_account(started: Started) -> None:
    rows = started.rows(
        "select clearing_role, cast(dated_on as varchar) as dated_on, age_days, amount_minor from ledger.clearing_items"
        f" where period = '2026-04' and currency = 'USD' and account = '{ACCOUNTS['cash']}' order by dated_on"
    )
    assert [tuple(row.values()) for row in rows] == [
        ("opening", "2026-03-01", 60, 100_000),
        ("cash", "2026-03-10", 51, 30_000),
    ]


def test_a_book_on_invoice_had_earned_before_the_cutover_what_the_primary_book_still_defers(started: Started) -> None:
    rows = started.rows(
        "select book, account, closing_minor, functional_closing_minor from ledger.book_trial_balance"
        " where period = '2026-04' and currency = 'USD' and account in ('2400', '3900', '4100') order by book, account"
    )
    balances = {(row["book"], row["account"]): (row["closing_minor"], row["functional_closing_minor"]) for row in rows}
    assert balances["primary", "2400"] == (-30_065, -30_065)
    assert balances["primary", "4100"] == (-19_935, -19_935)
    assert balances["tax", "2400"] == (0, 0)
    assert balances["tax", "4100"] == (0, 0)
    equity = {book: balances[book, "3900"][0] for book in ("primary", "tax")}
    assert equity["tax"] - equity["primary"] == -50_000


def test_a_secondary_book_is_exported_and_another_program_adds_it_up(started: Started, tmp_path: Path) -> None:
    started.installation.warehouse.publish()
    with pytest.raises(ConfigurationError, match="no book 'local'"):
        read_books(started.installation.warehouse, "2026-04", book="local")
    [books] = read_books(started.installation.warehouse, "2026-04", book="tax")
    [path] = write_books([books], "beancount", tmp_path)
    assert path.name == f"{ENTITY}-tax-2026-04.beancount"
    taken_back = [entry for entry in books.entries if entry.event == "revenue_recognised_reversed"]
    assert [(entry.reference.split(":")[0], entry.state) for entry in taken_back] == [("tax", "adjusting")]
    proved = subprocess.run([Path(sys.executable).with_name("bean-check"), path], check=False, capture_output=True, text=True)
    assert (proved.returncode, proved.stderr) == (0, "")
