"""Documents reach Stripe exactly as sealed, and every interrupted posting can be finished."""

from __future__ import annotations

import socket
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import stripe_documents as build
from traced_requests import page, traced

from reverse_etl.documents import SealedDocument
from reverse_etl.errors import ConfigurationError, DestinationError
from reverse_etl.settings import Settings
from reverse_etl.systems.contract import Ambiguous, NotExecuted, Outcome, Rejected, Succeeded
from reverse_etl.systems.stripe import open_stripe
from reverse_etl.systems.stripe.client import StripeClient

if TYPE_CHECKING:
    from conftest import Destination


def verified(destination: Destination, document: SealedDocument, remote_id: str | None = None) -> None:
    hints = {document.reference: remote_id} if remote_id else {}
    remote = destination.system.look_up([document], hints)[document.reference]
    assert destination.system.differences(document, document.number, remote) == ()
    assert set(remote.completed) == set(destination.system.call_names(document))


@pytest.mark.parametrize(
    ("currency", "lines"),
    [
        ("EUR", [build.line("u", 123_457, 23_457, "0.19"), build.line("f", 4_900, 931, "0.19", kind="fee"), build.line("z", 100, 0, "0")]),
        ("USD", [build.line("u", 33_333, 2_958, "0.08875"), build.line("n", -333)]),
        ("JPY", [build.line("u", 98_765, 9_876, "0.1")]),
        ("USD", [build.line("plus", 500), build.line("minus", -500)]),
        ("KWD", [build.line("r", 11_900, 0, "0", tax_treatment="reverse_charge", customer_tax_id="FR83404833048", customer_id="CHILD")]),
        ("EUR", [build.line(f"l{index}", 100 + index, 19, "0.19") for index in range(130)]),
    ],
    ids=["tax", "negative line", "yen", "zero total", "reverse charge", "130 lines"],
)
def test_an_invoice_arrives_to_the_cent(
    destination: Destination, currency: str, lines: list[dict[str, object]], request: pytest.FixtureRequest
) -> None:
    driver, owner = destination.driver, build.customer(f"A-{request.node.callspec.id}")
    driver.post(owner)
    document = build.invoice(owner, f"INV-{request.node.callspec.id}", lines, currency)
    remote_id = driver.post(document)
    held = destination.get(f"invoices/{remote_id}")
    assert (held["total"], held["currency"], held["number"]) == (document.total_minor, currency.lower(), document.number)
    verified(destination, document)
    verified(destination, document, remote_id)


def test_a_credit_note_credits_exactly_its_lines(destination: Destination) -> None:
    driver, owner = destination.driver, build.customer("B1")
    driver.post(owner)
    issued = build.invoice(owner, "INV-B1", [build.line(f"l{index}", 1_000, 190, "0.19") for index in range(12)], "EUR")
    invoice_id = driver.post(issued)
    lines = [build.line("c0", 333, 64, "0.19", corrects_line_key="l0"), build.line("c11", 1_000, 0, "0.19", corrects_line_key="l11")]
    memo = build.credit_memo(issued, "CRM-B1", [*lines, build.line("other", 10, 2, "0.19", corrects_line_key="not on this invoice")])
    remote_id = driver.post(memo)
    verified(destination, memo)
    verified(destination, memo, remote_id)
    held = destination.get(f"invoices/{invoice_id}")
    assert (held["amount_remaining"], held["pre_payment_credit_notes_amount"]) == (12 * 1_190 - 1_409, 1_409)
    note = destination.get(f"credit_notes/{remote_id}")
    assert (note["subtotal"], note["total"]) == (1_343, 1_409)
    assert note["memo"] == "Credit memo CRM-B1 on invoice INV-B1"
    line_ids = {line["metadata"]["tieout_line_key"]: line["id"] for line in destination.get(f"invoices/{invoice_id}/lines", limit=100)["data"]}
    assert [line["invoice_line_item"] for line in note["lines"]["data"]] == [line_ids["l0"], line_ids["l11"], None]


def test_a_credit_on_a_paid_invoice_goes_to_the_balance_where_that_was_decided(destination: Destination) -> None:
    driver, owner = destination.driver, build.customer("B2")
    driver.post(owner)
    issued = build.invoice(owner, "INV-B2", [build.line("l0", 1_000, 190, "0.19")], "EUR")
    destination.do(f"invoices/{driver.post(issued)}/pay", paid_out_of_band="true")
    memo = build.credit_memo(issued, "CRM-B2", [build.line("c0", 100, 19, "0.19", corrects_line_key="l0")])
    assert isinstance(driver.send(driver.call(memo, "create", {})), Rejected)
    decided = build.credit_memo(issued, "CRM-B3", memo.payload["lines"], disposition="credit")
    note = destination.get(f"credit_notes/{driver.post(decided)}")
    assert (note["total"], note["post_payment_amount"], note["pre_payment_amount"]) == (119, 119, 0)
    verified(destination, decided)


@pytest.mark.parametrize(
    ("key", "paid", "back", "told"),
    [
        ("charged", {"payment_method": "pm_card"}, {"refunded": 119}, (119, [119], 119, None)),
        ("recorded", {"paid_out_of_band": "true"}, {"returned": 119}, (119, [], 119, 119)),
        ("elsewhere", None, {}, (119, [], 0, None)),
    ],
)
def test_a_refund_goes_back_the_way_it_was_paid(
    destination: Destination, key: str, paid: dict[str, str] | None, back: dict[str, int], told: tuple[int, list[int], int, int | None]
) -> None:
    driver, owner = destination.driver, build.customer(f"R-{key}")
    driver.post(owner)
    issued = build.invoice(owner, f"INV-R-{key}", [build.line("l0", 1_000, 190, "0.19")], "EUR")
    invoice_id = driver.post(issued)
    if paid is not None:
        destination.do(f"invoices/{invoice_id}/pay", **paid)
    memo = build.credit_memo(issued, f"CRM-R-{key}", [build.line("c0", 100, 19, "0.19", corrects_line_key="l0")], disposition="refund", **back)
    note = destination.get(f"credit_notes/{driver.post(memo)}")
    refunds = [refund["amount_refunded"] for refund in note["refunds"]]
    assert (note["total"], refunds, note["post_payment_amount"], note["out_of_band_amount"]) == told
    verified(destination, memo)


def test_a_customer_is_updated_in_place_and_stays_findable_under_both_revisions(destination: Destination) -> None:
    driver, first = destination.driver, build.customer("U1")
    remote_id = driver.post(first)
    second = build.customer("U1", revision=2, name="Ada GmbH")
    assert driver.post(second) == remote_id
    assert destination.get(f"customers/{remote_id}")["name"] == "Ada GmbH"
    assert {remote.remote_id for remote in destination.system.look_up([first, second], {}).values()} == {remote_id}
    verified(destination, second, remote_id)


@pytest.mark.parametrize("call", ["create", "add_lines", "finalize"])
@pytest.mark.parametrize("kind", ["accept_then_drop", "accept_then_500", "accept_then_truncate", "accept_then_bad_gateway"])
def test_after_a_lost_answer_the_look_up_tells_what_happened_and_the_rest_follows(destination: Destination, kind: str, call: str) -> None:
    driver, owner = destination.driver, build.customer(f"L-{kind}-{call}")
    driver.post(owner)
    document = build.invoice(owner, f"INV-{kind}-{call}", [build.line("a", 100, 19, "0.19")])
    names = destination.system.call_names(document)
    before = names[: names.index(call)]
    if before:
        driver.post(document, upto=before[-1])
    replies = dict(driver.posted[document.business_key].replies) if before else {}
    destination.order(kind=kind, path=r"/v1/invoices$" if call == "create" else f"/{call}$")
    assert isinstance(driver.send(driver.call(document, call, replies)), Ambiguous)

    remote = destination.system.look_up([document], {})[document.reference]
    assert tuple(remote.completed) == (*before, call)
    driver.post(document, replies=remote.completed)
    verified(destination, document)
    assert len(destination.get("invoices", customer=driver.posted[owner.business_key].remote_id)["data"]) == 1


def outcome_of(destination: Destination, customer_id: str, **fault: object) -> Outcome:
    destination.order(path="/v1/customers$", **fault)
    driver, document = destination.driver, build.customer(customer_id)
    return driver.send(driver.call(document, "create", {}))


def test_within_retention_the_same_key_gives_the_first_answer(destination: Destination) -> None:
    driver, document = destination.driver, build.customer("K1")
    call = driver.call(document, "create", {})
    first, second = driver.send(call), driver.send(call)
    assert isinstance(first, Succeeded)
    assert first == second


def test_faults_before_execution_prove_nothing_happened(destination: Destination) -> None:
    limited = outcome_of(destination, "F1", kind="rate_limited", retry_after=3)
    assert isinstance(limited, NotExecuted)
    assert limited.retry_after == 3.0
    assert isinstance(outcome_of(destination, "F2", kind="lock_timeout"), NotExecuted)
    assert isinstance(outcome_of(destination, "F3", kind="refuse"), Rejected)
    assert isinstance(outcome_of(destination, "F4", kind="unavailable"), Ambiguous)
    assert isinstance(outcome_of(destination, "F5", kind="drop"), Ambiguous)
    documents = [build.customer(f"F{index}") for index in range(1, 6)]
    assert destination.system.look_up(documents, {}) == {}


def test_another_request_under_a_used_key_is_ambiguous(destination: Destination) -> None:
    driver = destination.driver
    first = driver.call(build.customer("M1"), "create", {})
    assert isinstance(driver.send(first), Succeeded)
    other = driver.call(build.customer("M2"), "create", {})
    mixed = type(first)(other.document, other.name, other.generation, first.idempotency_key, other.request)
    assert isinstance(driver.send(mixed), Ambiguous)


def test_more_lines_than_stripe_takes_are_refused_before_a_draft_exists(destination: Destination) -> None:
    driver, owner = destination.driver, build.customer("T1")
    driver.post(owner)
    document = build.invoice(owner, "INV-T1", [build.line(f"l{index}", 1) for index in range(251)])
    outcome = driver.send(driver.call(document, "create", {}))
    assert isinstance(outcome, Rejected)
    assert "250" in outcome.reason
    assert destination.system.look_up([document], {}) == {}


def test_a_revoked_key_holds_documents_instead_of_rejecting_them(destination: Destination, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIPE_API_KEY", "rk_revoked")
    revoked = open_stripe(Settings(home=tmp_path), destination.url)
    driver = build.Driver(revoked)
    outcome = driver.send(driver.call(build.customer("R1"), "create", {}))
    assert isinstance(outcome, NotExecuted)
    assert "renew" in outcome.reason
    with pytest.raises(DestinationError, match="401"):
        revoked.ping()


def test_a_destination_that_is_down_proves_nothing_was_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIPE_API_KEY", "sk_test_x")
    # Taken, so that nobody else listens there.
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        down = open_stripe(Settings(home=tmp_path), f"http://127.0.0.1:{deaf.getsockname()[1]}")
        driver = build.Driver(down)
        assert isinstance(driver.send(driver.call(build.customer("D1"), "create", {})), NotExecuted)
        for read in (down.ping, lambda: down.look_up([build.customer("D1")], {}), lambda: down.read_back("northlight_us", "2026-01")):
            with pytest.raises(DestinationError):
                read()


def test_a_key_never_travels_in_clear(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIPE_API_KEY", "sk_test_x")
    with pytest.raises(ConfigurationError, match="https"):
        open_stripe(Settings(home=tmp_path), "http://api.stripe.com")


def test_the_real_stripe_needs_only_the_url_and_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIPE_API_KEY", "sk_live_x")
    destinations = {"stripe": {"url": "https://api.stripe.com", "secret_environment": "STRIPE_API_KEY", "requests_per_second": 20, "concurrency": 2}}
    system = open_stripe(Settings.model_validate({"home": tmp_path, "destinations": destinations}))
    assert (system.manifest.capability_class, system.manifest.requests_per_second, system.manifest.concurrency) == ("A", 20, 2)
    assert system.manifest.replays_errors


def test_what_a_person_changed_at_stripe_shows_as_differences(destination: Destination) -> None:
    driver, owner = destination.driver, build.customer("P1")
    driver.post(owner)
    document = build.invoice(owner, "INV-P1", [build.line("a", 100), build.line("b", 200)])
    draft = driver.post(document, upto="add_lines")
    destination.do(f"invoices/{draft}", number="CHANGED", effective_at=1767268800)
    destination.do(f"invoices/{draft}/add_lines", **{"lines[0][amount]": 7})
    remote = destination.system.look_up([document], {})[document.reference]
    found = destination.system.differences(document, document.number, remote)
    assert found == (
        "status: draft, expected open or paid or uncollectible",
        "number: sealed INV-P1, at Stripe CHANGED",
        f"date: sealed 2026-01-31, at Stripe {date(2026, 1, 1)}",
        "total: sealed 300, at Stripe 307",
        "line (without key): amount 7, tax 0 is only at Stripe",
    )


def test_an_answer_later_than_the_deadline_is_ambiguous(destination: Destination) -> None:
    destination.order(kind="delay", path="/v1/customers$", seconds=600)
    client = StripeClient(destination.url, "sk_test_x", deadline_seconds=0.3)
    outcome = client.post("/v1/customers", {"name": "late"}, "late-key")
    assert isinstance(outcome, Ambiguous)
    assert "Timeout" in outcome.reason


def test_every_request_names_its_run_and_every_document_has_a_page(destination: Destination) -> None:
    driver = destination.driver
    with traced(destination.url) as seen:
        ada = build.customer("C-traced")
        driver.post(ada)
        remote_id = driver.post(build.invoice(ada, "INV-TRACED", [build.line("traced", 1000)]))
        destination.system.ping()
        list(destination.system.read_back("northlight_us", "2026-01"))
    seen.assert_of_one_run("POST /v1/customers", "POST /v1/invoices", "GET /v1/customers", "GET /v1/invoices")
    assert page(destination.url, remote_id)["id"] == remote_id
