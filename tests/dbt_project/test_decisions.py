"""What people decide and what a run gate stops: several closes of one installation, with everything proposed sealed between them."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from dbt_commands import Dbt
from decision_closes import LIMITS, TAMPERED, UNTIED_RECEIVABLES, WITHOUT_SEEDS, Closes, Run
from decision_deliveries import CORRECTED_PRICES, CUSTOMERS, ENTITIES, FILES, MAPPINGS, PAYMENTS, PRICES, event

from dagster_project.cli.installing.installation import initialize
from dagster_project.close import Installation
from dagster_project.close.approvals import approve, ask_for_adjustment, ask_for_credit, reject
from reverse_etl.errors import ApprovalError
from reverse_etl.settings import Settings


@pytest.fixture(scope="module")
def closes(tmp_path_factory: pytest.TempPathFactory, dbt: Dbt) -> Closes:
    settings = Settings(home=Path(tmp_path_factory.mktemp("decisions")), entities=ENTITIES)
    initialize(settings)
    made = Closes(Installation(settings), dbt)

    january = [event(name, calls, "2026-01-15") for name, (_, _, calls) in CUSTOMERS.items()] + [event("WHOLE", "20", "2026-01-15", meter="seats")]
    made.deliver(date(2026, 2, 1), january, **FILES)
    made.adjust_unseen("READJUSTED", "api")
    made.propose()
    made.installation.warehouse.execute([LIMITS])
    made.seal("2026-01")
    made.close("2026-01")
    return made


@dataclass
class Decided:
    closes: Closes
    ids: Mapping[str, str]

    def run(self, number: int) -> Run:
        return self.closes.runs[number - 1]


@pytest.fixture(scope="module")
def decided(closes: Closes) -> Decided:
    """January is issued and published. February brings decisions, corrections, a payment, other prices and a storm; March what follows from them;
    then nothing new."""
    closes.installation.warehouse.publish()
    ids = {
        "refund": closes.credit("REFUNDED", "5", disposition="refund"),
        "refund_over": closes.credit("REFUNDED", "2", disposition="refund"),
        "write_off": closes.write_off("LOST"),
        "write_off_again": closes.write_off("LOST"),
        "write_off_part": closes.write_off("OPEN", "4.5"),
        "write_off_over": closes.write_off("OPEN", "7.51"),
        "adjustment": closes.adjust("ADJUSTED", "12.34"),
        "unknown_product": closes.adjust_unseen("ADJUSTED", "nothing"),
        "void_adjustment": closes.void("READJUSTED", rebill=True, cause="adjustment"),
        "goodwill": closes.credit("GOODWILL", "100", line=True),
        "less": closes.credit("LESS", "4"),
        "first": closes.credit("FULL", "10"),
        "second": closes.credit("FULL", "23.33"),
        "whole": closes.credit("WHOLE", "10"),
        "over": closes.credit("OVER", "10.01"),
        "void_yes": closes.void("VOIDYES", rebill=True),
        "void_no": closes.void("VOIDNO", rebill=False),
        "void_first": closes.void("VOIDTWICE", rebill=False),
        "void_again": closes.void("VOIDTWICE", rebill=True),
        "withdrawn": closes.credit("WITHDRAWN", "1"),
        "unapproved": ask_for_credit(closes.acting_as("ada"), closes.number("LATE"), Decimal(1), "nobody agreed").request_id,
    }
    february = [
        event("LESS", "-10", "2026-01-28", "retracted"),
        event("LATE", "3", "2026-01-28", "late"),
        event("COMMITTED", "300", "2026-01-28", "late"),
        event("SPIKE", "1001", "2026-02-10"),
        event("STEADY", "1000", "2026-02-10"),
        *(event(f"MANY{number}", "-4.9", "2026-01-28", "corrected") for number in range(4)),
        event("MANY0", "5", "2026-02-10"),
        event("ADJUSTED", "5", "2026-02-10"),
    ]
    mappings = [MAPPINGS, "M-new,*,usage_revenue,*,2004,2026-02-01"]
    payments = [PAYMENTS, f"bank-1,acme,{closes.number('REFUNDED')},8,USD,2026-02-10,paid,transfer"]
    closes.deliver(date(2026, 3, 1), february, prices=CORRECTED_PRICES, account_mappings=mappings, payments=payments)
    closes.propose(*WITHOUT_SEEDS)
    # Between the build and the seal one changes their mind.
    reject(closes.acting_as("ada"), ids["withdrawn"], "not an outage after all")
    closes.seal("2026-02")
    closes.close("2026-02")

    for entity, cause in (("many", "correction"), ("netting", "price")):
        approve(closes.acting_as("grace"), closes.runs[-1].gates[entity, cause]["plan_hash"])
    [spike] = [request for request in closes.installation.open_register().approval_requests() if request.kind == "usage_spike"]
    approve(closes.acting_as("grace"), spike.request_id)
    closes.deliver(date(2026, 4, 1), [], prices=[PRICES, "S,2,S.calls,USD,2026-01-01,,,1.6,"])
    closes.propose(*WITHOUT_SEEDS)
    closes.seal("2026-03")
    closes.close("2026-03")
    closes.propose(*WITHOUT_SEEDS)
    closes.build(
        *(*WITHOUT_SEEDS, "--select", "path:models/staging/register_closing", "path:models/staging/register_issued"),
        *(
            "path:models/canonical",
            "path:models/accounting",
            "stg_finance__books",
            "path:models/ledger",
            "k5_issued_to_journals",
            "draft_lines",
            "invoice_preview",
        ),
    )
    return Decided(closes, ids)


def test_a_goodwill_credit_of_100_on_a_line_of_1000_does_not_make_the_next_run_propose_100(decided: Decided) -> None:
    assert decided.run(1).of("GOODWILL") == [("invoice", 100_000, 20_000)]
    assert decided.run(2).of("GOODWILL") == [("credit_memo", 10_000, 2_000)]
    assert decided.run(3).of("GOODWILL") == decided.run(4).of("GOODWILL") == []


def test_a_reduction_after_goodwill_gives_back_no_more_than_is_left(decided: Decided) -> None:
    assert sorted(decided.run(2).of("LESS")) == [("credit_memo", 400, 80), ("credit_memo", 600, 120)]
    assert decided.run(3).of("LESS") == []
    assert "credited by a decision" in decided.run(2).k3_listed.values()


def test_a_full_credit_takes_the_remaining_net_and_tax(decided: Decided) -> None:
    assert decided.run(1).of("FULL") == [("invoice", 3333, 667)]
    assert decided.run(2).of("FULL") == [("credit_memo", 1000, 200)]
    assert decided.run(2).decisions[decided.ids["second"]] == "earlier_decision_first"
    assert decided.run(3).of("FULL") == [("credit_memo", 2333, 467)]
    assert decided.run(4).of("FULL") == []


def test_a_credit_on_an_invoice_is_spread_over_its_lines_by_what_is_left(decided: Decided) -> None:
    lines = decided.closes.rows(
        "select meter, amount_minor, tax_minor from staging.stg_register_closing__billing_lines"
        f" where decision_id = '{decided.ids['whole']}' order by meter"
    )
    assert lines == [{"meter": "calls", "amount_minor": -333, "tax_minor": -67}, {"meter": "seats", "amount_minor": -667, "tax_minor": -133}]


def test_what_cannot_be_credited_is_held_with_its_reason(decided: Decided) -> None:
    for run in (2, 3, 4):
        assert decided.run(run).decisions[decided.ids["over"]] == "exceeds_remaining"
        assert decided.run(run).of("OVER") == []
    assert decided.run(3).decisions[decided.ids["void_again"]] == "voided_already"
    assert decided.ids["unapproved"] not in decided.run(2).decisions


def test_a_void_to_be_billed_again_is_a_reversal_and_then_a_new_document(decided: Decided) -> None:
    assert decided.run(2).of("VOIDYES") == [("credit_memo", 700, 140)]
    assert decided.run(3).of("VOIDYES", "rebill") == [("invoice", 700, 140)]
    assert decided.run(4).of("VOIDYES") == []
    issued = [one for one in decided.closes.installation.open_register().documents() if one.payload["customer_id"] == "VOIDYES" and one.number]
    assert [(one.document_type, one.cause, one.period) for one in issued] == [
        ("invoice", "usage_and_fees", "2026-01"),
        ("credit_memo", "void_and_rebill", "2026-02"),
        ("invoice", "rebill", "2026-03"),
    ]
    assert issued[0].number != issued[2].number
    # The new document inherits nothing: it takes the account that is mapped now, the reversal that of the line it reverses.
    assert [one.payload["lines"][0]["revenue_account"] for one in issued] == ["1004", "1004", "2004"]


def test_a_void_not_to_be_billed_again_is_a_reversal_and_nothing_else(decided: Decided) -> None:
    assert decided.run(2).of("VOIDNO") == [("credit_memo", 800, 160)]
    assert decided.run(3).of("VOIDNO") == decided.run(4).of("VOIDNO") == []


def test_what_was_withdrawn_after_the_build_is_not_sealed(decided: Decided) -> None:
    assert decided.run(2).of("WITHDRAWN") == [("credit_memo", 100, 20)]
    assert decided.run(2).refused == ["not_approved"]
    assert decided.run(3).of("WITHDRAWN") == []


def test_a_corrected_price_credits_the_past_month_by_the_difference(decided: Decided) -> None:
    assert decided.run(2).of("PRICED") == [("credit_memo", 5_000, 1_000)]
    assert decided.run(2).of("PRICED", "price") == decided.run(2).of("PRICED")
    assert decided.run(3).of("PRICED") == []


def test_a_changed_mapping_is_prospective(decided: Decided) -> None:
    lines = decided.closes.rows(
        "select customer_id, document_type, revenue_account from staging.stg_register_closing__billing_lines"
        " where customer_id in ('PRICED', 'LATE') order by document_position"
    )
    assert [tuple(line.values()) for line in lines if line["customer_id"] == "PRICED"] == [
        ("PRICED", "invoice", "1004"),
        ("PRICED", "credit_memo", "1004"),
    ]
    assert [tuple(line.values()) for line in lines if line["customer_id"] == "LATE"] == [("LATE", "invoice", "1004"), ("LATE", "invoice", "2004")]


def test_late_usage_under_a_commitment_nets_to_zero_in_one_cause(decided: Decided) -> None:
    assert decided.run(1).of("COMMITTED") == [("invoice", 50_000, 10_000)]
    assert sorted(decided.run(2).of("COMMITTED", "late_usage")) == [("credit_memo", 30_000, 6_000), ("invoice", 30_000, 6_000)]


def test_many_small_corrections_stop_at_the_gate_and_the_regular_usage_goes_on(decided: Decided) -> None:
    gate = decided.run(2).gates["many", "correction"]
    assert (gate["line_count"], gate["gross_minor"], gate["is_stopped"]) == (4, 1960, True)
    assert decided.run(2).of("MANY0") == [("invoice", 500, 100)]
    assert all(decided.run(2).of(f"MANY{number}") == [] for number in (1, 2, 3))
    assert not decided.run(2).gates["acme", "correction"]["is_stopped"]
    assert {explanation for explanation in decided.run(2).k3_listed.values() if "gate" in explanation} == {
        "stopped by the run gate: correction",
        "stopped by the run gate: price",
    }


def test_an_approved_plan_goes_through_the_gate_even_in_the_next_month(decided: Decided) -> None:
    gate = decided.run(3).gates["many", "correction"]
    assert gate["plan_hash"] == decided.run(2).gates["many", "correction"]["plan_hash"]
    assert (gate["status"], gate["is_stopped"]) == ("approved", False)
    assert decided.run(3).of("MANY3") == [("credit_memo", 490, 98)]
    assert decided.run(4).of("MANY3") == []


def test_credits_and_bills_that_net_to_zero_stop_at_the_gate(decided: Decided) -> None:
    gate = decided.run(2).gates["netting", "price"]
    assert (gate["gross_minor"], gate["gross_limit"], gate["is_stopped"]) == (10_000, Decimal(60), True)
    assert decided.run(2).of("UP") == decided.run(2).of("DOWN") == []


def test_a_plan_that_moved_asks_again(decided: Decided) -> None:
    before, after = (decided.run(run).gates["netting", "price"] for run in (2, 3))
    assert before["plan_hash"] != after["plan_hash"]
    assert (after["status"], after["is_stopped"]) == ("unasked", True)
    assert decided.run(3).of("UP") == decided.run(3).of("DOWN") == []
    assert decided.run(4).gates["netting", "price"]["status"] == "open"


def test_a_storm_of_usage_holds_the_document_of_its_customer_until_approved(decided: Decided) -> None:
    assert decided.run(2).held["SPIKE"] == "usage_spike"
    assert decided.run(2).of("SPIKE") == []
    assert decided.run(2).of("STEADY") == [("invoice", 100_000, 20_000)]
    assert decided.run(3).of("SPIKE") == [("invoice", 100_100, 20_020)]


def test_every_difference_between_rated_and_issued_is_listed(decided: Decided) -> None:
    assert [run.k3_breaks for run in decided.closes.runs] == [[], [], [], []]


def test_a_rerun_proposes_nothing(decided: Decided) -> None:
    assert decided.run(4).proposed == []


def test_goodwill_is_journalled_on_the_accounts_of_the_line_that_it_credits(decided: Decided) -> None:
    legs = decided.closes.rows(
        f"select account, side, amount_minor from accounting.journal_lines where source_document like '%decision:{decided.ids['goodwill']}'"
        " order by account"
    )
    assert [tuple(leg.values()) for leg in legs] == [("1000", "credit", 12_000), ("1001", "debit", 2_000), ("1004", "debit", 10_000)]


def journal_of(decided: Decided, natural_id: str) -> list[tuple[Any, ...]]:
    legs = decided.closes.rows(
        "select event, period, customer_id, account, side, amount_minor from staging.stg_register_closing__journal_lines"
        f" where natural_id = '{natural_id}' order by account"
    )
    return [tuple(leg.values()) for leg in legs]


def test_a_refund_waits_for_the_payment_to_be_posted_and_is_journalled_with_its_credit_memo(decided: Decided) -> None:
    refund = decided.ids["refund"]
    assert decided.run(2).decisions[refund] == "exceeds_paid"
    assert decided.run(2).of("REFUNDED") == []
    assert decided.run(3).of("REFUNDED") == [("credit_memo", 500, 100)]
    assert journal_of(decided, f"credit_memo:decision:{refund}:refunded") == [
        ("refund_issued", "2026-03", "REFUNDED", "1000", "debit", 600),
        ("refund_issued", "2026-03", None, "1006", "credit", 600),
    ]
    [balance] = decided.closes.rows("select * from canonical.invoice_balances where customer_id = 'REFUNDED'")
    assert [balance[name] for name in ("invoiced_minor", "credited_minor", "paid_minor", "refunded_minor", "remaining_minor")] == [
        1200,
        -600,
        800,
        600,
        400,
    ]


def test_no_more_is_refunded_than_was_paid_and_is_not_refunded_yet(decided: Decided) -> None:
    assert decided.run(3).decisions[decided.ids["refund_over"]] == "earlier_decision_first"
    assert decided.run(4).decisions[decided.ids["refund_over"]] == "exceeds_paid"


def test_a_write_off_is_a_journal_with_tax_and_nothing_else(decided: Decided) -> None:
    assert journal_of(decided, f"decision:{decided.ids['write_off']}") == [
        ("write_off", "2026-02", "LOST", "1000", "credit", 1200),
        ("write_off", "2026-02", None, "1007", "debit", 1200),
    ]
    assert all(decided.run(number).of("LOST") == [] for number in (2, 3, 4))


def test_no_more_is_written_off_than_is_open(decided: Decided) -> None:
    again, part, over = (decided.ids[name] for name in ("write_off_again", "write_off_part", "write_off_over"))
    assert [decided.run(2).write_offs[key] for key in (again, part, over)] == ["earlier_decision_first", None, "earlier_decision_first"]
    assert [decided.run(3).write_offs[key] for key in (again, part, over)] == ["exceeds_balance", None, "exceeds_balance"]
    with pytest.raises(ApprovalError, match="is issued as tryton/acme/journal_entry/decision:"):
        reject(decided.closes.acting_as("ada"), part, "paid after all")


def test_an_adjustment_is_an_invoice_of_its_own_beside_the_regular_one_and_once(decided: Decided) -> None:
    assert sorted(decided.run(2).of("ADJUSTED")) == [("invoice", 500, 100), ("invoice", 1234, 247)]
    assert decided.run(2).of("ADJUSTED", "adjustment") == [("invoice", 1234, 247)]
    assert decided.run(3).of("ADJUSTED") == decided.run(4).of("ADJUSTED") == []
    [line] = decided.closes.rows(
        "select document_type, product, revenue_account, cast(service_period_start as varchar) as served, period"
        f" from staging.stg_register_closing__billing_lines where decision_id = '{decided.ids['adjustment']}'"
    )
    assert tuple(line.values()) == ("invoice", "api", "2004", "2026-01-01", "2026-02")
    [reason] = decided.closes.rows(f"select reason, state from analytics.invoice_preview where line_key = 'adjustment/{decided.ids['adjustment']}'")
    assert reason == {"reason": "An approved adjustment of 2026-01-01 to 2026-01-31: usage by letter", "state": "issued"}


def test_an_adjustment_that_cannot_be_billed_is_held_and_holds_nothing_else(decided: Decided) -> None:
    assert decided.run(2).held["ADJUSTED"] == decided.run(3).held["ADJUSTED"] == "unknown_product"


def test_an_adjustment_that_is_voided_to_be_billed_again_is_proposed_again(decided: Decided) -> None:
    assert decided.run(1).of("READJUSTED", "adjustment") == [("invoice", 1234, 247)]
    assert decided.run(2).of("READJUSTED") == [("credit_memo", 1234, 247)]
    assert decided.run(3).of("READJUSTED") == [("invoice", 1234, 247)]
    assert decided.run(4).of("READJUSTED") == []


@pytest.mark.parametrize(
    ("customer", "product", "period", "says"),
    [
        ("NOBODY", "api", "2026-01", "there is no customer NOBODY"),
        ("ADJUSTED", "nothing", "2026-01", "product nothing is on no charge"),
        ("ADJUSTED", "api", "2026-1", "name the product and the month"),
    ],
)
def test_an_adjustment_of_what_is_unknown_is_refused(decided: Decided, customer: str, product: str, period: str, says: str) -> None:
    with pytest.raises(ApprovalError, match=says):
        ask_for_adjustment(decided.closes.acting_as("ada"), customer, product, period, Decimal(1), "a guess")


def test_the_receivable_in_the_journals_is_the_open_balance_of_every_customer_after_each_close(decided: Decided) -> None:
    assert [run.untied_receivables for run in decided.closes.runs[:3]] == [[], [], []]
    assert decided.closes.rows(UNTIED_RECEIVABLES) == []


def test_refunds_and_write_offs_are_compared_with_their_journals(decided: Decided) -> None:
    compared = decided.closes.rows(
        "select measure, cast(sum(left_value) as bigint) as due, cast(sum(right_value) as bigint) as journalled, count_if(is_break) as breaks"
        " from reconciliation.k5_issued_to_journals where measure in ('refunds issued', 'written off') group by measure order by measure"
    )
    assert [tuple(row.values()) for row in compared] == [("refunds issued", 600, 600, 0), ("written off", 1650, 1650, 0)]


def test_receivables_roll_forward_to_what_is_open_of_every_invoice(decided: Decided) -> None:
    assert (
        decided.closes.rows(
            """
        select entity, currency, closing_minor, remaining_minor
        from (select entity, currency, arg_max(closing_minor, period) as closing_minor from ledger.receivables_roll_forward group by all)
        full outer join (select entity, currency, sum(remaining_minor) as remaining_minor from canonical.invoice_balances group by all)
            using (entity, currency)
        where closing_minor is distinct from remaining_minor
        """
        )
        == []
    )
    measures = ("opening", "invoiced", "credited", "paid", "refunded", "written_off", "closing")
    columns = ", ".join(f"{measure}_minor as {measure}" for measure in measures)
    months = decided.closes.rows(f"select {columns} from ledger.receivables_roll_forward where entity = 'acme' order by period")
    assert all(month["opening"] + sum(month[measure] for measure in measures[1:-1]) == month["closing"] for month in months)
    assert [month["opening"] for month in months] == [0, *(month["closing"] for month in months[:-1])]
    assert [(month["paid"], month["refunded"], month["written_off"]) for month in months] == [(0, 0, 0), (-800, 0, -1650), (0, 600, 0)]


def test_what_is_open_ages_from_its_due_date(decided: Decided) -> None:
    # Issued on 31 January, due 30 days later.
    aged = decided.closes.rows(
        "select period, not_due_minor, due_1_to_30_days_minor, due_over_90_days_minor, open_minor from ledger.aged_receivables"
        " where customer_id = 'OPEN' order by period"
    )
    assert [tuple(row.values()) for row in aged] == [("2026-01", 1200, 0, 0, 1200), ("2026-02", 750, 0, 0, 750), ("2026-03", 0, 750, 0, 750)]
    assert decided.closes.rows("select * from ledger.aged_receivables where customer_id = 'LOST' and period <> '2026-01'") == []


def test_revenue_of_another_month_is_off_the_diagonal(decided: Decided) -> None:
    posted = decided.closes.rows(
        "select period, service_period, account, revenue_minor, is_off_diagonal from ledger.revenue_by_service_period"
        " where entity = 'many' order by period, service_period"
    )
    assert [tuple(row.values()) for row in posted] == [
        ("2026-01", "2026-01", "1004", 4000, False),
        ("2026-02", "2026-02", "2004", 500, False),
        ("2026-03", "2026-01", "1004", -1960, True),
    ]


@pytest.fixture(scope="module")
def copy(decided: Decided, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """What was published, to be tampered with."""
    installation = decided.closes.installation
    installation.warehouse.publish()
    copied = Installation(Settings(home=tmp_path_factory.mktemp("tampered"), entities=ENTITIES))
    copied.settings.warehouse_path.parent.mkdir()
    shutil.copyfile(installation.settings.published_path, copied.settings.warehouse_path)
    return copied


def test_an_entry_that_the_ledger_refused_is_no_break_of_a_tie(copy: Installation, dbt: Dbt) -> None:
    count = "select count(*) as lines from ledger.general_ledger"
    [before] = copy.warehouse.read(count).to_pylist()
    entries = "select position from register.documents where document_type = 'journal_entry' and entity = 'acme' order by position limit 3"
    copy.warehouse.execute([f"update register.transitions set state = 'rejected' where document_position in ({entries})"])
    built = dbt(copy.settings, "run", "--select", "path:models/staging/register_closing", "general_ledger", "account_balances")
    assert built.succeeded, built.told
    [after] = copy.warehouse.read(count).to_pylist()
    assert after["lines"] < before["lines"]
    assert dbt(copy.settings, "test", "--select", *TAMPERED).statuses == dict.fromkeys(TAMPERED, "pass")


def test_a_tie_that_was_tampered_with_fails_by_its_name(copy: Installation, dbt: Dbt) -> None:
    copy.warehouse.execute(list(TAMPERED.values()))
    tampered = dbt(copy.settings, "test", "--select", *TAMPERED)
    assert tampered.statuses == dict.fromkeys(TAMPERED, "fail")
    # One break each: no tie fails for what was done to another.
    assert tampered.told.count("Got 1 result") == len(TAMPERED), tampered.told
