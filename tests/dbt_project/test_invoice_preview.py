"""Drafts, held lines and issued documents side by side: each line with its reason, and no draft that was issued."""

from __future__ import annotations

import json
from contextlib import closing, redirect_stdout
from dataclasses import dataclass
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from dbt_commands import Dbt

from dagster_project.cli import run
from dagster_project.cli.installing.installation import initialize
from dagster_project.close import Installation
from dagster_project.close.outbox import proposed
from dagster_project.close.steps import mirror_register
from reverse_etl.cases.deliveries import deliver
from reverse_etl.cases.scenario import FIRST_DAY, Charge, Scenario, Subscription, Tier, UsageEvent, flat, quantity_event
from reverse_etl.landing import land
from reverse_etl.settings import Settings

FEBRUARY = FIRST_DAY.replace(month=2)
PER_UNIT = Charge("per_unit", (Tier(unit_price="0.5"),), taxes=("10",))
COMMITMENT = flat("commitment", Decimal(20), "commitment", "minimum", ("10",))
OUTBOX = ("outbox.outbox_invoices", "outbox.outbox_credit_memos")
MODELS = ("build", "--exclude-resource-type", "unit_test", "test", "--select", "+invoice_preview", "invoice_preview_events")
PROPOSALS = (*MODELS, "+outbox_invoices", "+outbox_credit_memos")
# Neither accounts nor customers are delivered a second time, and nothing is sealed any more.
CHANGES = (*MODELS, "--exclude", "resource_type:seed", "path:models/staging/finance", "path:models/staging/crm")


def used(*changes: tuple[str, int]) -> list[UsageEvent]:
    return [quantity_event(FIRST_DAY, quantity, place, run) for place, (quantity, run) in enumerate(changes)]


def customer(events: list[UsageEvent], *charges: Charge) -> Scenario:
    return Scenario((Subscription(charges or (PER_UNIT,), FIRST_DAY, FEBRUARY),), events, currency="EUR")


FEE = flat("fee", Decimal(31), taxes=("10",))
SCENARIOS = {
    "regular": customer(used(("10", 0)), PER_UNIT, COMMITMENT),
    "more": customer(used(("10", 0), ("4", 1))),
    "less": customer(used(("10", 0), ("4", 0), ("-3", 1))),
    "repriced": customer(used(("10", 0))),
    "held": customer(used(("10", 0)), Charge("per_unit", (Tier(unit_price="-1"),), taxes=("10",))),
    "ended": Scenario(
        (
            Subscription((FEE,), FIRST_DAY, FEBRUARY, anchor_on=FIRST_DAY, period_days=31),
            Subscription((FEE,), FIRST_DAY, FIRST_DAY.replace(day=11), anchor_on=FIRST_DAY, period_days=31, known_in_run=1),
        ),
        currency="EUR",
    ),
}
# The price of one customer is another one from the start; version 1 ends before it was ever effective here.
NEW_PRICE = """price_id,price_version,charge_id,currency,effective_from,effective_to,tier_up_to,unit_price,flat_fee,rate_percent,block_size
repriced/usage,1,repriced/usage,EUR,2000-01-01,2026-01-01,,0.5,0,,
repriced/usage,2,repriced/usage,EUR,2026-01-01,,,0.4,0,,
"""


@dataclass(frozen=True)
class Previewed:
    """The lines as they were drafted, after they were issued, and as a second run changes them."""

    drafted: dict[str, list[dict[str, Any]]]
    issued: dict[str, list[dict[str, Any]]]
    changed: dict[str, list[dict[str, Any]]]
    told: list[dict[str, Any]]


@pytest.fixture(scope="module")
def previewed(tmp_path_factory: pytest.TempPathFactory, dbt: Dbt) -> Previewed:
    settings = Settings(home=tmp_path_factory.mktemp("previewed"), entities=("cases",))
    initialize(settings)
    installation = Installation(settings)

    def build(*selection: str) -> dict[str, list[dict[str, Any]]]:
        mirror_register(installation)
        done = dbt(settings, *selection)
        assert done.succeeded, done.told
        found: dict[str, list[dict[str, Any]]] = {}
        for row in installation.warehouse.read("select * from analytics.invoice_preview order by customer_id, document_line_key").to_pylist():
            found.setdefault(row["customer_id"], []).append(row)
        return found

    deliver(settings.inbox, SCENARIOS, 0)
    land(installation.warehouse, settings)
    drafted = build(*PROPOSALS)
    with closing(installation.open_register()) as register:
        report = register.seal(proposed(installation.warehouse, OUTBOX), "test", "test")
        assert not report.refused
    # The end of a close: the drafts are those from before the seal, the register is as it is now.
    issued = build("run", "--select", "path:models/staging/register_closing", "invoice_preview")
    deliver(settings.inbox, SCENARIOS, 1)
    folder = settings.inbox / "prices" / "2026-02-01"
    folder.mkdir(parents=True)
    (folder / "prices.csv").write_text(NEW_PRICE)
    land(installation.warehouse, settings)
    changed = build(*CHANGES)
    installation.warehouse.publish()
    with redirect_stdout(StringIO()) as out:
        assert run(["--home", str(settings.home), "preview", "2026-01", "--customer", "more", "--json"]) == 0
    return Previewed(drafted, issued, changed, json.loads(out.getvalue()))


def said(line: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(line[name] for name in ("state", "reason_code", "net_minor", "tax_minor", "gross_minor", "old_minor", "new_minor"))


def test_a_draft_says_why_it_exists_and_what_it_adds(previewed: Previewed) -> None:
    commitment, usage = previewed.drafted["regular"]
    assert said(usage) == ("draft", "usage", 500, 50, 550, 0, 500)
    assert said(commitment) == ("draft", "commitment", 1500, 150, 1650, 0, 1500)
    assert usage["document_number"] is None
    assert usage["preview_id"] == "regular:2026-01:1"
    assert usage["reason"] == "Usage of 2026-01-01 to 2026-01-31, 1 event at price version 1"
    assert commitment["reason"] == "True-up to the commitment for 2026-01-01 to 2026-01-31 at price version 1"
    assert usage["usage_key"] == usage["line_key"]
    assert commitment["usage_key"] is None
    assert usage["event_count"] == 1
    assert usage["first_event_at"] == usage["last_event_at"] is not None


def test_a_held_line_has_its_reason_and_no_amount(previewed: Previewed) -> None:
    [held] = previewed.drafted["held"]
    assert said(held) == ("held", "held", None, None, None, 0, None)
    assert held["hold_reason"] == "missing_price"
    assert held["reason"].startswith("Held: No price is effective for this charge and currency. Deliver the price")


def test_after_the_seal_nothing_is_a_draft_that_was_issued(previewed: Previewed) -> None:
    states = {name: [line["state"] for line in lines] for name, lines in previewed.issued.items()}
    assert states == {name: ["held" if name == "held" else "issued" for _ in lines] for name, lines in previewed.drafted.items()}
    assert all(line["document_number"] for name, lines in previewed.issued.items() for line in lines if name != "held")
    # What was said of a draft is said of the issued line.
    for name, lines in previewed.issued.items():
        assert [(line["reason"], *said(line)[1:]) for line in lines] == [(line["reason"], *said(line)[1:]) for line in previewed.drafted[name]]


def test_a_change_says_what_changed_and_which_invoice_it_corrects(previewed: Previewed) -> None:
    drafts = {name: [line for line in lines if line["state"] == "draft"] for name, lines in previewed.changed.items()}
    numbers = {name: lines[0]["document_number"] for name, lines in previewed.issued.items()}
    assert {name: [said(line) for line in lines] for name, lines in drafts.items() if lines} == {
        "more": [("draft", "correction", 200, 20, 220, 500, 700)],
        "less": [("draft", "correction", -150, -15, -165, 700, 550)],
        "repriced": [("draft", "price_change", -100, -10, -110, 500, 400)],
        "ended": [("draft", "service_ended", -2100, -210, -2310, 3100, 1000)],
    }
    assert drafts["more"][0]["reason"] == f"Late or corrected usage of 2026-01-01 to 2026-01-31: from 1 to 2 events, corrects {numbers['more']}"
    assert drafts["repriced"][0]["reason"] == f"Price change for 2026-01-01 to 2026-01-31: version 1 became 2, corrects {numbers['repriced']}"
    assert drafts["ended"][0]["reason"] == f"The service of 2026-01-11 to 2026-01-31 was billed by {numbers['ended']} and is not given"
    assert drafts["less"][0]["document_type"] == "credit_memo"


def test_the_command_shows_issued_and_draft_side_by_side_in_units_of_the_currency(previewed: Previewed) -> None:
    draft, issued = previewed.told
    assert (draft["state"], draft["net"], draft["old"], draft["new"], draft["currency"]) == ("draft", "2.00", "5.00", "7.00", "EUR")
    assert (issued["state"], issued["gross"], issued["document"]) == ("issued", "5.50", previewed.issued["more"][0]["document_number"])
    assert draft["usage_key"] == issued["usage_key"]
