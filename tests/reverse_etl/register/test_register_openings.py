"""An opening is sealed as a whole, exactly as another user approved it, before anything else of its entity, and delivered to nobody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from register_rows import ENTITY, customer, invoice

from reverse_etl.documents import OutboxRow, State
from reverse_etl.errors import ApprovalError, MakerIsCheckerError
from reverse_etl.register import ApprovalRequest, NewApprovalRequest, Register
from reverse_etl.register.openings import opening_hash

ACCOUNTS = {"account": "1100", "equity_account": "3900", "rounding_account": "7900"}


def opening(register: Register, number: str, amount: int = 1000, **payload: Any) -> OutboxRow:
    natural_id = f"open_item:{number}"
    content = {"opening": "open_item", "currency": "USD", "signed_minor": amount, "signed_functional_minor": amount, **ACCOUNTS, **payload}
    return replace(
        invoice(register),
        system="register",
        document_type="opening",
        series=None,
        natural_id=natural_id,
        business_key=f"register/{ENTITY}/opening/{natural_id}",
        total_minor=amount,
        depends_on=(),
        cause="opening",
        subtracted_key=f"register/{ENTITY}/opening",
        payload=content,
    )


def approved(register: Register, *rows: OutboxRow) -> ApprovalRequest:
    request = register.ask(NewApprovalRequest("opening", ENTITY, ENTITY, "cutover", content_hash=opening_hash(rows)), "ada")
    return register.approve(request.request_id, request.content_hash, "grace")


def codes(register: Register, *rows: OutboxRow) -> list[str]:
    return sorted(refusal.code for refusal in register.seal(rows, "tests", "run").refused)


def test_what_was_approved_is_sealed_verified_and_once(register: Register) -> None:
    rows = [opening(register, "A"), opening(register, "B", 2000)]
    approved(register, *rows)
    assert codes(register, *reversed(rows)) == []
    assert [delivery.state for _, delivery in register.deliveries(system="register")] == [State.VERIFIED] * 2
    again = register.seal(rows, "tests", "again")
    assert (len(again.sealed), len(again.unchanged), again.refused) == (0, 2, ())
    assert register.verify_chain().intact


def test_one_document_more_less_or_other_seals_none(register: Register) -> None:
    rows = [opening(register, "A"), opening(register, "B")]
    approved(register, *rows)
    for others in (rows[:1], [*rows, opening(register, "C")], [rows[0], opening(register, "B", 1001)]):
        assert codes(register, *others) == ["not_approved"] * len(others)
    assert register.documents() == []


def test_whoever_asks_cannot_approve_and_nobody_withdraws_what_is_sealed(register: Register) -> None:
    row = opening(register, "A")
    asked = register.ask(NewApprovalRequest("opening", ENTITY, ENTITY, "cutover", content_hash=opening_hash([row])), "ada")
    assert codes(register, row) == ["not_approved"]
    with pytest.raises(MakerIsCheckerError):
        register.approve(asked.request_id, asked.content_hash, "ada")
    register.approve(asked.request_id, asked.content_hash, "grace")
    assert codes(register, row) == []
    with pytest.raises(ApprovalError, match="what is sealed never changes"):
        register.reject(asked.request_id, asked.content_hash, "grace", "too late")


def test_nothing_opens_once_something_is_issued_and_master_data_is_nothing(register: Register) -> None:
    row = opening(register, "A")
    register.seal([customer(register)], "tests", "run")
    approved(register, row)
    register.seal([invoice(register)], "tests", "run")
    assert codes(register, row) == ["not_approved"]
    assert "comes before everything else" in register.exceptions()[-1].reason


@pytest.mark.parametrize(
    ("changes", "payload", "says"),
    [
        ({"system": "stripe", "business_key": f"stripe/{ENTITY}/opening/open_item:A"}, {}, "never delivered to stripe"),
        ({}, {"opening": "secret"}, "'secret' is none of"),
        ({}, {"signed_minor": 999}, "it opens 999"),
        ({}, {"signed_functional_minor": -1}, "it opens 1000 and -1"),
        ({}, {"equity_account": None}, "an account is missing"),
        ({}, {"opening": "deferred_revenue"}, "the service period is missing"),
        ({"total_minor": 0}, {}, "an amount is zero"),
    ],
)
def test_what_contradicts_itself_is_refused(register: Register, changes: Mapping[str, Any], payload: Mapping[str, Any], says: str) -> None:
    row = replace(opening(register, "A", **payload), **changes)
    [refusal] = register.seal([row], "tests", "run").refused
    assert refusal.code == "contract"
    assert says in refusal.reason
