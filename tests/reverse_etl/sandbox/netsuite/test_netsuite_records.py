"""Records behave as NetSuite documents them: upserts by external id, lines that are added, and the rules of a journal."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from ledger_stand_in import EU, US
from netsuite_stand_in import RECORDS, NetSuite, journal, refusal


def test_an_upsert_creates_once_and_updates_from_then_on(netsuite: NetSuite) -> None:
    first, second = netsuite.put("UP-1", journal()), netsuite.put("UP-1", journal(memo="Changed"), replace="line")
    assert (first.status_code, second.status_code, first.content) == (204, 204, b"")
    assert first.headers["location"] == second.headers["location"] == f"{netsuite.url}{RECORDS}/journalEntry/{netsuite.entry('UP-1')['id']}"
    held = netsuite.entry("UP-1")
    assert (held["memo"], held["externalId"], held["tranDate"], held["postingPeriod"]["refName"]) == ("Changed", "UP-1", "2026-01-31", "Jan 2026")
    assert [(line.get("debit"), line.get("credit"), line["memo"]) for line in held["line"]["items"]] == [
        (119, None, "receivable"),
        (None, 119, "revenue"),
    ]


def test_lines_are_added_unless_they_replace_those_that_are_there(netsuite: NetSuite) -> None:
    netsuite.put("ADD-1", journal(10))
    netsuite.put("ADD-1", journal(10))
    assert netsuite.entry("ADD-1")["line"]["totalResults"] == 4
    netsuite.put("ADD-1", journal(10), replace="line")
    assert netsuite.entry("ADD-1")["line"]["totalResults"] == 2


def test_an_external_id_is_unique_among_the_records_of_a_type(netsuite: NetSuite) -> None:
    assert netsuite.http.post(f"{RECORDS}/journalEntry", json=journal(externalId="ONE")).status_code == 204
    again = netsuite.http.post(f"{RECORDS}/journalEntry", json=journal(externalId="ONE"))
    assert refusal(again) == (400, "USER_ERROR", "Error while accessing a resource. This record already exists.")
    assert netsuite.put("ONE", {"companyName": "Another type", "subsidiary": {"externalId": US}}, "customer").status_code == 204


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"subsidiary": None}, "USER_ERROR", "Please enter value(s) for: Subsidiary."),
        ({"subsidiary": {"id": "99"}}, "INVALID_CONTENT", "Invalid Field Value 99 for the following field: subsidiary"),
        ({"line": {"items": []}}, "USER_ERROR", "at least one line item"),
        ({"line": {"items": [{"account": {"externalId": "4000"}, "credit": 1}]}}, "USER_ERROR", "must balance"),
        ({"line": {"items": [{"account": {"externalId": "9999"}, "credit": 1}]}}, "INVALID_CONTENT", "field: account"),
        ({"line": {"items": [{"account": {"externalId": "1100"}, "debit": 1}]}}, "USER_ERROR", "choose a customer"),
        ({"line": {"items": [{"account": {"externalId": "4000"}, "debit": 1, "credit": 1}]}}, "USER_ERROR", "a debit or a credit"),
        ({"line": {"items": [{"account": {"externalId": "4000"}, "debit": 1.001}]}}, "INVALID_CONTENT", "at most 2 decimals"),
        ({"line": {"items": [{"account": {"externalId": "4000"}, "debit": "1.00"}]}}, "INVALID_CONTENT", "a number is expected"),
        ({"currency": {"id": "2"}}, "INVALID_CONTENT", "at most 0 decimals"),
        ({"tranDate": "31.01.2026"}, "INVALID_CONTENT", "a date"),
        ({"tranDate": "2031-01-31"}, "USER_ERROR", "not within the date range of your accounting period"),
    ],
)
def test_what_a_journal_must_not_be_is_refused(netsuite: NetSuite, changes: dict[str, Any], code: str, words: str) -> None:
    answer = netsuite.put("REFUSED", journal(119.5) | changes)
    assert refusal(answer)[:2] == (400, code)
    assert words in refusal(answer)[2]
    assert netsuite.http.get(f"{RECORDS}/journalEntry/eid:REFUSED").status_code == 404


def test_a_customer_of_another_subsidiary_is_refused(netsuite: NetSuite) -> None:
    answer = netsuite.put("OTHER", journal(subsidiary={"externalId": EU}))
    assert refusal(answer)[1:] == (
        "INVALID_CONTENT",
        "Error while accessing a resource. You have entered an Invalid Field Value 1 for the following field: entity",
    )


def test_a_closed_period_takes_nothing_and_lets_nothing_change(start_netsuite: Callable[..., NetSuite]) -> None:
    netsuite = start_netsuite()
    netsuite.put("C1", {"companyName": "Aurora", "subsidiary": {"externalId": US}}, "customer")
    netsuite.put("EARLY", journal())
    netsuite.http.post("/_periods", json={"period": "2026-01", "closed": True})
    for answer in (netsuite.put("LATE", journal()), netsuite.put("EARLY", journal(), replace="line")):
        assert refusal(answer)[:2] == (400, "USER_ERROR")
    assert netsuite.put("EARLY", {"memo": "Only words"}).status_code == 204
    netsuite.http.post("/_periods", json={"period": "2026-01", "closed": False})
    assert netsuite.put("LATE", journal()).status_code == 204


def test_the_preference_may_book_into_the_first_open_period_instead(start_netsuite: Callable[..., NetSuite]) -> None:
    netsuite = start_netsuite("--closed-period", "first_open")
    netsuite.put("C1", {"companyName": "Aurora", "subsidiary": {"externalId": US}}, "customer")
    netsuite.http.post("/_periods", json={"period": "2026-01", "closed": True})
    assert netsuite.put("MOVED", journal()).status_code == 204
    held = netsuite.entry("MOVED")
    assert (held["tranDate"], held["postingPeriod"]["refName"]) == ("2026-01-31", "Feb 2026")


def test_unknown_properties_are_ignored_unless_the_client_is_strict(netsuite: NetSuite) -> None:
    assert netsuite.put("LAX", journal(tranDat="2026-02-01")).status_code == 204
    path = f"{RECORDS}/journalEntry/eid:STRICT"
    answer = netsuite.http.put(path, json=journal(tranDat="2026-02-01"), headers={"X-NetSuite-PropertyNameValidation": "Error"})
    assert refusal(answer) == (400, "INVALID_CONTENT", "Unknown reference or field: tranDat.")


def test_the_functional_amount_is_each_lines_amount_at_the_entrys_rate(netsuite: NetSuite) -> None:
    items = [
        {"account": {"externalId": "1200"}, "debit": 1500},
        {"account": {"externalId": "4000"}, "credit": 1000},
        {"account": {"externalId": "4000"}, "credit": 500},
    ]
    assert netsuite.put("YEN", journal(currency={"id": "2"}, exchangeRate=0.00667, line={"items": items})).status_code == 204
    source = "transactionaccountingline a JOIN transaction t ON t.id = a.transaction"
    own = f"SELECT a.debit, a.credit FROM {source} WHERE t.externalid = 'YEN' ORDER BY 1, 2"
    # Rounded line by line, so that debits and credits may differ by a cent.
    assert [{name: row[name] for name in row if name != "links"} for row in netsuite.query(own)["items"]] == [
        {"credit": "3.34"},
        {"credit": "6.67"},
        {"debit": "10.01"},
    ]


def test_a_batch_is_executed_later_and_each_record_for_itself(netsuite: NetSuite) -> None:
    headers = {
        "Prefer": "respond-async",
        "Content-Type": "application/vnd.oracle.resource+json; type=collection",
        "X-NetSuite-Idempotency-Key": "batch-1",
    }
    items = [journal(externalId="B-1"), journal(externalId="B-2", subsidiary={"id": "99"}), journal(externalId="B-3")]
    queued = netsuite.http.put(f"{RECORDS}/journalEntry", content=json.dumps({"items": items}), headers=headers)
    assert (queued.status_code, queued.headers["preference-applied"]) == (202, "respond-async")
    location = queued.headers["location"]
    while not (job := netsuite.http.get(location).json())["completed"]:
        assert job["progress"] == "processing"
    result = netsuite.http.get(f"{location}/task/1/result").json()["items"]
    assert [item["status"] for item in result] == [204, 400, 204]
    assert result[0]["id"] == netsuite.entry("B-1")["id"]

    again = netsuite.http.put(f"{RECORDS}/journalEntry", content=json.dumps({"items": items}), headers=headers)
    assert (again.status_code, again.headers["location"], refusal(again)[1]) == (400, location, "IDEMPOTENCY_ERROR")


def test_an_idempotency_key_means_nothing_to_a_synchronous_request(netsuite: NetSuite) -> None:
    for _ in range(2):
        answer = netsuite.http.post(f"{RECORDS}/journalEntry", json=journal(memo="key"), headers={"X-NetSuite-Idempotency-Key": "sync"})
        assert answer.status_code == 204
    assert netsuite.query("SELECT id FROM transaction WHERE memo = 'key'")["totalResults"] == 2


def test_suiteql_answers_texts_in_pages_and_leaves_nulls_out(netsuite: NetSuite) -> None:
    for number in range(3):
        netsuite.put(f"Q-{number}", journal(memo="page"))
    query = "SELECT t.externalid, t.trandate, TO_CHAR(t.trandate, 'YYYY-MM-DD') AS day FROM transaction t WHERE t.memo = 'page' ORDER BY t.externalid"
    first, second = netsuite.query(query, limit=2), netsuite.query(query, limit=2, offset=2)
    assert (first["count"], first["hasMore"], first["totalResults"], second["count"], second["hasMore"]) == (2, True, 3, 1, False)
    assert second["items"] == [{"links": [], "externalid": "Q-2", "trandate": "1/31/2026", "day": "2026-01-31"}]
    path = "/services/rest/query/v1/suiteql"
    assert refusal(netsuite.http.post(path, json={"q": query}))[:2] == (400, "INVALID_HEADER")
    for wrong in ("SELECT nothing FROM transaction", "DELETE FROM account", "SELECT * FROM standin_jobs", "SELECT * FROM sqlite_master"):
        answer = netsuite.http.post(path, json={"q": wrong}, headers={"Prefer": "transient"})
        assert refusal(answer)[:2] == (400, "INVALID_PARAMETER")


def test_what_it_holds_survives_a_restart(start_netsuite: Callable[..., NetSuite]) -> None:
    netsuite = start_netsuite()
    netsuite.put("C1", {"companyName": "Aurora", "subsidiary": {"externalId": US}}, "customer")
    netsuite.put("KEPT", journal(118.99))
    before = netsuite.entry("KEPT")
    netsuite.stop()
    netsuite.start()
    after = netsuite.entry("KEPT")
    assert {name: after[name] for name in ("id", "memo", "tranDate")} == {name: before[name] for name in ("id", "memo", "tranDate")}
    assert netsuite.state()["balances"] == {"1100": "118.99", "4000": "-118.99"}
