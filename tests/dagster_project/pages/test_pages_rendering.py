"""A page shows what it is given, exactly and harmlessly, and says plainly where there is nothing."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from xml.etree import ElementTree

import pytest
from report_examples import HOSTILE, HUGE, NOW, empty_report, item, money, queue, refused_report, report, tied_way, way

from dagster_project.pages.charts import HALF, NARROW, WIDE, Bar, Change, changes, sparkline, waterfall
from dagster_project.pages.queue import gathered, totals
from dagster_project.pages.queue_rendering import queue_summary, render_queue
from dagster_project.pages.rendering import SECTIONS, render_close_report, summary_of, verdict_of
from dagster_project.pages.report import CloseReport, InvoiceStatus, Outcome
from dagster_project.pages.templating import amount, signed


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.split("</style>")[1]))


PAGES = {"tied": render_close_report(report()), "refused": render_close_report(refused_report()), "queue": render_queue(queue())}


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_what_people_or_systems_wrote_is_shown_and_never_run(page: str) -> None:
    assert HOSTILE not in page
    assert "<script" not in page
    assert "&lt;script&gt;alert(" in page
    assert not re.search(r"\bon[a-z]+=", page)


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_a_page_asks_the_network_for_nothing(page: str) -> None:
    assert not re.search(r"""(src|srcset|action)=["'](?!data:)|url\(|@import|<link(?![^>]*href="data:)""", page)
    assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page


@pytest.mark.parametrize(
    ("minor", "currency", "shown"),
    [
        (0, "USD", "0.00"),
        (-1, "USD", "-0.01"),
        (123_456_789, "USD", "1,234,567.89"),
        (-1_500, "JPY", "-1,500"),
        (1_001, "BHD", "1.001"),
        (HUGE, "USD", "92,233,720,368,547,758.07"),
        (-HUGE, "BHD", "-9,223,372,036,854,775.807"),
    ],
)
def test_an_amount_has_the_decimals_of_its_currency_and_every_digit(minor: int, currency: str, shown: str) -> None:
    assert amount(money(minor, currency)) == shown
    assert signed(money(minor, currency)) == (f"+{shown}" if minor > 0 else shown)


def test_every_step_of_the_way_is_on_the_page_with_its_amount() -> None:
    page = render_close_report(report(waterfalls=(tied_way("BHD"),)))
    rows = re.findall(r'<tr class="[^"]*" data-step="([a-z_]+)">.*?data-label="Amount">([^<]+)</td>', page)
    told = {"usage": "100.000", "fees": "+25.005", "rated": "125.005", "corrections": "-30.000"}
    assert dict(rows) == {
        **told,
        **dict.fromkeys(("invoiced", "posted", "ledger"), "95.005"),
        **dict.fromkeys((f"unexplained_{stage}" for stage in ("rated", "invoiced", "posted", "ledger")), "0.000"),
    }


@pytest.mark.parametrize("shown", [report(), refused_report(), empty_report()], ids=["tied", "refused", "empty"])
def test_every_section_is_there_whatever_there_is_to_say(shown: CloseReport) -> None:
    page = render_close_report(shown)
    for identifier, title in SECTIONS.items():
        assert f'<section id="{identifier}">' in page
        assert f'href="#{identifier}">{title}' in page


def test_a_period_that_ties_one_that_does_not_and_one_that_nobody_closed_say_so() -> None:
    assert verdict_of(report()).headline == "Closed and tied out"
    refused = verdict_of(refused_report())
    assert (refused.headline, refused.tone) == ("Not closed", "bad")
    assert "2 breaks in K7" in refused.detail
    assert "USD 0.01 unexplained" in refused.detail
    assert verdict_of(empty_report()).headline == "Never closed"
    drifted = report(checkpoints=refused_report().checkpoints, break_count=2)
    assert drifted.outcome is Outcome.DRIFTED
    assert verdict_of(drifted).tone == "bad"
    assert verdict_of(replace(report(), entities=(replace(report().entities[0], status="open"),))).headline == "Not closed yet"
    assert "Never closed" in text_of(render_close_report(empty_report()))


def test_what_nothing_was_measured_of_is_not_said_to_be_explained() -> None:
    assert "is explained" in verdict_of(report()).detail
    assert "explained" not in verdict_of(report(waterfalls=())).detail


def test_a_broken_checkpoint_shows_both_sides_and_its_break_list() -> None:
    shown = text_of(render_close_report(refused_report()))
    assert "USD 950.05 ≠ USD 950.04" in shown
    assert "absent" in shown
    assert "1 caught something" in shown


def test_what_is_listed_between_two_sides_is_never_shown_as_equality() -> None:
    listed = replace(
        refused_report().checkpoints[0], left_value="100", right_value="60", excused_value="40", difference="0", break_count=0, status="tied"
    )
    assert "USD 1.00 = USD 0.60 + USD 0.40 listed" in text_of(render_close_report(report(checkpoints=(listed,))))


def test_the_queue_puts_the_most_money_first_and_what_cannot_be_compared_before_it() -> None:
    assert [one.subject for one in queue().items] == [
        "of unknown worth",
        "large in yen",
        HOSTILE,
        "small",
        "older without money",
        "k" * 150,
        "without money",
    ]
    page = text_of(render_queue(queue()))
    assert "No approved rate compares BHD" in page
    assert "BHD 0.001, JPY 9,000, USD 60.99 at risk" in page


def test_what_is_known_to_be_of_one_currency_needs_no_rate() -> None:
    alone = replace(queue(), items=(item("a", 5, "BHD"), item("b", 7, "BHD")))
    assert alone.unrated == ()
    assert "No approved rate" not in render_queue(alone)


def test_both_sides_of_a_checkpoint_say_of_which_legal_entity_they_are() -> None:
    names = ("beta", "acme")
    found = tuple(replace(report().checkpoints[0], entity=name) for name in names)
    entities = tuple(replace(report().entities[0], entity=name, name=name.title()) for name in names)
    shown = text_of(render_close_report(report(checkpoints=found, entities=entities)))
    assert "Beta: USD 950.05 = USD 950.05 Acme: USD 950.05 = USD 950.05" in shown


def test_invoices_are_added_up_by_legal_entity_and_currency_with_credit_memos_taken_off() -> None:
    rows = tuple(InvoiceStatus("acme", kind, "open", 1, money(total), money(total)) for kind, total in (("invoice", 1_000), ("credit_memo", -250)))
    shown = text_of(render_close_report(report(invoices=rows)))
    assert "Invoiced, with tax" in shown
    assert "2 USD 7.50 USD 10.00" in shown


def test_what_earlier_models_did_not_compute_is_not_said_to_be_nothing() -> None:
    shown = text_of(render_close_report(report(invoices=(), not_computed=frozenset({"analytics.invoices_by_status"}))))
    assert "Not computed yet: the published warehouse has no analytics.invoices_by_status." in shown
    assert "No invoice or credit memo" not in shown
    assert "No invoice or credit memo belongs to this period." in text_of(render_close_report(report(invoices=())))


def test_money_is_added_up_by_currency_and_never_across() -> None:
    assert totals([money(-5), money(7), money(3, "JPY")]) == (money(3, "JPY"), money(12))


def test_what_is_alike_and_costs_nothing_is_one_item_and_what_costs_is_never_hidden() -> None:
    alike = [item(f"event {number}", None, days=number) for number in range(1, 40)]
    [together, costly] = gathered([*alike, item("costly", 1)])
    assert (together.count, together.age(NOW), len(together.subjects)) == (39, timedelta(days=39), 12)
    assert costly.subject == "costly"


def test_an_empty_queue_says_so() -> None:
    empty = replace(queue(), items=())
    assert "Nothing waits for a person" in text_of(render_queue(empty))
    assert queue_summary(empty) == "**The exception queue is empty.**"
    assert "nothing was computed yet" in text_of(render_queue(replace(empty, published_at=None)))


def test_the_summary_has_a_row_for_every_way_and_survives_a_bar_in_a_name() -> None:
    lines = summary_of(report()).splitlines()
    assert sum(line.startswith("| acme |") for line in lines) == 3
    assert "USD 950.05 | USD 950.05 | USD 950.05 | USD 0.00" in summary_of(report())
    assert "a\\|b" in queue_summary(replace(queue(), items=(item("a|b", 1),)))


@pytest.mark.parametrize("width", [NARROW, HALF, WIDE])
@pytest.mark.parametrize(
    "values", [(), (0,), (5, -3, 2), (-5, -5, -10), (HUGE, -HUGE, 0), (1, HUGE, HUGE + 1)], ids=["none", "zero", "mixed", "negative", "huge", "tiny"]
)
def test_a_waterfall_stays_within_its_picture(values: tuple[int, ...], width: int) -> None:
    bars = [
        Bar(f"Step {HOSTILE} with a very long name {place}", value, f"{value:,}", "level" if place % 2 == 0 else "change")
        for place, value in enumerate(values)
    ]
    drawn = ElementTree.fromstring(waterfall("way", HOSTILE, HOSTILE, bars, width))
    assert_within(drawn)
    assert drawn.findtext("{http://www.w3.org/2000/svg}title") == HOSTILE


@pytest.mark.parametrize("values", [(), (0, 0), (1, -HUGE), (HUGE,)])
def test_changes_stay_within_their_picture(values: tuple[int, ...]) -> None:
    assert_within(ElementTree.fromstring(changes("moved", "title", "text", [Change(HOSTILE, value, f"{value:,}") for value in values])))


@pytest.mark.parametrize("values", [(), (7,), (0, 0), (-HUGE, HUGE), (1, 2, 3)])
def test_a_trend_stays_within_its_picture(values: tuple[int, ...]) -> None:
    drawn = ElementTree.fromstring(sparkline("trend", "title", "text", values))
    points = [
        float(number) for line in drawn.iter("{http://www.w3.org/2000/svg}polyline") for number in re.findall(r"-?[\d.]+", line.get("points", ""))
    ]
    assert all(0 <= number <= 120 for number in points)


def test_the_last_level_of_a_waterfall_is_drawn_from_nothing_and_a_change_from_where_the_one_before_ended() -> None:
    bars = [Bar("a", 100, "100", "level"), Bar("b", -40, "-40", "change"), Bar("c", 60, "60", "level")]
    drawn = ElementTree.fromstring(waterfall("way", "t", "d", bars, NARROW))
    boxes = [(float(box.get("x", "")), float(box.get("width", ""))) for box in drawn.iter("{http://www.w3.org/2000/svg}rect")]
    assert boxes == [(0, NARROW), pytest.approx((0.6 * NARROW, 0.4 * NARROW), abs=0.1), pytest.approx((0, 0.6 * NARROW), abs=0.1)]


def test_a_way_without_a_month_before_has_no_change() -> None:
    shown = text_of(render_close_report(report(waterfalls=(way("USD", ("invoiced", "stage", 1), ("posted", "stage", 1), ("ledger", "stage", 1)),))))
    assert "the first month" in shown


def assert_within(drawn: ElementTree.Element) -> None:
    _, _, width, height = (float(number) for number in drawn.get("viewBox", "").split())
    for box in drawn.iter("{http://www.w3.org/2000/svg}rect"):
        x, y, wide, high = (float(box.get(name, "")) for name in ("x", "y", "width", "height"))
        assert x >= -0.1
        assert x + wide <= width + 0.1
        assert y >= 0
        assert y + high <= height + 0.1
