"""What Tryton holds comes back complete, line by line, or not at all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from tryton_documents import EU, SPECIFICATION, US, Driver, entry, yen_entry
from tryton_ledger import PASSWORD, Ledger

from reverse_etl.errors import DestinationError
from reverse_etl.systems.tryton import Tryton
from reverse_etl.systems.tryton.connection import Connection
from reverse_etl.systems.tryton.reading import ACCOUNT_MOVEMENTS, MOVES
from reverse_etl.systems.tryton.system import MANIFEST

MAY, JUNE, JULY, AUGUST, OCTOBER, NOVEMBER = (date(2026, month, 28) for month in (5, 6, 7, 8, 10, 11))


def test_a_period_is_read_back_line_by_line_with_what_is_not_ours(
    ledger: Ledger, system: Tryton, driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reverse_etl.systems.tryton.reading.MOVES_PER_PAGE", 3)
    documents = [*(entry(posting_date=MAY) for _ in range(6)), yen_entry(posting_date=MAY)]
    driver.post(*documents, entry(entity=EU, customer_id="C0002", posting_date=MAY), entry(posting_date=JUNE))
    (company,) = ledger.ids("company.company", [["party.code", "=", US]])
    foreign = {
        "company": company,
        "journal": ledger.ids("account.journal", [["code", "=", "TIEOUT"]])[0],
        "period": ledger.period_ids(US, "2026-05")[0],
        "date": {"__class__": "date", "year": 2026, "month": 5, "day": 3},
        "description": "Somebody's own",
    }
    ledger.do("account.move.create", [foreign], {"company": company})

    records = list(system.read_back(US, "2026-05"))

    moves = {record["remote_id"]: record for relation, record in records if relation == "raw.ledger_moves"}
    lines = [record for relation, record in records if relation == "raw.ledger_move_lines"]
    assert {record["reference"] for record in moves.values()} == {None, *(document.reference for document in documents)}
    assert {(record["erp_period"], record["entity"], record["period"]) for record in moves.values()} == {("2026-05", US, "2026-05")}
    held: dict[Any, list[Any]] = defaultdict(list)
    for record in lines:
        held[moves[record["remote_id"]]["reference"]].append(
            (record["line_key"], record["account_code"], record["debit_minor"], record["credit_minor"], record["party_code"])
        )
    assert held == {
        document.reference: [
            (
                sealed_line["line_key"],
                sealed_line["account"],
                sealed_line["functional_minor"] if sealed_line["side"] == "debit" else 0,
                sealed_line["functional_minor"] if sealed_line["side"] == "credit" else 0,
                sealed_line["customer_id"],
            )
            for sealed_line in document.payload["lines"]
        ]
        for document in documents
    }
    yen = [(record["currency"], record["amount_minor"]) for record in lines if str(record["line_key"]).startswith("yen#")]
    assert yen == [("JPY", 1500), ("JPY", -1500), ("USD", -1)]


class Forgetful(Connection):
    """Loses the last record of every page of one model, as an ill proxy might."""

    def __init__(self, url: str, model: str) -> None:
        super().__init__(url, "erp", "admin", PASSWORD)
        self._model = model

    def read(self, method: str, parameters: Sequence[Any], seconds: float) -> Any:
        result = super().read(method, parameters, seconds)
        return result[:-1] if method == f"model.{self._model}.search_read" else result


@pytest.mark.parametrize("model", ["account.move", "account.move.line"])
def test_a_page_that_lacks_something_is_an_error_and_never_a_short_period(ledger: Ledger, driver: Driver, model: str) -> None:
    driver.post(entry(posting_date=JULY), entry(posting_date=JULY))

    with pytest.raises(DestinationError, match=r"read (back )?again"):
        list(Tryton(MANIFEST, Forgetful(ledger.server.url, model), [US]).read_back(US, "2026-07"))


def test_the_ledgers_own_trial_balance_equals_ours(system: Tryton, driver: Driver) -> None:
    before = system.trial_balance(US, "2026-08")
    documents = [entry(posting_date=AUGUST, minor=11900 + 17 * number) for number in range(7)] + [yen_entry(posting_date=AUGUST)]
    driver.post(*documents)
    driver.create(entry(posting_date=AUGUST))  # a draft is no part of the balance
    driver.post(entry(posting_date=date(2026, 9, 1)))

    expected: dict[str, tuple[int, int]] = dict(before)
    for document in documents:
        for sealed_line in document.payload["lines"]:
            debit, credit = expected.get(sealed_line["account"], (0, 0))
            amount = sealed_line["functional_minor"]
            expected[sealed_line["account"]] = (debit + amount, credit) if sealed_line["side"] == "debit" else (debit, credit + amount)

    balance = system.trial_balance(US, "2026-08")
    assert balance == expected
    assert sum(debit for debit, _ in balance.values()) == sum(credit for _, credit in balance.values())


def test_what_others_post_and_cancel_is_read_as_theirs_with_what_moved_each_account(ledger: Ledger, system: Tryton, driver: Driver) -> None:
    document = entry(posting_date=OCTOBER)
    (posted,) = driver.post(document)
    (company,) = ledger.ids("company.company", [["party.code", "=", US]])
    context = {"company": company}
    before = {record["remote_id"]: record for relation, record in system.read_back(US, "2026-10") if relation == MOVES}[posted]
    (cancelling,) = ledger.do("account.move.copy", [int(posted)], {"origin": f"account.move,{posted}"}, context)
    ledger.do("account.move.post", [cancelling], context)

    records = list(system.read_back(US, "2026-10"))

    moves = {record["remote_id"]: record for relation, record in records if relation == MOVES}
    assert moves[posted] == before
    assert moves[posted]["reference"] == document.reference
    theirs = moves[str(cancelling)]
    assert (theirs["reference"], theirs["cancels_remote_id"], theirs["state"]) == (None, posted, "posted")
    assert theirs["written_at"] >= before["written_at"]
    moved = {record["account_code"]: (record["debit_minor"], record["credit_minor"]) for relation, record in records if relation == ACCOUNT_MOVEMENTS}
    assert moved == {"1100": (23800, 0), "4000": (0, 20000), "2200": (0, 3800)}
    assert system.look_up([document], {})[document.reference].duplicates == ()


def test_the_ledgers_own_receivables_are_those_of_the_parties(system: Tryton, driver: Driver) -> None:
    before = {entity: system.receivables(entity) for entity in (US, EU)}
    driver.post(entry(minor=119), entry(minor=238), entry(entity=EU, customer_id="C0002", minor=1190))

    assert system.receivables(US) == {**before[US], "C0001": before[US].get("C0001", 0) + 357}
    assert system.receivables(EU) == {**before[EU], "C0002": before[EU].get("C0002", 0) + 1190}


def test_a_period_is_closed_and_reopened_once_and_says_why_it_cannot_be(ledger: Ledger, system: Tryton, driver: Driver) -> None:
    replies = driver.create(draft := entry(posting_date=NOVEMBER))
    with pytest.raises(DestinationError, match=r"did not close 2026-11 of northlight_us: .*must post the moves"):
        system.bring_period(US, "2026-11", is_open=False)
    assert system.period_states(US)["2026-11"] == "open"
    driver.send([draft], "post", replies)
    elsewhere = system.period_states(EU)

    assert [system.bring_period(US, "2026-11", is_open=False) for _ in range(2)] == [True, False]
    assert (system.period_states(US)["2026-11"], system.period_states(EU)) == ("closed", elsewhere)
    assert [system.bring_period(US, "2026-11", is_open=True) for _ in range(2)] == [True, False]
    assert system.period_states(US)["2026-11"] == "open"
    # Tryton leaves the journals of a period closed that is reopened: what follows has to get in.
    driver.post(entry(posting_date=NOVEMBER))
    assert system.bring_period(US, "2026-11", is_open=False)
    with pytest.raises(DestinationError, match="no accounting period 2031-01"):
        system.bring_period(US, "2031-01", is_open=False)


def test_every_deviation_of_a_document_is_named(system: Tryton, driver: Driver) -> None:
    document = entry()
    driver.post(document)
    remote = system.look_up([document], {})[document.reference]
    first = remote.lines[0]

    def found(**changes: Any) -> str:
        (difference,) = system.differences(document, None, replace(remote, **changes))
        return difference

    assert found(document_date=date(2026, 2, 1)) == "posting date: 2026-02-01 instead of 2026-01-31"
    assert found(period="2026-02") == "period: 2026-02 instead of 2026-01"
    assert found(lines=remote.lines[1:]) == f"line {first.line_key}: missing"
    assert found(lines=(*remote.lines, first)) == f"line {first.line_key}: 1 more than sealed"
    for field, value in (("account", "2200"), ("party", "C0002"), ("functional_minor", 1), ("amount_minor", 1), ("currency", "EUR")):
        changed: Any = replace(first, **{field: value})
        assert found(lines=(changed, *remote.lines[1:])).startswith(f"line {first.line_key}: {field} {value} instead of")


def test_an_entity_that_the_ledger_does_not_have_is_named(ledger: Ledger) -> None:
    connection = Connection(ledger.server.url, "erp", "admin", PASSWORD)

    Tryton(MANIFEST, connection, [company.entity_id for company in SPECIFICATION.companies]).ping()
    with pytest.raises(DestinationError, match="code northlight_jp"):
        Tryton(MANIFEST, connection, ["northlight_jp"]).ping()
