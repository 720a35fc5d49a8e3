"""The pages of a close in a real browser, on a desk, on a phone, in the dark and on paper: what is shown is what the warehouse holds.

Screenshots are kept in the folder that TIEOUT_SCREENSHOTS names, or in the temporary folder of the test.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from dbt_commands import Dbt
from playwright.sync_api import Browser, Page
from report_examples import NOW, item, queue, refused_report, report

from dagster_project.cli.closing.close import close_keys, delivered_days
from dagster_project.cli.installing.installation import initialize
from dagster_project.close import Installation
from dagster_project.close.partitions import first_day_after
from dagster_project.pages.queue_rendering import render_queue
from dagster_project.pages.rendering import SECTIONS, render_close_report
from dagster_project.pages.writing import write_close_report
from dagster_project.runs.runner import JobRun, JobRunner, exclusive
from reverse_etl.sandbox.sample import generate
from reverse_etl.sandbox.supervisor import start_sandbox, stop_sandbox
from reverse_etl.settings import Settings

PERIOD = "2026-01"
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 360, "height": 740}
LEAST_CONTRAST = 4.5

# The labels and amounts of a chart must not touch, nor leave the picture.
DRAWN = """
() => [...document.querySelectorAll('svg.chart')].filter(one => one.getBoundingClientRect().width).flatMap(one => {
  const frame = one.getBoundingClientRect(), boxes = [...one.querySelectorAll('text')].map(text => [text.textContent, text.getBoundingClientRect()])
  const outside = boxes.filter(([, box]) =>
    box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 2 || box.bottom > frame.bottom + 2)
  const bars = [...one.querySelectorAll('rect')].map(bar => ['bar', bar.getBoundingClientRect()])
  const spilled = bars.filter(([, box]) => box.left < frame.left - 1 || box.right > frame.right + 1)
  const touching = boxes.filter(([, a], at) => boxes.some(([, b], other) => other > at &&
    Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 2))
  return [...outside, ...spilled, ...touching].map(([text]) => one.querySelector('title').textContent + ': ' + text)
})
"""
# Text against what is behind it, by the formula of WCAG 2.
CONTRAST = """
() => {
  const channel = value => { const part = value / 255; return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4 }
  const luminance = ([red, green, blue]) => 0.2126 * channel(red) + 0.7152 * channel(green) + 0.0722 * channel(blue)
  const numbers = color => color.match(/[\\d.]+/g).map(Number)
  const behind = element => { for (let one = element; one; one = one.parentElement) {
    const found = numbers(getComputedStyle(one).backgroundColor); if (found.length < 4 || found[3] > 0) return found } return [255, 255, 255] }
  const poor = new Set()
  for (const one of document.querySelectorAll('h1, h2, h3, h4, p, dt, dd, td, th, a, li, code, summary, .pill, .risk, .big, .sign, svg text')) {
    if (!one.getBoundingClientRect().width || ![...one.childNodes].some(node => node.nodeType === 3 && node.textContent.trim())) continue
    const style = getComputedStyle(one), color = numbers(one instanceof SVGElement ? style.fill : style.color)
    const [light, dark] = [luminance(color), luminance(behind(one))].sort((a, b) => b - a)
    const ratio = (light + 0.05) / (dark + 0.05)
    if (ratio < %s) poor.add(`${one.tagName}.${one.getAttribute('class')} ${ratio.toFixed(2)} ${one.textContent.trim().slice(0, 40)}`)
  }
  return [...poor]
}
"""


@dataclass(frozen=True)
class Closed:
    installation: Installation
    run: JobRun
    dbt: Dbt


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Closed]:
    """One month of one legal entity, closed; the close has written its pages."""
    settings = Settings(home=tmp_path_factory.mktemp("installation"), entities=("northlight_eu",))
    initialize(settings)
    generate(settings.home, events=2_000, seed=7, customer_count=40)
    start_sandbox(settings)
    try:
        with exclusive(settings, "the test"):
            runner = JobRunner(settings)
            assert runner.land(delivered_days(settings)[0], first_day_after(PERIOD)).succeeded
            run = runner.close(close_keys(settings, PERIOD, None))
        yield Closed(Installation(settings), run, Dbt(tmp_path_factory.mktemp("dbt")))
    finally:
        stop_sandbox(settings)


@pytest.fixture(scope="module")
def screenshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = Path(os.environ.get("TIEOUT_SCREENSHOTS") or tmp_path_factory.mktemp("screenshots"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def opened(browser: Browser, path: Path, viewport: Mapping[str, int], scheme: str = "light") -> tuple[Page, list[str]]:
    """The page, and what it complained of or asked the network for."""
    context = browser.new_context(viewport=dict(viewport), color_scheme=scheme)  # type: ignore[arg-type]
    context.set_default_timeout(120_000)
    page = context.new_page()
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: told.append(str(error)))
    page.on("request", lambda request: told.append(request.url) if not request.url.startswith(("file:", "data:")) else None)
    page.goto(path.resolve().as_uri())
    return page, told


def unfold(page: Page) -> None:
    page.evaluate("() => document.querySelectorAll('details').forEach(one => one.open = true)")


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """Pages with all that is awkward: names that are markup, amounts of nineteen digits, nothing, minus."""
    folder = tmp_path_factory.mktemp("examples")
    pages = {
        "tied": render_close_report(report()),
        "refused": render_close_report(refused_report()),
        "queue": render_queue(queue()),
        "nothing waits": render_queue(replace(queue(), items=())),
        "one thing waits": render_queue(replace(queue(), items=(item("a line", 1),))),
    }
    paths = {name: folder / f"{name}.html" for name in pages}
    for name, content in pages.items():
        paths[name].write_text(content)
    return paths


@pytest.mark.parametrize("name", ["tied", "refused", "queue", "nothing waits", "one thing waits"])
@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_whatever_is_on_a_page_it_stays_within_the_screen_and_is_quiet(
    browser: Browser, examples: Mapping[str, Path], name: str, viewport: Mapping[str, int]
) -> None:
    page, told = opened(browser, examples[name], viewport)
    unfold(page)
    assert told == []
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    assert page.evaluate(DRAWN) == []


def test_on_a_phone_what_is_a_sentence_or_a_command_has_the_whole_width(browser: Browser, examples: Mapping[str, Path]) -> None:
    page, _ = opened(browser, examples["refused"], PHONE)
    for label in ("Reason", "Next"):
        cell, row = (page.locator(f"td[data-label={label}]").first, page.locator(f"tr:has(> td[data-label={label}])").first)
        assert (cell.bounding_box() or {})["width"] == (row.bounding_box() or {})["width"], label


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["tied", "refused", "queue"])
def test_everything_can_be_read_by_day_and_by_night(browser: Browser, examples: Mapping[str, Path], name: str, scheme: str) -> None:
    page, _ = opened(browser, examples[name], DESK, scheme)
    unfold(page)
    assert page.evaluate(CONTRAST % LEAST_CONTRAST) == []


def test_a_close_leaves_its_report_and_the_queue_and_tells_dagster_of_them(closed: Closed, browser: Browser, screenshots: Path) -> None:
    assert closed.run.succeeded, closed.run.failures
    folder = closed.installation.settings.home / "pages"
    for name, viewport, scheme in (("desk", DESK, "light"), ("phone", PHONE, "light"), ("dark", DESK, "dark")):
        page, told = opened(browser, folder / f"close-{PERIOD}.html", viewport, scheme)
        assert told == []
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
        assert page.evaluate(DRAWN) == []
        assert page.evaluate(CONTRAST % LEAST_CONTRAST) == []
        assert [page.locator(f"section#{identifier}").count() for identifier in SECTIONS] == [1] * len(SECTIONS)
        assert page.locator(".verdict strong").inner_text() == "Closed and tied out"
        page.screenshot(path=screenshots / f"close-report-{name}.png", full_page=True)
    assert closed.run.run_id in page.inner_text("header")
    page, told = opened(browser, folder / "exceptions.html", PHONE)
    assert told == []
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    page.screenshot(path=screenshots / "exceptions-phone.png", full_page=True)


def test_what_the_report_shows_is_what_the_warehouse_holds(closed: Closed, browser: Browser) -> None:
    warehouse = closed.installation.warehouse
    statement = """
        select waterfall.currency, step, title, kind, amount_minor, exponent from reconciliation.tie_out_waterfall as waterfall
        inner join constants.currencies using (currency) where period = ? and entity = 'northlight_eu' order by currency, position
    """
    rows = warehouse.read_published(statement, [PERIOD]).to_pylist()
    assert {row["currency"] for row in rows} == {"EUR", "USD"}
    page, _ = opened(browser, closed.installation.settings.home / "pages" / f"close-{PERIOD}.html", DESK)
    shown = page.evaluate("""() => [...document.querySelectorAll('#waterfall tr[data-step]')].map(row =>
        [row.dataset.step, row.querySelector('[data-label=Amount]').textContent])""")
    drawn = page.evaluate("() => [...document.querySelectorAll('#waterfall svg.wide .amount')].map(text => text.textContent)")
    expected = [(row["step"], written(row["amount_minor"], row["exponent"], signed=row["kind"] != "stage")) for row in rows]
    assert [tuple(pair) for pair in shown] == expected
    assert drawn == [amount for _, amount in expected]
    receivables = warehouse.read_published(
        "select sum(closing_minor) as minor from ledger.receivables_roll_forward where period = ? and entity = 'northlight_eu' and currency = 'EUR'",
        [PERIOD],
    ).to_pylist()[0]["minor"]
    row = page.locator("#roll-forwards tr", has_text="Receivables").filter(has_text="EUR").first
    assert f"EUR {written(int(receivables), 2)}" in (row.text_content() or "")
    checkpoints = warehouse.read_published(
        "select count(*) as n from reconciliation.checkpoints where period = ? and entity in ('northlight_eu', '*')", [PERIOD]
    ).to_pylist()[0]["n"]
    assert page.locator("#checkpoints tbody tr").count() == checkpoints


def test_the_report_is_printed_on_few_pages_with_what_a_controller_files(closed: Closed, browser: Browser, screenshots: Path) -> None:
    page, told = opened(browser, closed.installation.settings.home / "pages" / f"close-{PERIOD}.html", DESK, "dark")
    printed = page.pdf(path=screenshots / "close-report.pdf", format="A4", print_background=True)
    assert told == []
    assert 3 <= len(re.findall(rb"/Type\s*/Page\b", printed)) <= 6
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    # Of what ties the main measure; every sub-ledger; the rest is counted, and said to be on the screen.
    assert page.locator("#K6 .sides").is_visible()
    assert not page.locator("#K6 tbody tr").first.is_visible()
    assert page.locator("#roll-forwards tbody tr").first.is_visible()
    measures = page.locator("#checkpoints details table:first-of-type tbody tr").count()
    assert f"All {measures} measures, {measures} of them tied, are in this page on a screen" in page.locator("#checkpoints .on-paper").inner_text()
    assert "Clean: C01, " in page.locator("#controls .on-paper").inner_text()


def test_what_breaks_is_printed_whole(examples: Mapping[str, Path], browser: Browser) -> None:
    page, _ = opened(browser, examples["refused"], DESK)
    page.emulate_media(media="print")
    for table in page.locator("#checkpoints details:not(.tied) table").all():
        assert table.locator("tbody tr").first.is_visible()
    assert page.locator("#checkpoints details:not(.tied) table").count() >= 2


def test_the_queue_and_the_report_of_a_fresh_installation_say_that_there_is_nothing(browser: Browser, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, entities=("northlight_eu",))
    initialize(settings)
    path, written_report = write_close_report(Installation(settings), "2030-01", now=datetime(2030, 2, 1, tzinfo=UTC))
    page, told = opened(browser, path, PHONE)
    assert told == []
    assert page.locator(".verdict strong").inner_text() == "Never closed"
    assert written_report.waterfalls == ()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


# Last of all, for it changes what the warehouse holds.
def test_a_cent_that_is_gone_in_the_ledger_is_unexplained_and_the_control_of_the_way_fails(
    closed: Closed, browser: Browser, screenshots: Path
) -> None:
    """C21 stands beside the checkpoints, which were computed before: where they all tie and the way does not, it is the one that says so."""
    warehouse, settings = closed.installation.warehouse, closed.installation.settings
    warehouse.execute(
        [
            """
            update staging.stg_ledger__move_lines set credit_minor = credit_minor - 1, signed_functional_minor = signed_functional_minor + 1
            where remote_line_id = (
                select max(remote_line_id) from staging.stg_ledger__move_lines
                where entity = 'northlight_eu' and account_code = '4100' and currency = 'EUR' and credit_minor > 0
            )
            """
        ]
    )
    assert closed.dbt(settings, "run", "--select", "waterfall_measures", "tie_out_waterfall").succeeded
    tested = closed.dbt(settings, "test", "--select", "assert_tied_periods_are_explained")
    assert tested.statuses == {"assert_tied_periods_are_explained": "fail"}
    warehouse.publish()
    path, after = write_close_report(closed.installation, PERIOD, now=NOW)
    assert [(way.currency, step.step, step.money.minor) for way, step in after.unexplained] == [("EUR", "unexplained_ledger", -1)]
    page, told = opened(browser, path, DESK)
    assert told == []
    assert page.locator(".verdict strong").inner_text() == "Closed, and it does not tie any more"
    assert "EUR 0.01 unexplained" in page.locator(".verdict").inner_text()
    assert "C21" in page.locator("#controls").inner_text()
    page.screenshot(path=screenshots / "close-report-drifted.png", full_page=True)


def written(minor: int, exponent: int, signed: bool = False) -> str:
    """Apart from the code that is tested: digits, a point where the currency has one, thousands apart."""
    digits = f"{abs(minor):0{exponent + 1}d}"
    whole, part = (digits[:-exponent], f".{digits[-exponent:]}") if exponent else (digits, "")
    sign = "-" if minor < 0 else "+" if signed and minor > 0 else ""
    return f"{sign}{int(whole):,}{part}"
