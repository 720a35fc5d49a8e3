"""Plans, exceptions, replays, comparisons and corrections on the command line, with a destination over real HTTP."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from logged_lines import log_lines
from posting_books import HTTP, launch_destination
from posting_kind import RESET, declare
from posting_system import CLASS_B, CLASS_C, ENTITY, SYSTEM, customer, entry, seal

from dagster_project.cli import run
from dagster_project.cli.installing.installation import initialize
from dagster_project.close import Installation
from dagster_project.close.approvals import approve
from reverse_etl.documents import SealedDocument
from reverse_etl.posting.pacing import Modes
from reverse_etl.register import Register
from reverse_etl.sandbox.processes import ServerProcess, stop
from reverse_etl.settings import Settings, load_settings
from reverse_etl.transport import tracing

PERIOD = "2026-01"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, ServerProcess]]:
    url, process = launch_destination(tmp_path_factory.mktemp("destination"))
    yield url, process
    stop(process)


class Office:
    """An installation whose only destination is the one of the posting specifications, and the command line on it."""

    def __init__(self, home: Path, url: str, capsys: pytest.CaptureFixture[str]) -> None:
        self.home, self.url, self._capsys = home, url, capsys
        self.register: Register = self.installation.open_register()

    @property
    def installation(self) -> Installation:
        return Installation(load_settings(self.home))

    def __call__(self, *arguments: str, code: int = 0) -> str:
        """What a command prints, and its errors."""
        assert run(["--home", str(self.home), *arguments]) == code
        printed = self._capsys.readouterr()
        return " ".join((printed.out + printed.err).split())

    def answer(self, *arguments: str, code: int = 0) -> Any:
        assert run(["--home", str(self.home), *arguments, "--json"]) == code
        return json.loads(self._capsys.readouterr().out)

    def approve(self, request_id: str) -> None:
        approve(replace(self.installation, acting_as="grace"), request_id)

    def order(self, fault: str, **more: Any) -> None:
        HTTP.post(f"{self.url}/orders", json={"fault": fault, "times": 1, **more})

    def meddle(self, document: SealedDocument, total: int | None = None) -> None:
        HTTP.post(f"{self.url}/meddle", json={"reference": document.reference, "total": total})

    def held(self) -> dict[str, int]:
        """Reference -> how many documents the destination holds."""
        references = [document["reference"] for document in HTTP.get(f"{self.url}/books").json()["documents"]]
        return {reference: references.count(reference) for reference in references}


@pytest.fixture
def office(
    tmp_path: Path, running: tuple[str, ServerProcess], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Office]:
    url, _ = running
    assert HTTP.post(f"{url}/reset", json=RESET).status_code == 200
    (tmp_path / "tieout.yaml").write_text(f"entities: [{ENTITY}]\ndestinations: {{{SYSTEM}: {{url: {url}}}}}\n")
    initialize(load_settings(tmp_path))
    declare(monkeypatch, url, CLASS_B)
    made = Office(tmp_path, url, capsys)
    with closing(made.register):
        yield made


def sealed(office: Office, *names: str) -> tuple[SealedDocument, ...]:
    return seal(office.register, customer(office.register, "C1"), *(entry(office.register, name, depends_on=["C1"]) for name in names))


def test_a_plan_shows_what_a_push_would_do_by_account_and_computes_nothing(office: Office) -> None:
    sealed(office, "J1", "J2")
    told = office("plan", PERIOD, "--sealed")
    assert "3 documents would be sent, resolved or verified" in told
    assert f"{SYSTEM} {ENTITY}: by account" in told
    plan = office.answer("plan", PERIOD, "--sealed")["plan"]
    [lane] = plan["lanes"]
    assert lane["totals"] == [{"action": "create", "currency": "USD", "documents": 3, "total_minor": 2000}]
    [account] = lane["accounts"]
    assert (account["account"], account["debit_minor"], account["credit_minor"]) == ("1000", 2000, 2000)
    assert office.held() == {}


def test_a_plan_names_what_waits_for_a_destination_that_is_gone(office: Office) -> None:
    row = entry(office.register, "J1")
    seal(office.register, replace(row, system="gone", business_key=row.business_key.replace(SYSTEM, "gone")))
    assert "1 documents wait for gone, which is no destination of this installation" in office("plan", PERIOD, "--sealed")


def test_a_plan_says_what_a_destination_on_hold_keeps_waiting(office: Office, tmp_path: Path) -> None:
    sealed(office, "J1")
    path = str(tmp_path / "plan.json")
    office("plan", PERIOD, "--sealed", "--out", path)
    modes = Modes(office.installation.settings.pacing_folder / "modes.jsonl")
    modes.set(SYSTEM, "hold", actor="ada", reason="they migrate")
    told = office("plan", PERIOD, "--sealed")
    assert "they migrate" in told
    assert "0 documents would be sent" in told
    assert "and is held now" in office("push", "--plan", path, code=1)
    modes.set(SYSTEM, "normal", actor="ada", reason="migrated")
    assert "2 posted" in office("push", "--plan", path)


def test_what_waits_for_a_stopped_document_leads_to_it(office: Office) -> None:
    first, document = sealed(office, "J1")
    office.order("reject", reference=first.reference)
    office("push", PERIOD)
    told = office("exceptions", "show", document.reference)
    assert f"not sent: {first.business_key} is rejected" in told
    assert f"Next: tieout exceptions show {first.business_key}" in told


def test_a_push_does_what_a_plan_file_says_once_and_refuses_a_world_that_moved(office: Office, tmp_path: Path) -> None:
    sealed(office, "J1")
    path = str(tmp_path / "plan.json")
    assert "tieout push --plan" in office("plan", PERIOD, "--sealed", "--out", path)
    assert "2 posted" in office("push", "--plan", path)
    assert "nothing left to do: the 2 documents of the plan are delivered" in office("push", "--plan", path)
    assert set(office.held().values()) == {1}

    office("plan", PERIOD, "--sealed", "--out", path)
    seal(office.register, entry(office.register, "J2"))
    told = office("push", "--plan", path, code=1)
    assert f"the world moved since the plan was made: {SYSTEM}/{ENTITY}: {SYSTEM}/{ENTITY}/journal_entry/J2 was added since" in told
    assert len(office.held()) == 2

    assert "says itself of which period" in office("push", "2026-02", "--plan", path, code=2)
    Path(path).write_text(Path(path).read_text().replace('"total_minor":1000', '"total_minor":1001'))
    assert "was changed since it was written" in office("push", "--plan", path, code=1)
    office.register.renew_incarnation("ada", "restored from a backup")
    office("plan", PERIOD, "--sealed", "--out", path)
    office.register.renew_incarnation("ada", "restored once more")
    assert "the plan was made of the register" in office("push", "--plan", path, code=1)


def test_a_push_without_a_plan_says_first_what_it_is_about_to_do(office: Office) -> None:
    sealed(office, "J1")
    told = office("push", PERIOD)
    assert told.index(f"{SYSTEM} {ENTITY} {PERIOD}: to do: send 2") < told.index("2 posted")
    assert "Missing argument 'PERIOD'" in office("push", code=2)


def test_a_rejected_document_is_shown_and_tried_again(office: Office) -> None:
    _, document = sealed(office, "J1")
    office.order("reject", reference=document.reference)
    office("push", PERIOD)
    [row] = office.answer("exceptions")
    assert (row["subject"], row["amount_at_risk_minor"], row["age"]) == (document.business_key, 1000, "0 h 0 min")
    told = office("exceptions", "show", str(row["id"]), "--look")
    for what in ("this is not acceptable", "At risk: USD 10.00", "holds nothing under the reference", '"call":"create"'):
        assert what in told
    assert f"Next: tieout exceptions retry {row['id']}" in told
    assert "is rejected and would be forgotten" in office("exceptions", "resolve", str(row["id"]), "--reason", "tired", code=1)
    office.order("reject", reference=document.reference)
    assert "is rejected: HTTP 422" in office("exceptions", "retry", str(row["id"]), code=1)
    [row] = office.answer("exceptions", "list")
    assert office.answer("exceptions", "retry", str(row["id"]))["state"] == "verified"
    assert "No exceptions" in office("exceptions")
    assert office.held()[document.reference] == 1


def test_all_that_a_command_records_has_one_id_which_is_shown_with_every_attempt(office: Office) -> None:
    _, document = sealed(office, "J1")
    with sqlite3.connect(office.home / "register.sqlite") as connection:
        [(before,)] = connection.execute("select max(position) from log").fetchall()
    office.order("reject", reference=document.reference)
    office("push", PERIOD)
    with sqlite3.connect(office.home / "register.sqlite") as connection:
        rows = connection.execute("select kind, correlation_id from log where position > ?", [before]).fetchall()
    [run_id] = {correlation_id for _, correlation_id in rows}
    assert {kind for kind, _ in rows} == {"call", "call_result", "transition", "exception"}
    shown = office.answer("exceptions", "show", document.reference)
    assert {attempt["run"] for attempt in shown["attempts"]} == {run_id}
    assert {attempt["trace_id"] for attempt in shown["attempts"]} == {tracing.trace_id(run_id)}
    assert shown["url"] is None, "this destination has no pages"
    [stopped] = [line for line in log_lines(office.installation.settings) if line["level"] == "warning"]
    assert (stopped["run_id"], stopped["document"], stopped["destination"]) == (run_id, document.reference, SYSTEM)


def test_a_document_that_never_arrived_is_withdrawn(office: Office) -> None:
    _, document = sealed(office, "J1")
    office.order("reject", reference=document.reference)
    office("push", PERIOD)
    office("exceptions", "resolve", document.reference, "--cancel", "--reason", "the mapping was wrong")
    assert [delivery.state.value for _, delivery in office.register.deliveries()] == ["verified", "cancelled"]
    [ended] = office.register.exceptions("resolved")
    assert ended.resolution == "the mapping was wrong"


def test_what_nobody_can_look_up_two_people_settle(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    declare(monkeypatch, office.url, CLASS_C)
    _, first, second = sealed(office, "J1", "J2")
    for document in (first, second):
        office.order("accept_then_drop", reference=document.reference)
    office("push", PERIOD)
    assert len(office.answer("exceptions")) == 2
    office.meddle(second)

    told = office.answer("exceptions", "resolve", first.reference, "--posted", "journal_entry-2", "--reason", "seen in the journal")
    assert "cannot approve" in office("approve", told["request_id"], code=1)
    office.approve(told["request_id"])
    told = office.answer("exceptions", "resolve", second.reference, "--absent", "--reason", "looked everywhere")
    assert {row["kind"] for row in office.answer("approvals")} == {"confirm_absent"}
    office.approve(told["request_id"])
    office("push", PERIOD)

    assert office.answer("exceptions") == []
    assert {document.natural_id: delivery.remote_id for document, delivery in office.register.deliveries(document_type="journal_entry")}[
        "J1"
    ] == "journal_entry-2"
    assert office.held()[second.reference] == 1


def test_what_can_be_looked_up_is_not_asserted(office: Office) -> None:
    _, document = sealed(office, "J1")
    office("push", PERIOD)
    assert "only of what is parked" in office("exceptions", "resolve", document.reference, "--posted", "x", "--reason", "seen", code=1)
    assert f"{document.reference} is at {SYSTEM}" in office("exceptions", "resolve", document.reference, "--absent", "--reason", "gone", code=1)


def test_a_misposting_is_reversed_and_posted_once_more(office: Office) -> None:
    _, document = sealed(office, "J1")
    office("push", PERIOD)
    told = office.answer("repost", document.reference, "--reason", "posted to the wrong journal")
    [row] = office.answer("approvals")
    assert (row["kind"], row["subject"], row["amount_minor"]) == ("repost", document.business_key, 1000)
    assert "repost asked for by" in office("plan", PERIOD, "--sealed")
    office.approve(told["request_id"])
    assert [total["action"] for total in office.answer("plan", PERIOD, "--sealed")["plan"]["lanes"][0]["totals"]] == [
        "reverse",
        "repost",
        "unchanged",
    ]
    office("push", PERIOD)
    states = {(one.natural_id, one.revision): delivery.state.value for one, delivery in office.register.deliveries()}
    assert states == {("C1", 1): "verified", ("J1", 1): "reversed", ("J1", 2): "verified", ("J1:reversed:1", 1): "verified"}
    assert set(office.held().values()) == {1}
    assert "Everything ties" in office("reconcile", PERIOD)


def test_reconcile_and_replay_name_what_is_gone_and_send_nothing(office: Office) -> None:
    _, document = sealed(office, "J1")
    office("push", PERIOD)
    assert "2 verified again, 0 missing" in office("replay", "--period", PERIOD)
    assert "it has not vanished" in office("repost", document.reference, "--absent", "--reason", "gone", code=1)
    office.meddle(document)
    told = office("reconcile", PERIOD, code=1)
    for what in ("missing: delivered, and not there", document.reference, "K7 breaks: 1 documents", "Differs: 1 missing"):
        assert what in told
    assert "1 missing" in office("replay", document.reference, code=1)
    assert document.reference not in office.held()
    shown = office("exceptions", "show", document.reference, "--look")
    assert f"tieout repost {document.reference} --absent --reason WHY" in shown
    told = office.answer("repost", document.reference, "--absent", "--reason", "removed by mistake")
    office.approve(told["request_id"])
    office("push", PERIOD)
    assert office.answer("reconcile", PERIOD)["differences"] == {}
    assert "Say what: documents" in office("replay", code=2)


def test_a_destination_that_cannot_be_read_is_no_tie(office: Office) -> None:
    sealed(office, "J1")
    office("push", PERIOD)
    office.order("fail", call="look-up")
    told = office("reconcile", PERIOD, code=1)
    assert f"{SYSTEM} {ENTITY} {PERIOD}: could not be read" in told
    assert "Differs: 1 not read" in told


def test_no_secret_is_in_what_is_shown_or_written(office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOKS_SECRET", "sk_live_never_to_be_seen")
    _, document = sealed(office, "J1")
    path = tmp_path / "plan.json"
    shown = office("plan", PERIOD, "--sealed", "--out", str(path)) + office("push", PERIOD) + office("exceptions", "show", document.reference)
    assert "sk_live" not in shown + path.read_text()


def test_where_a_stand_in_does_not_run_the_command_that_starts_it_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = Settings(home=tmp_path)
    initialize(settings)
    (tmp_path / "secrets").mkdir(exist_ok=True)
    (tmp_path / "secrets" / "stripe_api_key").write_text("sk_test_1")
    settings.sandbox_folder.mkdir(exist_ok=True)
    ended = {"url": "http://127.0.0.1:9", "pid": 1, "started": "never", "home": str(tmp_path.resolve())}
    (settings.sandbox_folder / "stripe.json").write_text(json.dumps(ended))
    assert run(["--home", str(tmp_path), "reconcile", PERIOD, "--destination", "stripe", "--entity", "northlight_us"]) == 1
    told = capsys.readouterr().out
    assert "no connection to 127.0.0.1 port 9" in told
    assert "stripe: the stand-in does not run; start it with 'tieout sandbox start', then run this again" in told
