"""Usage reports reach Stripe's meters once each, whatever becomes of the answer."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import stripe_documents as build

from reverse_etl.documents import OutboxRow, SealedDocument, State
from reverse_etl.posting import push
from reverse_etl.register import Register
from reverse_etl.systems.contract import Ambiguous, Rejected, Succeeded, UsageWindow
from reverse_etl.systems.stripe import MANIFEST
from reverse_etl.systems.stripe.usage_reports import classify_report
from reverse_etl.transport import Answer

if TYPE_CHECKING:
    from conftest import Destination


def report(of: SealedDocument, name: str, value: str, timestamp: int) -> SealedDocument:
    payload = {"customer_id": of.natural_id, "event_name": "reported", "value": value, "timestamp": timestamp}
    return build.sealed("usage_report", name, payload, entity=of.entity, depends_on=(of.business_key,))


@pytest.fixture
def minute(destination: Destination) -> int:
    """A whole minute in the stand-in's past, on a meter that it knows."""
    answer = destination.dashboard.post(
        "/v1/billing/meters", data={"display_name": "r", "event_name": "reported", "default_aggregation[formula]": "sum"}
    )
    assert answer.status_code in (200, 400)
    return int(datetime.now(UTC).timestamp()) // 60 * 60 - 600


def counted(destination: Destination, customer: str, minute: int) -> str:
    windows = [UsageWindow(customer, "reported", minute, minute + 600)]
    [record] = [record for relation, record in destination.system.read_platform("2020-01", windows) if relation == "raw.platform_usage"]
    return str(record["counted"])


def test_a_report_is_counted_under_its_reference_and_a_second_one_proves_the_first(destination: Destination, minute: int) -> None:
    driver, owner = destination.driver, build.customer("M1")
    customer = driver.post(owner)
    document = report(owner, "M1:1", "41", minute)
    assert driver.post(document) == document.reference
    again = driver.send(driver.call(document, "create", {}, generation=2))
    assert again == Succeeded(document.reference)
    assert counted(destination, customer, minute) == "41"


@pytest.mark.parametrize("kind", ["accept_then_500", "accept_then_drop", "accept_then_truncate", "accept_then_bad_gateway"])
def test_a_lost_answer_is_found_out_by_sending_again(destination: Destination, minute: int, kind: str) -> None:
    driver, owner = destination.driver, build.customer(f"M-{kind}")
    customer = driver.post(owner)
    document = report(owner, f"M-{kind}:1", "5", minute)
    destination.order(kind=kind, path="meter_events")
    call = driver.call(document, "create", {})
    assert isinstance(driver.send(call), Ambiguous)
    assert driver.send(call) == Succeeded(document.reference)
    assert counted(destination, customer, minute) == "5"


def test_what_stripe_does_not_take_is_rejected(destination: Destination, minute: int) -> None:
    driver, owner = destination.driver, build.customer("M2")
    driver.post(owner)
    outcome = driver.send(driver.call(report(owner, "M2:1", "1", minute - 40 * 86400), "create", {}))
    assert isinstance(outcome, Rejected)
    assert "timestamp_too_far_in_past" in outcome.reason


def test_reports_have_no_look_up_and_no_stored_errors() -> None:
    of_reports = MANIFEST.of("usage_report")
    assert (of_reports.look_up_lag, of_reports.replays_errors, of_reports.capability_class) == (None, False, "A")
    assert MANIFEST.of("invoice") is MANIFEST


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b'{"object": "billing.meter_event", "identifier": "another"}'),
        (400, b'{"error": {"type": "idempotency_error", "message": "An event already exists with identifier another."}}'),
        (500, b'{"error": {"type": "api_error", "message": "An event already exists with identifier TO-1."}}'),
        (200, b"not JSON"),
    ],
)
def test_only_our_own_identifier_proves_anything(status: int, body: bytes) -> None:
    assert isinstance(classify_report(Answer(status, {}, body), "TO-1"), Ambiguous)


def test_a_push_of_reports_brings_their_customers_and_leaves_them_posted(destination: Destination, minute: int, tmp_path: Path) -> None:
    register = Register.open(f"sqlite:///{tmp_path / 'register.sqlite'}")
    common = {"contract_version": 1, "system": "stripe", "entity": build.US, "revision": 1, "operation": "create", "series": None}
    dated = {"document_date": date(2026, 1, 31), "posting_date": date(2026, 1, 31), "period": "2026-01", "currency": "USD", "total_minor": 0}
    told = {"sensitivity": "internal", "cause": "usage", "register_head": 0, "register_incarnation": register.incarnation}
    owner_key, report_key = f"stripe/{build.US}/customer/M3", f"stripe/{build.US}/usage_report/M3:1"
    usage = {"usage_key": "u", "event_name": "reported", "customer_id": "M3", "value": "9", "timestamp": minute}
    rows = [
        OutboxRow(
            **common, **dated, **told, document_type=kind, natural_id=name, business_key=key, depends_on=needs, subtracted_key=key, payload=payload
        )
        for kind, name, key, needs, payload in (
            ("customer", "M3", owner_key, (), dict(build.customer("M3").payload)),
            ("usage_report", "M3:1", report_key, (owner_key,), usage),
        )
    ]
    assert register.seal(rows, "test", "run").refused == ()
    delivered = push(register, destination.system, build.US, "2026-01", document_types=("usage_report",), settings_or_lock_folder=tmp_path, actor="t")
    assert delivered.by_document_type == {"customer": {"verified": 1}, "usage_report": {"posted": 1}}
    again = push(register, destination.system, build.US, "2026-01", settings_or_lock_folder=tmp_path, actor="t")
    assert (again.posted, again.requests) == (0, 0)
    [(_, delivery)] = register.deliveries(document_type="usage_report")
    assert delivery.state is State.POSTED
    refused = register.seal(
        [
            OutboxRow(
                **common,
                **dated,
                **told,
                document_type="usage_report",
                natural_id="M3:2",
                business_key=f"{report_key[:-1]}2",
                depends_on=(owner_key,),
                subtracted_key="x",
                payload=usage | {"value": "1.5"},
            )
        ],
        "test",
        "run",
    ).refused
    assert "not a whole number above zero" in refused[0].reason
