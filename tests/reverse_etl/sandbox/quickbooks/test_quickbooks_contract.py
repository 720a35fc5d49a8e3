"""The stand-in keeps what Intuit documents of QuickBooks Online."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from fuzzing import fuzz
from rates import ask_until_limited

if TYPE_CHECKING:
    from conftest import StandIn

from reverse_etl.sandbox.quickbooks import realm_of

REALM = realm_of("northlight_us")


def code_of(answer: httpx.Response, status: int = 400) -> str:
    assert answer.status_code == status, answer.text
    return str(answer.json()["Fault"]["Error"][0]["code"])


def count(stand_in: StandIn, number: str) -> int:
    return int(stand_in.query(f"select count(*) from JournalEntry where DocNumber = '{number}'")["totalCount"])


def test_a_request_id_replays_the_first_answer_whatever_the_body(stand_in: StandIn) -> None:
    first = stand_in.post("journalentry", stand_in.entry("R-1"), requestid="replayed")
    second = stand_in.post("journalentry", stand_in.entry("R-2", "5.00"), requestid="replayed")
    assert first.status_code == 200
    assert second.content == first.content
    assert (count(stand_in, "R-1"), count(stand_in, "R-2")) == (1, 0)


def test_a_request_id_is_forgotten_and_then_the_same_is_executed_again(start_stand_in: Callable[..., StandIn]) -> None:
    stand_in = start_stand_in("--request-retention-seconds", "60")
    stand_in.post("journalentry", stand_in.entry("F-1"), requestid="forgotten")
    stand_in.http.post("/_clock", json={"offset_seconds": 61})
    stand_in.post("journalentry", stand_in.entry("F-1"), requestid="forgotten")
    assert count(stand_in, "F-1") == 2


def test_after_a_500_the_request_id_replays_the_success_behind_it_and_refusals_are_not_remembered(stand_in: StandIn) -> None:
    stand_in.order(kind="accept_then_500", path="journalentry$")
    assert code_of(stand_in.post("journalentry", stand_in.entry("S-1"), requestid="stored"), 500) == "10000"
    assert stand_in.post("journalentry", stand_in.entry("S-1"), requestid="stored").status_code == 200
    assert count(stand_in, "S-1") == 1
    assert code_of(stand_in.post("journalentry", {"Line": []}, requestid="refused")) == "2020"
    assert stand_in.post("journalentry", stand_in.entry("S-2"), requestid="refused").status_code == 200


def test_a_request_id_has_at_most_50_characters_and_36_in_a_batch(stand_in: StandIn) -> None:
    assert stand_in.post("journalentry", stand_in.entry("L-1"), requestid="r" * 50).status_code == 200
    assert code_of(stand_in.post("journalentry", stand_in.entry("L-1"), requestid="r" * 51)) == "2050"
    assert code_of(stand_in.post("batch", {"BatchItemRequest": [{"bId": "1", "Query": "select * from Account"}]}, requestid="r" * 37)) == "2050"


def test_a_document_number_may_repeat_unless_the_company_warns(start_stand_in: Callable[..., StandIn]) -> None:
    stand_in = start_stand_in("--unlimited")
    assert {stand_in.post("journalentry", stand_in.entry("D-1")).status_code for _ in range(2)} == {200}
    stand_in.books(warns_of_duplicates=True)
    assert code_of(stand_in.post("journalentry", stand_in.entry("D-1"))) == "6140"
    assert code_of(stand_in.post("journalentry", stand_in.entry("D" * 22))) == "2050"


def test_an_entry_balances_and_names_what_is_there(stand_in: StandIn) -> None:
    one_sided = stand_in.entry("U-1") | {"Line": [stand_in.line("2200", "Debit", "1.00"), stand_in.line("4000", "Credit", "0.99")]}
    assert code_of(stand_in.post("journalentry", one_sided)) == "6000"
    without_customer = [stand_in.line("1100", "Debit", "1.00"), stand_in.line("4000", "Credit", "1.00")]
    assert code_of(stand_in.post("journalentry", stand_in.entry("U-1") | {"Line": without_customer})) == "6000"
    nobody = {"Type": "Customer", "EntityRef": {"value": "999999"}}
    of_nobody = [stand_in.line("1100", "Debit", "1.00", Entity=nobody), stand_in.line("4000", "Credit", "1.00")]
    assert code_of(stand_in.post("journalentry", stand_in.entry("U-1") | {"Line": of_nobody})) == "2500"
    assert code_of(stand_in.post("journalentry", stand_in.entry("U-1") | {"Lines": []})) == "2010"
    assert count(stand_in, "U-1") == 0


def test_amounts_are_kept_to_the_cent(stand_in: StandIn) -> None:
    text = json.dumps(stand_in.entry("C-1")).replace("119.0", "99999999999.98")
    made = stand_in.http.post(f"/v3/company/{REALM}/journalentry", content=text)
    assert "99999999999.98" in made.text
    finer = json.dumps(stand_in.entry("C-2")).replace("119.0", "0.001")
    assert code_of(stand_in.http.post(f"/v3/company/{REALM}/journalentry", content=finer)) == "2030"


def test_in_another_currency_the_rate_says_what_it_is_worth_at_home(stand_in: StandIn) -> None:
    foreign = stand_in.entry("X-1", "100.00", CurrencyRef={"value": "EUR"}, ExchangeRate=1.08455)
    made = stand_in.post("journalentry", foreign).json()["JournalEntry"]
    assert (made["TotalAmt"], made["HomeTotalAmt"], made["ExchangeRate"]) == (100.0, 108.46, 1.08455)
    assert code_of(stand_in.post("journalentry", stand_in.entry("X-2", ExchangeRate=2))) == "6000"


def test_closed_books_refuse_what_is_new_changed_or_deleted(start_stand_in: Callable[..., StandIn]) -> None:
    stand_in = start_stand_in("--unlimited")
    made = stand_in.post("journalentry", stand_in.entry("K-1")).json()["JournalEntry"]
    stand_in.books(closed_until="2026-01-31")
    assert code_of(stand_in.post("journalentry", stand_in.entry("K-2"))) == "6210"
    assert stand_in.post("journalentry", stand_in.entry("K-3", TxnDate="2026-02-01")).status_code == 200
    versioned = {"Id": made["Id"], "SyncToken": "0"}
    assert code_of(stand_in.post("journalentry", stand_in.entry("K-1", TxnDate="2026-02-01", **versioned))) == "6210"
    assert code_of(stand_in.post("journalentry", versioned, operation="delete")) == "6210"
    assert stand_in.get("preferences").json()["Preferences"]["AccountingInfoPrefs"] == {"BookCloseDate": "2026-01-31"}


def test_a_stale_token_is_refused_and_an_update_raises_it(stand_in: StandIn) -> None:
    made = stand_in.post("journalentry", stand_in.entry("T-1")).json()["JournalEntry"]
    changed = stand_in.post("journalentry", stand_in.entry("T-1", "7.00", Id=made["Id"], SyncToken="0")).json()["JournalEntry"]
    assert (changed["SyncToken"], changed["TotalAmt"]) == ("1", 7.0)
    assert code_of(stand_in.post("journalentry", stand_in.entry("T-1", Id=made["Id"], SyncToken="0"))) == "5010"
    assert code_of(stand_in.post("journalentry", {"Id": made["Id"], "SyncToken": "0"}, operation="delete")) == "5010"
    deleted = stand_in.post("journalentry", {"Id": made["Id"], "SyncToken": "1"}, operation="delete").json()["JournalEntry"]
    assert deleted == {"Id": made["Id"], "status": "Deleted", "domain": "QBO"}
    assert code_of(stand_in.get(f"journalentry/{made['Id']}")) == "610"


def test_a_display_name_is_taken_once_and_a_sparse_update_keeps_the_rest(stand_in: StandIn) -> None:
    made = stand_in.post("customer", {"DisplayName": "Ada", "CompanyName": "Ada Ltd"}).json()["Customer"]
    assert code_of(stand_in.post("customer", {"DisplayName": "ada"})) == "6240"
    versioned = {"Id": made["Id"], "SyncToken": "0"}
    changed = stand_in.post("customer", versioned | {"sparse": True, "DisplayName": "Ada (C1)"}).json()["Customer"]
    assert (changed["CompanyName"], changed["DisplayName"], changed["SyncToken"]) == ("Ada Ltd", "Ada (C1)", "1")
    assert code_of(stand_in.post("customer", versioned | {"sparse": True, "DisplayName": "B"})) == "5010"
    assert [found["Id"] for found in stand_in.query(r"select * from Customer where DisplayName like '%(C1)'")["Customer"]] == [made["Id"]]


def test_the_items_of_a_batch_are_independent_and_answered_by_their_ids(stand_in: StandIn) -> None:
    stand_in.order(kind="reverse_order", path="batch$")
    items = [
        {"bId": "good", "operation": "create", "JournalEntry": stand_in.entry("B-1")},
        {"bId": "bad", "operation": "create", "JournalEntry": {"Line": []}},
        {"bId": "query", "Query": "select * from JournalEntry where DocNumber = 'B-1'"},
    ]
    answers = stand_in.post("batch", {"BatchItemRequest": items}).json()["BatchItemResponse"]
    assert [answer["bId"] for answer in answers] == ["query", "bad", "good"]
    by_id: dict[str, Any] = {answer["bId"]: answer for answer in answers}
    assert by_id["good"]["JournalEntry"]["DocNumber"] == "B-1"
    assert by_id["bad"]["Fault"]["Error"][0]["code"] == "2020"
    assert by_id["query"]["QueryResponse"]["maxResults"] == 1
    too_many = [{"bId": str(number), "Query": "select * from Account"} for number in range(31)]
    assert code_of(stand_in.post("batch", {"BatchItemRequest": too_many})) == "6000"


def test_queries_filter_order_and_page(stand_in: StandIn) -> None:
    for day in range(1, 6):
        stand_in.post("journalentry", stand_in.entry(f"Q'{day}", TxnDate=f"2027-03-0{day}"))
    found = stand_in.query("select * from JournalEntry where TxnDate >= '2027-03-02' and TxnDate < '2027-03-05' orderby TxnDate desc")
    assert [item["TxnDate"] for item in found["JournalEntry"]] == ["2027-03-04", "2027-03-03", "2027-03-02"]
    page = stand_in.query("select * from JournalEntry where TxnDate >= '2027-03-01' and TxnDate <= '2027-03-31' startposition 2 maxresults 2")
    assert ([item["DocNumber"] for item in page["JournalEntry"]], page["startPosition"], page["maxResults"]) == (["Q'2", "Q'3"], 2, 2)
    assert len(stand_in.query(r"select * from JournalEntry where DocNumber in ('Q\'1', 'Q\'5', 'Q\'9')")["JournalEntry"]) == 2
    assert stand_in.query("select * from JournalEntry where DocNumber = 'none'") == {}
    for wrong, code in (("select * from Nothing", "4000"), ("select * from Account where Colour = 'red'", "4001"), ("select", "4000")):
        assert code_of(stand_in.get("query", query=wrong)) == code


def test_a_general_ledger_sums_each_account(stand_in: StandIn) -> None:
    stand_in.post("journalentry", stand_in.entry("G-1", "10.10", TxnDate="2028-01-15"))
    stand_in.post("journalentry", stand_in.entry("G-2", "0.05", TxnDate="2028-01-31"))
    report = stand_in.get("reports/GeneralLedger", start_date="2028-01-01", end_date="2028-01-31", columns="tx_date,debt_amt,credit_amt").json()
    sums = {row["Header"]["ColData"][0]["id"]: [cell["value"] for cell in row["Summary"]["ColData"][1:]] for row in report["Rows"]["Row"]}
    assert sums == {stand_in.accounts["2200"]: ["10.15", ""], stand_in.accounts["4000"]: ["", "10.15"]}


def test_the_limits_are_those_of_a_company(start_stand_in: Callable[..., StandIn]) -> None:
    stand_in = start_stand_in()
    limited = ask_until_limited(lambda: stand_in.get("preferences"))
    # One more was asked when it was started.
    assert 9 <= limited.admitted <= limited.most(10)
    assert code_of(limited.refused, 429) == "3001"
    assert "retry-after" not in limited.refused.headers


def test_refresh_tokens_are_replaced_and_the_one_before_the_last_works_until_then(start_stand_in: Callable[..., StandIn], tmp_path: Path) -> None:
    (tmp_path / "credentials").write_text('{"client_id": "app", "client_secret": "s3cret", "refresh_token": "first"}')
    (tmp_path / "any").mkdir()
    with pytest.raises(AssertionError):
        start_stand_in("--credentials", str(tmp_path / "credentials"))
    url = json.loads((tmp_path / "ready.json").read_text())["url"]

    def grant(token: str, secret: str = "s3cret") -> httpx.Response:
        form = {"grant_type": "refresh_token", "refresh_token": token}
        return httpx.post(f"{url}/oauth2/v1/tokens/bearer", data=form, auth=("app", secret), trust_env=False, timeout=120)

    assert grant("first", "wrong").status_code == 401
    second = grant("first").json()
    assert grant("first").status_code == 200, "an answer may have been lost"
    third = grant(grant("first").json()["refresh_token"]).json()
    assert grant("first").json() == {"error": "invalid_grant"}
    for token, status in ((second["access_token"], 200), (third["access_token"], 200), ("any", 401)):
        answer = httpx.get(f"{url}/v3/company/{REALM}/preferences", headers={"Authorization": f"Bearer {token}"}, trust_env=False, timeout=120)
        assert answer.status_code == status
    assert answer.json()["fault"]["error"][0]["code"] == "3200"


def test_every_request_is_answered_as_described(start_stand_in: Callable[..., StandIn]) -> None:
    # Its own, for what it makes others would find.
    stand_in = start_stand_in("--unlimited")
    customer = stand_in.customer("Fuzzed")
    made = stand_in.post("journalentry", stand_in.entry("Z-1")).json()["JournalEntry"]
    known = {
        "realm": [REALM],
        "id": [customer, made["Id"], stand_in.accounts["4000"]],
        "Id": [customer, made["Id"]],
        "SyncToken": ["0"],
        "value": list(stand_in.accounts.values()),
    }

    counts = fuzz(stand_in.url, {"Authorization": "Bearer any"}, known, examples=10)

    assert counts[200] > 10
    assert counts[400] > 10
    assert set(counts) <= {200, 400, 401, 403, 404}
