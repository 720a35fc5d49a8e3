"""One asks, another approves what they saw; only then is the document of a decision sealed, and once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from register_rows import ENTITY, credit_memo, invoice, journal
from register_stores import run

from reverse_etl.documents import OutboxRow
from reverse_etl.errors import ApprovalError, MakerIsCheckerError
from reverse_etl.register import ApprovalRequest, NewApprovalRequest, Register
from reverse_etl.warehouse.duckdb import DuckDBWarehouse
from reverse_etl.warehouse.mirror import mirror

GOODWILL: Mapping[str, Any] = {
    "kind": "goodwill",
    "entity": ENTITY,
    "subject": f"stripe/{ENTITY}/invoice/C0001:2026-01:1",
    "reason": "an outage",
    "currency": "USD",
    "amount_minor": 100,
    "basis": "net",
    "disposition": "offset",
}
GATE = NewApprovalRequest("run_gate", ENTITY, f"{ENTITY}/correction", "1000 corrections", content_hash="a" * 64)


@pytest.fixture
def issued(register: Register) -> Register:
    register.seal([invoice(register)], "tests", "run")
    return register


def ask(register: Register, actor: str = "ada", **changes: Any) -> ApprovalRequest:
    return register.ask(NewApprovalRequest(**{**GOODWILL, **changes}), actor)


def memo_of(register: Register, request: ApprovalRequest) -> OutboxRow:
    head = register.documents()[0].position
    natural_id = f"decision:{request.request_id}"
    row = credit_memo(register, head=head)
    return replace(
        row,
        natural_id=natural_id,
        business_key=f"stripe/{ENTITY}/credit_memo/{natural_id}",
        cause=request.document_cause,
        payload={**row.payload, "decision_id": request.request_id, "invoice_key": request.subject},
    )


def test_who_asks_cannot_approve_and_another_can(issued: Register) -> None:
    request = ask(issued)
    with pytest.raises(MakerIsCheckerError, match=r"ada asked for .* and cannot approve it.*four_eyes: false"):
        issued.approve(request.request_id, request.content_hash, "ada")
    approved = issued.approve(request.request_id, request.content_hash, "grace")
    assert approved.verdict is not None
    assert (approved.status, approved.requested_by, approved.verdict.decided_by, approved.verdict.four_eyes) == (
        "approved",
        "ada",
        "grace",
        "required",
    )
    assert issued.verify_chain().intact


def test_an_installation_of_one_person_says_so_on_every_approval(issued: Register) -> None:
    request = ask(issued)
    approved = issued.approve(request.request_id, request.content_hash, "ada", four_eyes=False)
    assert approved.verdict is not None
    assert approved.verdict.four_eyes == "waived"


def test_an_approval_is_of_what_was_seen(issued: Register) -> None:
    first, second = ask(issued), ask(issued)
    assert first.content_hash != second.content_hash
    with pytest.raises(ApprovalError, match="is not what you saw"):
        issued.approve(first.request_id, second.content_hash, "grace")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"subject": "stripe/northlight_us/invoice/never"}, "no invoice of this register"),
        ({"currency": "EUR"}, "is in USD, not in EUR"),
        ({"reason": " "}, "give a reason"),
        ({"amount_minor": 0}, "the amount is above zero"),
        ({"disposition": "gift"}, "the disposition is offset or credit or refund"),
        ({"kind": "present"}, "is nothing that can be asked for"),
        ({"kind": "write_off", "amount_minor": 0}, "the amount is above zero"),
        ({"kind": "adjustment", "amount_minor": -1, "line_key": "api/2026-01"}, "the amount is above zero"),
        ({"kind": "adjustment", "line_key": "api/2026-13"}, "name the product and the month"),
        ({"kind": "void"}, "say whether it is billed again"),
        ({"basis": "before_discount"}, "is of one line"),
        ({"content_hash": "b" * 64}, "only what was computed brings the hash"),
    ],
)
def test_what_is_not_whole_cannot_be_asked_for(issued: Register, changes: dict[str, Any], says: str) -> None:
    before = issued.position
    with pytest.raises(ApprovalError, match=says):
        ask(issued, **changes)
    assert issued.position == before


def test_a_cancelled_invoice_cannot_be_credited(issued: Register) -> None:
    issued.cancel(issued.documents()[0], "tests", "never sent")
    with pytest.raises(ApprovalError, match="is cancelled"):
        ask(issued)


def test_a_plan_is_asked_for_once_and_another_plan_anew(register: Register) -> None:
    first = register.ask(GATE, "close")
    assert register.ask(GATE, "close again") == first
    assert register.ask(replace(GATE, content_hash="b" * 64), "close").request_id != first.request_id
    register.reject(first.request_id, first.content_hash, "grace", "too many")
    assert register.ask(GATE, "close").status == "rejected"


def adjustment_of(register: Register, request: ApprovalRequest, amount: int = 100, customer: str = "C0001") -> OutboxRow:
    row, natural_id = invoice(register, amount=amount), f"decision:{request.request_id}"
    return replace(
        row,
        natural_id=natural_id,
        business_key=f"stripe/{ENTITY}/invoice/{natural_id}",
        cause="adjustment",
        register_head=register.documents()[0].position,
        payload={**row.payload, "decision_id": request.request_id, "lines": [{**row.payload["lines"][0], "customer_id": customer}]},
    )


def write_off_of(register: Register, request: ApprovalRequest) -> OutboxRow:
    row, natural_id = journal(register), f"decision:{request.request_id}"
    payload = {**row.payload, "decision_id": request.request_id, "source_document": request.subject}
    return replace(row, natural_id=natural_id, business_key=f"tryton/{ENTITY}/journal_entry/{natural_id}", cause="write_off", payload=payload)


def test_an_adjustment_is_sealed_for_the_customer_and_the_amount_that_were_approved(issued: Register) -> None:
    request = ask(issued, kind="adjustment", subject="C0001", line_key="api/2026-01", disposition=None)
    assert issued.seal([adjustment_of(issued, request)], "tests", "run").refused[0].code == "not_approved"
    issued.approve(request.request_id, request.content_hash, "grace")
    for wrong in (adjustment_of(issued, request, amount=101), adjustment_of(issued, request, customer="C0002")):
        [refusal] = issued.seal([wrong], "tests", "run").refused
        assert refusal.reason == f"it is not what decision {request.request_id} was approved for"
    assert len(issued.seal([adjustment_of(issued, request)], "tests", "run").sealed) == 1


def test_a_write_off_is_sealed_as_approved_and_withdrawn_no_more(issued: Register) -> None:
    request = ask(issued, kind="write_off", amount_minor=1200, basis="gross", disposition=None)
    small = ask(issued, kind="write_off", amount_minor=1199, basis="gross", disposition=None)
    assert issued.seal([write_off_of(issued, request)], "tests", "run").refused[0].code == "not_approved"
    for one in (request, small):
        issued.approve(one.request_id, one.content_hash, "grace")
    assert issued.seal([write_off_of(issued, small)], "tests", "run").refused[0].code == "not_approved"
    assert len(issued.seal([write_off_of(issued, request)], "tests", "run").sealed) == 1
    with pytest.raises(ApprovalError, match=r"is issued as tryton/.*; what is sealed never changes"):
        issued.reject(request.request_id, request.content_hash, "ada", "paid after all")


def test_only_an_approved_decision_is_sealed_and_only_once(issued: Register) -> None:
    request = ask(issued)
    refused = issued.seal([memo_of(issued, request)], "tests", "run").refused
    assert [(refusal.code, refusal.reason) for refusal in refused] == [("not_approved", f"decision {request.request_id} is open, not approved")]

    issued.approve(request.request_id, request.content_hash, "grace")
    row = memo_of(issued, request)
    assert len(issued.seal([row], "tests", "run").sealed) == 1
    again = issued.seal([row], "tests", "run again")
    assert (again.sealed, len(again.unchanged)) == ((), 1)
    other = replace(row, payload={**row.payload, "note": "other content"}, register_head=issued.documents()[-1].position)
    assert [refusal.code for refusal in issued.seal([other], "tests", "run").refused] == ["contract"]


def test_a_decision_subtracts_from_the_head_that_it_saw(issued: Register) -> None:
    request = ask(issued)
    issued.approve(request.request_id, request.content_hash, "grace")
    row = memo_of(issued, request)
    issued.seal(
        [replace(credit_memo(issued, amount=5, head=row.register_head), natural_id="X", business_key=f"stripe/{ENTITY}/credit_memo/X")], "t", "r"
    )
    assert [refusal.code for refusal in issued.seal([row], "tests", "run").refused] == ["stale_head"]


@pytest.mark.parametrize(
    "changes", [{"cause": "void"}, {"cause": "goodwill", "payload": {"decision_id": None}}, {"payload": {"invoice_key": "other"}}]
)
def test_a_document_that_claims_another_decision_is_refused(issued: Register, changes: dict[str, Any]) -> None:
    request = ask(issued)
    issued.approve(request.request_id, request.content_hash, "grace")
    row = memo_of(issued, request)
    forged = replace(row, **{**changes, "payload": {**row.payload, **changes.get("payload", {})}})
    assert [refusal.code for refusal in issued.seal([forged], "tests", "run").refused] == ["not_approved"]


def test_an_approved_decision_can_be_withdrawn_until_it_is_sealed(issued: Register) -> None:
    withdrawn, kept = ask(issued), ask(issued)
    for request in (withdrawn, kept):
        issued.approve(request.request_id, request.content_hash, "grace")
    issued.reject(withdrawn.request_id, withdrawn.content_hash, "ada", "not needed")
    assert [refusal.code for refusal in issued.seal([memo_of(issued, withdrawn)], "tests", "run").refused] == ["not_approved"]
    with pytest.raises(ApprovalError, match="ask anew"):
        issued.approve(withdrawn.request_id, withdrawn.content_hash, "grace")

    [memo] = issued.seal([memo_of(issued, kept)], "tests", "run").sealed
    with pytest.raises(ApprovalError, match=f"is issued as {memo.number}"):
        issued.reject(kept.request_id, kept.content_hash, "grace", "too late")


@pytest.mark.parametrize("statement", ["update approval_requests set amount_minor = 1000000", "update verdicts set four_eyes = 'waived'"])
def test_a_changed_decision_breaks_the_chain(issued: Register, register_url: str, statement: str) -> None:
    request = ask(issued)
    issued.approve(request.request_id, request.content_hash, "grace")
    issued.close()
    run(register_url, statement)
    assert not Register.open(register_url).verify_chain().intact


def test_requests_and_verdicts_are_mirrored(issued: Register, tmp_path: Path) -> None:
    warehouse = DuckDBWarehouse(tmp_path / "warehouse.duckdb", tmp_path / "published.duckdb", tmp_path / "warehouse.lock", wait_seconds=5)
    mirror(issued, warehouse)
    request = ask(issued)
    issued.approve(request.request_id, request.content_hash, "grace")
    assert mirror(issued, warehouse).appended == {"register.approval_requests": 1, "register.verdicts": 1, "register.mirror": 1}
    [row] = warehouse.read(
        "select request_id, amount_minor, requested_by, verdict, decided_by, four_eyes from register.approval_requests as requests"
        " inner join register.verdicts as verdicts on requests.position = verdicts.request_position"
    ).to_pylist()
    assert tuple(row.values()) == (request.request_id, 100, "ada", "approved", "grace", "required")
