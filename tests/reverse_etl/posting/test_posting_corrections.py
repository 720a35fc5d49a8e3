"""A reversal goes before its repost, what it takes back is reversed then, and a poster that is killed in between leaves nothing out."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest
from posting_books import Destination
from posting_system import CLASS_A, CLASS_B, CLASS_U, ENTITY, HASTY_B, SYSTEM, customer, entry, seal
from test_posting_crashes import push_in_a_process

from reverse_etl.documents import State
from reverse_etl.posting import notices
from reverse_etl.systems.contract import Manifest

Start = Callable[..., Destination]


def ask_and_approve(books: Destination, name: str = "J1") -> None:
    request = books.register.ask_to_repost(f"{SYSTEM}/{ENTITY}/journal_entry/{name}", "wrong journal", "ada")
    books.register.approve(request.request_id, request.content_hash, "grace")


def corrected(books: Destination) -> Destination:
    seal(books.register, customer(books.register, "C1"), entry(books.register, "J1", depends_on=["C1"]))
    books.push()
    ask_and_approve(books)
    return books


def states(books: Destination) -> list[tuple[str, int, State]]:
    return [
        (document.natural_id, document.revision, delivery.state) for document, delivery in books.register.deliveries(document_type="journal_entry")
    ]


DONE = [("J1", 1, State.REVERSED), ("J1", 2, State.VERIFIED), ("J1:reversed:1", 1, State.VERIFIED)]


@pytest.mark.parametrize("manifest", [CLASS_A, CLASS_B], ids="AB")
def test_what_is_corrected_is_reversed_and_there_once_more(start: Start, manifest: Manifest) -> None:
    books = corrected(start(manifest))
    report = books.push()
    assert (report.posted, report.verified) == (2, 2)
    assert sorted(states(books)) == DONE
    assert books.counts() == {document.reference: 1 for document in books.register.documents()}
    order = [document["reference"] for document in books.books()["documents"]]
    reversal, repost = (
        next(d.reference for d in books.register.documents() if (d.natural_id, d.revision) == key) for key in (("J1:reversed:1", 1), ("J1", 2))
    )
    assert order.index(reversal) < order.index(repost)
    assert books.register.verify_chain().intact
    assert books.push().requests == 0


def test_a_repost_waits_for_a_reversal_that_is_refused(start: Start) -> None:
    books = corrected(start(CLASS_A))
    books.order("reject")
    books.push()
    assert sorted(states(books)) == [("J1", 1, State.VERIFIED), ("J1", 2, State.PENDING), ("J1:reversed:1", 1, State.REJECTED)]
    [reversal] = books.register.documents(states=[State.REJECTED])
    books.register.requeue(reversal, "ada", "its journal is open again")
    books.push()
    assert sorted(states(books)) == DONE


@pytest.mark.parametrize("manifest", [CLASS_A, HASTY_B, CLASS_U], ids="ABU")
@pytest.mark.parametrize("point", ["between_reversal_and_repost", "inside_result:2", "after_write_ahead:3", "after_send:3"])
def test_a_poster_that_is_killed_in_between_leaves_both_to_the_next(start: Start, manifest: Manifest, point: str) -> None:
    books = corrected(start(manifest))
    books.register.close()
    assert push_in_a_process(books, point) == -signal.SIGKILL
    if point == "between_reversal_and_repost":
        assert sorted(states(books))[:2] == [("J1", 1, State.REVERSED), ("J1", 2, State.PENDING)]
    books.deliver()
    assert {state for _, _, state in states(books)} <= {State.VERIFIED, State.POSTED, State.REVERSED}
    assert books.counts() == {document.reference: 1 for document in books.register.documents()}
    assert [state for name, revision, state in states(books) if (name, revision) == ("J1", 1)] == [State.REVERSED]


def test_a_reversal_ends_what_was_wrong_with_the_original(start: Start) -> None:
    books = corrected(start(CLASS_B))
    original = next(document for document in books.register.documents() if document.natural_id == "J1")
    books.register.record_exception(notices.differs(original, ["journal: SALES instead of TIEOUT"]))
    books.push()
    assert books.register.exceptions() == []
