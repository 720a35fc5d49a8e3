"""A misposting is corrected by a reversal and a repost that two people have agreed on, sealed together or not at all."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from register_rows import ENTITY, invoice, journal, journal_line

from reverse_etl.documents import SealedDocument, State
from reverse_etl.errors import ApprovalError, MakerIsCheckerError, PeriodError, RegisterError
from reverse_etl.register import ApprovalRequest, Register

KEY = f"tryton/{ENTITY}/journal_entry/J1"
LINES = [
    journal_line("J1#receivable", "debit", 1200) | {"customer_id": "C0001"},
    journal_line("J1#line:1", "credit", 1000) | {"account": "4000", "dimensions": "region=EU", "source_line_key": "L1"},
    journal_line("J1#tax", "credit", 200) | {"account": "2200"},
]


def post(register: Register, document: SealedDocument, state: State = State.VERIFIED) -> None:
    with register.delivering(register.claim_lane(document.system, document.entity, "poster")) as transaction:
        before = transaction.deliveries([document.position])[document.position]
        transaction.save(before, replace(before, state=state, remote_id="M1"))


@pytest.fixture
def posted(register: Register) -> Register:
    register.seal([journal(register, LINES)], "tests", "run")
    post(register, register.documents()[0])
    return register


def approve(register: Register, request: ApprovalRequest) -> ApprovalRequest:
    return register.approve(request.request_id, request.content_hash, "grace")


def correct(register: Register, key: str = KEY) -> tuple[SealedDocument, SealedDocument]:
    approve(register, register.ask_to_repost(key, "posted to the wrong journal", "ada"))
    reversal, repost = sorted(register.documents()[-2:], key=lambda document: document.revision)
    return reversal, repost


def test_nothing_is_sealed_before_another_user_approves(posted: Register) -> None:
    request = posted.ask_to_repost(KEY, "posted to the wrong journal", "ada")
    assert (request.kind, request.subject, request.amount_minor, request.status) == ("repost", KEY, 1200, "open")
    with pytest.raises(MakerIsCheckerError):
        posted.approve(request.request_id, request.content_hash, "ada")
    assert len(posted.documents()) == 1
    approve(posted, request)
    assert len(posted.documents()) == 3
    assert posted.verify_chain().intact


def test_the_reversal_negates_exactly_and_the_repost_repeats(posted: Register) -> None:
    original = posted.documents()[0]
    reversal, repost = correct(posted)

    def signed(document: SealedDocument) -> list[tuple[Any, ...]]:
        names = ("account", "customer_id", "dimensions", "source_line_key")
        sign = {"debit": 1, "credit": -1}
        return [
            (*(line.get(name) for name in names), sign[line["side"]] * line["amount_minor"], sign[line["side"]] * line["functional_minor"])
            for line in document.payload["lines"]
        ]

    assert [(*line[:4], -line[4], -line[5]) for line in signed(reversal)] == signed(original)
    assert (reversal.total_minor, reversal.posting_date, reversal.period) == (original.total_minor, original.posting_date, original.period)
    assert (reversal.payload["reverses"], reversal.payload["reverses_reference"]) == ("J1", original.reference)
    assert original.business_key in reversal.depends_on
    assert (repost.business_key, repost.revision, repost.operation) == (KEY, 2, "create")
    assert (repost.content_hash, repost.payload) == (original.content_hash, original.payload)
    assert reversal.business_key in repost.depends_on
    assert len({document.reference for document in posted.documents()}) == 3
    keys = [line["line_key"] for line in reversal.payload["lines"]]
    assert keys == ["J1:reversed:1#receivable", "J1:reversed:1#line:1", "J1:reversed:1#tax"]


def test_a_summary_is_reversed_with_everything_it_stands_for(register: Register) -> None:
    parts = [
        {**journal_line(f"{name}#r", side, 600), "natural_id": name, "posted_line_key": f"J1#1100:{side}"}
        for name in ("a", "b")
        for side in ("debit", "credit")
    ]
    row = journal(register, [journal_line("J1#1100:debit", "debit", 1200), journal_line("J1#1100:credit", "credit", 1200)])
    row = replace(row, payload={**row.payload, "summarised": [{**part, "line_key": f"{part['line_key']}:{part['side']}"} for part in parts]})
    register.seal([row], "tests", "run")
    post(register, register.documents()[0])
    reversal, _ = correct(register)
    parts = list(reversal.payload["summarised"])
    assert {(part["natural_id"], part["line_key"]) for part in parts if part["side"] == "credit"} == {
        ("a:reversed:1", "a:reversed:1#r:debit"),
        ("b:reversed:1", "b:reversed:1#r:debit"),
    }
    assert {part["posted_line_key"] for part in parts} == {line["line_key"] for line in reversal.payload["lines"]}


def test_a_correction_goes_into_the_first_open_period(posted: Register) -> None:
    posted.close_period(ENTITY, "2026-01", None, "ada")
    reversal, repost = correct(posted)
    assert {(one.period, one.posting_date.isoformat()) for one in (reversal, repost)} == {("2026-02", "2026-02-01")}
    assert repost.document_date == posted.documents()[0].document_date
    assert posted.verify_seals() == []


def test_what_was_asked_for_another_period_is_asked_anew(posted: Register) -> None:
    request = posted.ask_to_repost(KEY, "wrong journal", "ada")
    posted.close_period(ENTITY, "2026-01", None, "ada")
    with pytest.raises(ApprovalError, match="ask anew"):
        approve(posted, request)
    assert len(posted.documents()) == 1
    assert [one.status for one in posted.approval_requests()] == ["open"]


def test_a_correction_is_corrected_like_any_posting_and_never_twice_at_once(posted: Register) -> None:
    first = correct(posted)
    with pytest.raises(ApprovalError, match=r"revision 2\) is pending; only what is posted"):
        posted.ask_to_repost(KEY, "again", "ada")
    for document in first:
        post(posted, document)
    reversal, repost = correct(posted)
    assert (reversal.natural_id, repost.revision) == ("J1:reversed:2", 3)
    assert reversal.payload["reverses_reference"] == first[1].reference


def test_only_posted_journal_entries_are_corrected(register: Register) -> None:
    register.seal([invoice(register), journal(register)], "tests", "run")
    with pytest.raises(ApprovalError, match=r"INV-\S+ is of type invoice: only journal entries .* 'tieout credit', 'void' or 'adjust'"):
        register.ask_to_repost(invoice(register).business_key, "wrong", "ada")
    with pytest.raises(ApprovalError, match="is pending; only what is posted"):
        register.ask_to_repost(KEY, "wrong", "ada")
    with pytest.raises(ApprovalError, match="nothing is sealed under"):
        register.ask_to_repost("tryton/x/journal_entry/nothing", "wrong", "ada")


def test_a_model_cannot_correct_what_is_posted(posted: Register) -> None:
    revised = replace(journal(posted, LINES), revision=2)
    disguised = replace(journal(posted), natural_id="J2", business_key=f"tryton/{ENTITY}/journal_entry/J2", cause="misposting_reversed")
    for row in (revised, disguised):
        [refusal] = posted.seal([row], "tests", "run").refused
        assert refusal.code == "not_approved"


def test_a_correction_that_was_never_sent_is_cancelled_as_a_whole(posted: Register) -> None:
    reversal, repost = correct(posted)
    posted.cancel(repost, "ada", "it was right after all")
    assert [delivery.state for _, delivery in posted.deliveries()] == [State.VERIFIED, State.CANCELLED, State.CANCELLED]
    again = correct(posted)
    post(posted, again[0])
    with pytest.raises(RegisterError, match="may be at its destination"):
        posted.cancel(again[1], "ada", "not wanted")
    assert reversal.business_key == again[0].business_key


def test_what_has_vanished_is_reposted_in_its_place(posted: Register) -> None:
    posted.close_period(ENTITY, "2026-01", None, "ada")
    sealed = posted.period_seal(ENTITY, "2026-01")
    assert sealed is not None
    approve(posted, posted.ask_to_repost(KEY, "deleted in the ERP", "ada", absent=True))
    original, repost = posted.deliveries()
    assert (original[1].state, repost[1].state) == (State.REVERSED, State.PENDING)
    assert (repost[0].revision, repost[0].period, repost[0].cause) == (2, "2026-01", original[0].cause)
    assert repost[0].content_hash == original[0].content_hash
    assert posted.verify_seals() == []
    renewed = posted.period_seal(ENTITY, "2026-01")
    assert renewed is not None
    assert [one.total_minor for one in renewed.measures] == [one.total_minor for one in sealed.measures]
    with pytest.raises(RegisterError, match="posted nowhere but"):
        posted.cancel(repost[0], "ada", "not wanted")


def test_a_hard_closed_period_takes_nothing_in_the_place_of_what_has_vanished(posted: Register) -> None:
    posted.close_period(ENTITY, "2026-01", None, "ada")
    approve(posted, posted.ask_to_sign_off(ENTITY, "2026-01", "it ties", "ada"))
    posted.close_period(ENTITY, "2026-01", None, "ada", "hard_closed")
    with pytest.raises(PeriodError, match="is hard closed: nothing in it changes"):
        posted.ask_to_repost(KEY, "deleted in the ERP", "ada", absent=True)
    reversal, _ = correct(posted)
    assert reversal.period == "2026-02"


def test_what_is_posted_becomes_nothing_but_verified_or_reversed(posted: Register) -> None:
    document = posted.documents()[0]
    for state in (State.PENDING, State.REJECTED, State.CANCELLED, State.POSTED):
        with pytest.raises(RegisterError, match=f"is verified and cannot become {state}: what is posted stays posted"):
            post(posted, document, state)
    post(posted, document, State.REVERSED)
    with pytest.raises(RegisterError, match="is reversed and cannot become verified"):
        post(posted, document)
    assert posted.verify_chain().intact
