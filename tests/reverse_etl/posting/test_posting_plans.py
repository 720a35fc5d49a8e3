"""A plan says what a push would do; a push that holds itself to it does exactly that, and nothing once anything has moved."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from posting_books import Destination
from posting_system import CLASS_B, CLASS_C, ENTITY, SYSTEM, Books, customer, entry, seal

from reverse_etl.documents import SealedDocument, State
from reverse_etl.errors import PlanError, PlanMovedError
from reverse_etl.posting import PushReport, push
from reverse_etl.posting.plans import LaneSituation, Plan, plan, plan_bytes, plan_lane, read_plan, require_same_register, write_plan
from reverse_etl.register import Register
from reverse_etl.systems.contract import RenderContext

Start = Callable[..., Destination]


def planned(books: Destination, period: str | None = None, **situation: str) -> Plan:
    return plan(books.register, [LaneSituation(books.manifest, ENTITY, **situation)], period)


def push_planned(books: Destination, made: Plan, system: Books | None = None) -> PushReport:
    lane, locks = made.lane(SYSTEM, ENTITY), books.folder / "locks"
    return push(books.register, system or books.system, ENTITY, made.period, planned=lane, settings_or_lock_folder=locks, actor="specification")


def actions(made: Plan) -> dict[str, str]:
    return {f"{one.business_key.rpartition('/')[2]}#{one.revision}": one.code or one.action for lane in made.lanes for one in lane.documents}


def test_it_says_of_each_document_what_would_become_of_it_and_why_not(start: Start) -> None:
    books = start(CLASS_B)
    register = books.register
    seal(register, customer(register, "C1"), entry(register, "J0", depends_on=["C1"]), entry(register, "F0", period="2025-12"))
    books.push(period="2026-01")
    request = register.ask_to_repost(f"{SYSTEM}/{ENTITY}/journal_entry/J0", "wrong journal", "ada")
    seal(register, customer(register, "C1", 2), entry(register, "J1", depends_on=["C1"]), entry(register, "J2", depends_on=["unknown"]))
    assert actions(planned(books)) == {"C1#2": "update", "F0#1": "create", "J0#1": "approval", "J1#1": "create", "J2#1": "dependency"}
    [asked] = [one for one in planned(books).lanes[0].held if one.code == "approval"]
    assert asked.reason == f"repost asked for by ada (wrong journal): tieout approve {request.request_id}"

    register.approve(request.request_id, request.content_hash, "grace")
    for status in ("soft_closed", "hard_closed"):
        if status == "soft_closed":
            register.close_period(ENTITY, "2025-12", None, "ada", status)
    corrected = actions(planned(books))
    assert {corrected["J0:reversed:1#1"], corrected["J0#2"]} == {"reverse", "repost"}
    held = planned(books, sending_withheld="held by ada since noon (their migration)")
    assert {one.code for one in held.lanes[0].held} == {"destination", "dependency"}
    assert not any(lane.acting for lane in held.lanes)


def test_it_sums_what_would_be_sent_by_account_and_what_is_there_already(start: Start) -> None:
    books = start(CLASS_B)
    register = books.register
    seal(register, entry(register, "J1"))
    books.push()
    seal(register, entry(register, "J2"), entry(register, "J3"))
    [lane] = planned(books).lanes
    [account] = lane.accounts
    assert (account.account, account.currency, account.debit_minor, account.credit_minor) == ("1000", "USD", 2000, 2000)
    assert (account.functional_debit_minor, account.functional_credit_minor) == (2000, 2000)
    assert [(total.action, total.documents, total.total_minor) for total in lane.totals] == [("create", 2, 2000), ("unchanged", 1, 1000)]


def test_the_file_is_the_plan_and_nothing_else(start: Start, tmp_path: Path) -> None:
    books = start(CLASS_B)
    seal(books.register, entry(books.register, "J1"), customer(books.register, "C1"))
    made, path = planned(books), tmp_path / "plan.json"
    write_plan(made, path)
    assert read_plan(path) == made
    assert plan_bytes(planned(books)) == path.read_bytes()

    content = json.loads(path.read_bytes())
    content["lanes"][0]["documents"][0]["action"] = "verify"
    for wrong, why in (
        (json.dumps(content), "was changed since it was written"),
        (json.dumps({**content, "version": 2}), "is a plan of version 2"),
        (json.dumps({"format": "tieout-plan", "version": 1}), "no whole plan"),
        ("{}", "is no plan"),
        ("not json", "is no plan"),
        ("[" * 100_000, "is no plan"),
    ):
        path.write_text(wrong)
        with pytest.raises(PlanError, match=why):
            read_plan(path)
    with pytest.raises(PlanError, match="cannot be read"):
        read_plan(tmp_path / "absent.json")


def test_a_push_does_what_the_plan_says_and_nothing_when_it_is_used_again(start: Start) -> None:
    books = start(CLASS_B)
    register = books.register
    seal(register, customer(register, "C1"), entry(register, "J1", depends_on=["C1"]))
    made = planned(books)
    report = push_planned(books, made)
    assert (report.posted, report.verified) == (2, 2)
    books.assert_everything_is_there_exactly_once()
    again = push_planned(books, made)
    assert (again.requests, str(again)) == (0, "nothing left to do: the 2 documents of the plan are delivered")


def test_an_empty_plan_sends_nothing(start: Start) -> None:
    books = start(CLASS_B)
    made = planned(books)
    assert not any(lane.acting for lane in made.lanes)
    assert push_planned(books, made).requests == 0
    seal(books.register, entry(books.register, "J1"))
    with pytest.raises(PlanMovedError, match="J1 was added since"):
        push_planned(books, made)


def _add(register: Register, sealed: SealedDocument) -> None:
    seal(register, entry(register, "J9"))


def _cancel(register: Register, sealed: SealedDocument) -> None:
    register.cancel(sealed, "a person", "not wanted")


def _hard_close(register: Register, sealed: SealedDocument) -> None:
    # Nobody closes a period hard while something of it is not delivered, so this is done behind the register's back.
    with register._writing("somebody", "") as writer:
        writer.append("period", entity=ENTITY, period="2026-01", status="hard_closed")


def _work_on(register: Register, sealed: SealedDocument) -> None:
    _saved(register, sealed, generation=1)


def _park(register: Register, sealed: SealedDocument) -> None:
    _saved(register, sealed, state=State.PARKED, reason="found twice")


def _saved(register: Register, document: SealedDocument, **changes: object) -> None:
    with register.delivering(register.claim_lane(SYSTEM, ENTITY, "another poster")) as transaction:
        before = transaction.deliveries([document.position])[document.position]
        transaction.save(before, replace(before, **changes))  # type: ignore[arg-type]


MOVES = {
    "J9 was added since: create": _add,
    "J1 was to create and is settled, cancelled or gone": _cancel,
    "J1 was to create and is held now: 2026-01 of northlight_us is hard closed": _hard_close,
    "J1 was worked on since": _work_on,
    "J1 was to create and is held now: parked: found twice": _park,
}


@pytest.mark.parametrize("told", MOVES)
def test_a_push_refuses_and_names_what_moved(start: Start, told: str) -> None:
    books = start(CLASS_B)
    first, _ = seal(books.register, entry(books.register, "J1"), entry(books.register, "J2"))
    made = planned(books)
    MOVES[told](books.register, first)
    with pytest.raises(PlanMovedError, match=told):
        push_planned(books, made)
    assert books.counts() == {}


def test_a_plan_is_of_one_register_as_it_was(start: Start) -> None:
    books = start(CLASS_B)
    made = planned(books)
    require_same_register(made, books.register)
    with pytest.raises(PlanMovedError, match="an older backup"):
        require_same_register(replace(made, register_position=made.register_position + 1), books.register)
    books.register.renew_incarnation("ada", "restored")
    with pytest.raises(PlanMovedError, match="was made of the register"):
        require_same_register(made, books.register)


class Meddled(Books):
    """While a document is rendered, after the plan was compared and before it is written ahead, somebody withdraws it."""

    def __init__(self, books: Destination, document: SealedDocument) -> None:
        super().__init__(books.url, books.manifest)
        self._register, self._document = books.register, document

    def render(self, context: RenderContext, call: str) -> bytes:
        if context.document == self._document:
            self._register.cancel(self._document, "a person", "not wanted after all")
        return super().render(context, call)


def test_what_moves_in_the_middle_of_a_push_is_not_sent_and_told(start: Start) -> None:
    books = start(CLASS_B)
    first, second = seal(books.register, entry(books.register, "J1"), entry(books.register, "J2"))
    with pytest.raises(PlanMovedError, match="J1 was changed while the plan was carried out, and was left alone"):
        push_planned(books, planned(books), Meddled(books, first))
    assert books.counts() == {second.reference: 1}


def test_what_nobody_can_find_out_is_held_for_a_person(start: Start) -> None:
    books = start(CLASS_C)
    sealed, _ = seal(books.register, entry(books.register, "J1"), entry(books.register, "J2"))
    _saved(books.register, sealed, state=State.AMBIGUOUS, doubt=True, reason="the answer was lost")
    assert actions(planned(books)) == {"J1#1": "in_doubt", "J2#1": "create"}
    asked = plan_lane(books.register, LaneSituation(replace(CLASS_B, system=SYSTEM), ENTITY))
    assert [one.action for one in asked.documents] == ["resolve", "create"]
