"""A month closed in Dagster's own interface, as a person would: start the close, see a blocking check stop a bad one, put it right, resume.

The pictures go to the folder that TIEOUT_SCREENSHOTS names, else to pytest's own.
"""

from __future__ import annotations

import csv
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect
from tryton_accountant import post_by_hand

from dagster_project.cli.installing.installation import initialize
from reverse_etl.documents import State
from reverse_etl.register import Register
from reverse_etl.sandbox.sample import generate
from reverse_etl.sandbox.supervisor import start_sandbox, stop_sandbox
from reverse_etl.settings import HOME_VARIABLE, Settings, load_settings

TIEOUT = Path(sys.executable).with_name("tieout")
ENTITY, PERIOD = "northlight_us", "2026-01"
FIRST_DAY_AFTER = "2026-02-01"
START_SECONDS, RUN_SECONDS = 300.0, 600.0
SIZE = {"width": 1600, "height": 1000}


@dataclass(frozen=True)
class Interface:
    settings: Settings
    url: str


@pytest.fixture(scope="module")
def interface(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Interface]:
    """Dagster's interface and daemon on an installation of one legal entity, with a month landed and nothing closed."""
    home = tmp_path_factory.mktemp("northlight")
    (home / "tieout.yaml").write_text(f"entities: [{ENTITY}]\n")
    settings = load_settings(home)
    initialize(settings)
    generate(home, events=2_000, seed=11, customer_count=40)
    start_sandbox(settings)
    command(settings, "land", "--to", FIRST_DAY_AFTER)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (home / "dev.log").open("wb") as log:
        serving = subprocess.Popen(
            [TIEOUT, "dev", "--port", str(port)],
            env={**os.environ, HOME_VARIABLE: str(home)},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        await_interface(serving, f"http://127.0.0.1:{port}", home / "dev.log")
        yield Interface(settings, f"http://127.0.0.1:{port}")
    finally:
        os.killpg(serving.pid, signal.SIGINT)
        try:
            serving.wait(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(serving.pid, signal.SIGKILL)
            serving.wait()
        stop_sandbox(settings)


def command(settings: Settings, *arguments: str) -> None:
    done = subprocess.run([TIEOUT, *arguments], env={**os.environ, HOME_VARIABLE: str(settings.home)}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def await_interface(serving: subprocess.Popen[bytes], url: str, log: Path) -> None:
    give_up_at = time.monotonic() + START_SECONDS
    while time.monotonic() < give_up_at:
        assert serving.poll() is None, log.read_text()
        try:
            if httpx.get(f"{url}/server_info", trust_env=False).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.5)
    pytest.fail(f"Dagster's interface did not answer in {START_SECONDS:.0f} s: {log.read_text()[-2_000:]}")


@dataclass(frozen=True)
class Visit:
    """One person at the interface, who keeps pictures of what there is to see."""

    page: Page
    url: str
    pictures: Path

    def open(self, path: str) -> None:
        self.page.goto(self.url + path)

    def picture(self, name: str) -> None:
        self.pictures.mkdir(parents=True, exist_ok=True)
        self.page.wait_for_timeout(1_500)
        self.page.screenshot(path=self.pictures / f"{name}.png")

    def outcome(self) -> str:
        """How the run that is shown has ended."""
        ended = self.page.get_by_text("Success", exact=True).or_(self.page.get_by_text("Failure", exact=True)).first
        expect(ended).to_be_visible(timeout=RUN_SECONDS * 1_000)
        return ended.inner_text()


@pytest.fixture
def visit(browser: Browser, interface: Interface, tmp_path: Path) -> Iterator[Visit]:
    context = browser.new_context(viewport=SIZE)
    context.set_default_timeout(120_000)
    # What would cover the page the first time somebody opens it.
    context.add_init_script("localStorage.setItem('communityNux', '1')")
    yield Visit(context.new_page(), interface.url, Path(os.environ.get("TIEOUT_SCREENSHOTS") or tmp_path / "pictures"))
    context.close()


def test_a_close_is_started_stopped_by_a_check_put_right_and_resumed(interface: Interface, visit: Visit) -> None:
    settings, page = interface.settings, visit.page
    number = post_by_hand(settings, ENTITY, date(2026, 1, 30), "1000", "1250", Decimal("250.00"))

    start_close(visit)
    assert visit.outcome() == "Failure"
    # What the page has drawn while the run went on lists no failed step.
    page.reload()
    page.get_by_text("close__period", exact=True).last.click()
    expect(page.get_by_text(f"{ENTITY} {PERIOD} stays open: K8").first).to_be_visible()
    visit.picture("3-refused")
    expect(page.get_by_text('or in Dagster press "Re-execute all (*)"').first).to_be_visible()
    refused, _, _ = page.url.partition("?")
    visit.open("/assets/close/period?view=checks&checkDetail=K8")
    expect(page.get_by_text("blocking", exact=False).first).to_be_visible()
    expect(page.get_by_text("USD 250.00").first).to_be_visible()
    expect(page.get_by_text("to_go_on").first).to_be_visible()
    visit.picture("4-check")
    before = documents(settings)
    assert {state for _, state in before.values()} == {State.VERIFIED}
    assert status(settings) == "open"

    list_as_foreign(settings, number, "250.00")
    command(settings, "land", "--to", FIRST_DAY_AFTER)
    # The nearest item of the menu repeats the refusal alone, and the page then says so and where to go.
    repeated = execute_again(visit, refused, "From failure")
    assert visit.outcome() == "Failure"
    page.reload()
    page.get_by_text("close__period", exact=True).last.click()
    expect(page.get_by_text("This run compared nothing anew").first).to_be_visible()
    execute_again(visit, repeated, "All steps in root run")
    assert visit.outcome() == "Success"
    visit.picture("5-resumed")
    visit.open(f"/assets/close/period?view=partitions&partition={ENTITY}%7C{PERIOD}")
    expect(page.get_by_text("Materialized (1)")).to_be_visible()
    visit.picture("6-closed")
    assert documents(settings) == before, "what was posted before the fix stands, and nothing was posted twice"
    assert status(settings) == "soft_closed"


def start_close(visit: Visit) -> None:
    """The job's page, its partitions, its button; ends at the run's own page."""
    page = visit.page
    visit.open("/locations/tieout/jobs/monthly_close")
    page.get_by_role("button", name="Materialize all").click()
    page.get_by_role("button", name="All", exact=True).first.click()
    page.get_by_placeholder("ex:").fill(PERIOD)
    page.keyboard.press("Enter")
    launch = page.get_by_role("button", name="Launch 1 run")
    expect(launch).to_be_enabled()
    visit.picture("1-partition")
    launch.click()
    latest = page.locator("a[href^='/runs/']").first
    expect(latest).to_be_visible(timeout=RUN_SECONDS * 1_000)
    visit.open(str(latest.get_attribute("href")))
    expect(page.get_by_text("Executing (1)")).to_be_visible(timeout=RUN_SECONDS * 1_000)
    visit.picture("2-running")


def execute_again(visit: Visit, run: str, how: str) -> str:
    """An item of the menu beside the button Re-execute on a run's page; the page of the run that it starts."""
    page = visit.page
    visit.open(run.removeprefix(visit.url))
    page.locator("button[class*='dropdownArrow']").first.click()
    page.get_by_role("menuitem", name=how).click()
    page.wait_for_url(lambda url: "/runs/" in url and not url.startswith(run), timeout=RUN_SECONDS * 1_000)
    started, _, _ = page.url.partition("?")
    return started


def list_as_foreign(settings: Settings, number: str, amount: str) -> None:
    """Treasury says what the entry is, as a delivered file like any other."""
    folder = settings.inbox / "foreign_entries" / FIRST_DAY_AFTER
    folder.mkdir(parents=True)
    with (folder / "treasury.csv").open("w", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(("entity_id", "entry_number", "posting_date", "amount", "reason", "owner"))
        rows.writerow((ENTITY, number, "2026-01-30", amount, "receipt of a bank", "treasury"))


def documents(settings: Settings) -> dict[str, tuple[str | None, State]]:
    """What is sealed, where each is at its destination, and its state."""
    with closing(Register.open(settings.register_url)) as register:
        return {document.reference: (delivery.remote_id, delivery.state) for document, delivery in register.deliveries()}


def status(settings: Settings) -> str:
    with closing(Register.open(settings.register_url)) as register:
        return register.period_status(ENTITY, PERIOD)
