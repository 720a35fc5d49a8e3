"""Replaying and comparing: nothing is sent twice, and whatever is not the same on both sides is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from posting_books import HTTP, Destination
from posting_system import CLASS_A, CLASS_B, CLASS_C, ENTITY, PERIOD, SYSTEM, customer, entry, seal

from reverse_etl.documents import SealedDocument, State
from reverse_etl.errors import ApprovalError, MakerIsCheckerError
from reverse_etl.oversight.cases import case_of, look, next_commands
from reverse_etl.oversight.comparisons import Comparison, compare
from reverse_etl.oversight.replays import ReplayReport, chosen, replay
from reverse_etl.register.access.transactions import utc_now

Start = Callable[..., Destination]


def replayed(books: Destination, **selection: object) -> ReplayReport:
    work = chosen(books.register, system=SYSTEM, **selection)  # type: ignore[arg-type]
    return replay(books.register, books.system, ENTITY, work, settings_or_lock_folder=books.folder / "locks", actor="ada", patience=60)


def compared(books: Destination) -> Comparison:
    return compare(books.register, books.system, ENTITY, PERIOD)


def kinds(comparison: Comparison) -> dict[str, str]:
    return {one.reference: one.kind for one in comparison.differences}


def delivered(books: Destination) -> tuple[SealedDocument, ...]:
    sealed = seal(books.register, customer(books.register, "C1"), *(entry(books.register, f"J{number}", depends_on=["C1"]) for number in range(3)))
    books.push()
    return sealed


def test_a_replay_verifies_again_and_sends_nothing_twice(start: Start) -> None:
    books = start(CLASS_B)
    delivered(books)
    before = books.books()["calls"]
    report = replayed(books)
    assert (len(report.verified), report.pushed, report.clean) == (4, None, True)
    assert books.books()["calls"] == before
    books.assert_everything_is_there_exactly_once()


def test_a_replay_sends_what_is_not_delivered_under_its_own_keys(start: Start) -> None:
    books = start(CLASS_A)
    first, *_ = delivered(books)
    [new] = seal(books.register, entry(books.register, "J9"))
    only_new = replayed(books, positions=[new.position])
    assert only_new.pushed is not None
    assert (only_new.pushed.posted, len(only_new.verified), first.reference in {one.reference for one in only_new.verified}) == (1, 0, False)
    books.assert_everything_is_there_exactly_once()
    assert len(replayed(books, since=utc_now() - timedelta(minutes=5)).verified) == 5
    assert replayed(books, since=utc_now() + timedelta(minutes=5)).verified == ()


def test_what_has_vanished_is_never_sent_again_by_itself(start: Start) -> None:
    books = start(CLASS_B)
    gone = delivered(books)[-1]
    books.meddle(gone.reference)
    report = replayed(books)
    assert (report.missing, len(report.verified), report.clean) == ((gone,), 3, False)
    books.push()
    assert books.counts()[gone.reference] == 0
    [exception] = books.register.exceptions()
    assert f"tieout repost {gone.reference} --absent" in exception.action

    request = books.register.ask_to_repost(gone.business_key, "removed by mistake", "ada", absent=True)
    books.register.approve(request.request_id, request.content_hash, "grace")
    books.push()
    assert books.register.exceptions() == []
    [repost] = books.register.documents(business_key=gone.business_key, states=[State.VERIFIED])
    assert (repost.revision, books.counts()[repost.reference]) == (2, 1)
    assert compared(books).ties


def test_what_is_put_right_there_ends_its_exception(start: Start) -> None:
    books = start(CLASS_B)
    changed = delivered(books)[-1]
    books.meddle(changed.reference, total=999)
    assert replayed(books).different == (changed,)
    assert [entry.kind for entry in books.register.exceptions()] == ["verification_difference"]
    books.meddle(changed.reference, total=1000)
    assert replayed(books).clean
    assert books.register.exceptions() == []


def test_a_customer_is_compared_with_what_it_was_last_told(start: Start) -> None:
    books = start(CLASS_B)
    delivered(books)
    seal(books.register, customer(books.register, "C1", 2))
    books.push()
    assert len(replayed(books).verified) == 4
    assert compared(books).compared == 4


def test_a_comparison_names_everything_that_is_not_the_same_on_both_sides(start: Start) -> None:
    books = start(CLASS_B)
    _, same, gone, changed = delivered(books)
    draft, unrecorded = seal(books.register, entry(books.register, "draft"), entry(books.register, "unrecorded"))
    assert kinds(compared(books)) == {}
    books.meddle(gone.reference)
    books.meddle(changed.reference, total=999)
    unknown = "TO-0123456789ABCDEF"
    for number, (reference, calls) in enumerate([(draft.reference, 1), (unrecorded.reference, 2), (unknown, 1), ("somebody else's", 1)]):
        body = {"call": "create", "reference": reference, "kind": "journal_entry", "body": {"total": 1000}, "key": f"k{number}"}
        reply = HTTP.post(f"{books.url}/calls", json={"items": [body]}).json()["replies"][f"k{number}"]
        if calls > 1:
            HTTP.post(f"{books.url}/calls", json={"items": [{**body, "call": "complete", "body": {"id": reply["id"]}, "key": f"c{number}"}]})
    before = books.register.position

    found = compared(books)

    assert kinds(found) == {
        gone.reference: "missing",
        changed.reference: "different",
        draft.reference: "draft",
        unrecorded.reference: "unrecorded",
        unknown: "extra",
    }
    assert [one.details for one in found.differences if one.kind == "different"] == [("total: sealed 1000, there 999",)]
    assert found.checkpoints() == {
        "K7": "breaks: 4 documents",
        "K8": "breaks: 3 documents for what is ours; 1 entry of others ('tieout exceptions' names what is not listed)",
    }
    assert (found.compared, found.foreign, books.register.position) == (6, 1, before)
    assert same.reference not in kinds(found)


def test_what_is_reversed_stays_there_beside_its_reversal(start: Start) -> None:
    books = start(CLASS_B)
    original = delivered(books)[-1]
    request = books.register.ask_to_repost(original.business_key, "wrong journal", "ada")
    books.register.approve(request.request_id, request.content_hash, "grace")
    books.push()
    assert compared(books).ties
    books.meddle(original.reference)
    assert kinds(compared(books)) == {original.reference: "missing"}


def parked(books: Destination) -> SealedDocument:
    [document] = seal(books.register, entry(books.register, "J1"))
    books.order("accept_then_drop", call="create")
    books.push()
    assert books.states() == {"J1": State.PARKED}
    return document


def test_a_case_tells_every_attempt_and_what_to_do(start: Start) -> None:
    books = start(CLASS_C)
    document = parked(books)
    [exception] = books.register.exceptions()
    case = case_of(books.register, str(exception.position))
    assert case == case_of(books.register, document.reference)
    [attempt] = case.attempts
    assert (attempt.outcome, document.reference in attempt.request.decode()) == ("ambiguous", True)
    assert (case.amount_at_risk_minor, case.age(exception.recorded_at + timedelta(hours=3))) == (1000, timedelta(hours=3))
    identifier = exception.position
    assert next_commands(case) == (
        f"tieout exceptions retry {identifier}",
        f"tieout exceptions resolve {identifier} --posted REMOTE_ID --reason WHY",
        f"tieout exceptions resolve {identifier} --absent --reason WHY",
    )
    assert "offers no way to look" in str(look(books.system, document, books.register.deliveries()[0][1]).problem)


def test_two_people_say_that_a_parked_document_is_there(start: Start) -> None:
    books = start(CLASS_C)
    document = parked(books)
    request = books.register.ask_to_confirm(document, "journal_entry-1", "seen in the journal", "ada")
    with pytest.raises(MakerIsCheckerError):
        books.register.approve(request.request_id, request.content_hash, "ada")
    assert next_commands(case_of(books.register, document.reference)) == (f"tieout approve {request.request_id}",)
    books.register.approve(request.request_id, request.content_hash, "grace")
    [(_, delivery)] = books.register.deliveries()
    assert (delivery.state, delivery.remote_id, delivery.doubt) == (State.POSTED, "journal_entry-1", False)
    assert books.register.exceptions() == []
    assert books.push().requests == 0
    # Once there is a way to look it up, it is verified like any other.
    books.manifest = replace(CLASS_B, system=SYSTEM)
    assert books.push().verified == 1


def test_two_people_say_that_a_parked_document_is_absent_and_it_is_sent_again(start: Start) -> None:
    books = start(CLASS_C)
    document = parked(books)
    books.meddle(document.reference)
    request = books.register.ask_to_confirm(document, None, "looked through the journal", "ada")
    books.register.approve(request.request_id, request.content_hash, "grace")
    assert books.push().posted == 1
    assert books.counts() == {document.reference: 1}
    generations = [attempt.generation for attempt in books.register.attempts(document)]
    assert generations == [0, 1, 1]
    assert books.register.verify_chain().intact


def test_what_two_people_found_after_a_restored_backup_is_not_doubted_again(start: Start) -> None:
    books = start(CLASS_C)
    [document] = seal(books.register, entry(books.register, "J1"))
    books.register.renew_incarnation("ada", "restored from a backup")
    books.push()
    assert books.states() == {"J1": State.PARKED}
    request = books.register.ask_to_confirm(document, None, "not in the journal", "ada")
    books.register.approve(request.request_id, request.content_hash, "grace")
    assert books.push().posted == 1
    assert books.counts() == {document.reference: 1}


def test_a_confirmation_is_of_the_document_as_it_stood(start: Start) -> None:
    books = start(CLASS_C)
    document = parked(books)
    request = books.register.ask_to_confirm(document, None, "not there", "ada")
    other = books.register.ask_to_confirm(document, "journal_entry-1", "it is there", "ada")
    books.register.approve(other.request_id, other.content_hash, "grace")
    with pytest.raises(ApprovalError, match="worked on since"):
        books.register.approve(request.request_id, request.content_hash, "grace")
    with pytest.raises(ApprovalError, match="only of what is parked"):
        books.register.ask_to_confirm(document, None, "again", "ada")
