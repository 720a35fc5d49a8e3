"""Manual journals and contacts behave as Xero documents them."""

from __future__ import annotations

from typing import Any

import pytest
from xero_stand_in import API, Xero, journal, messages


def test_a_journal_is_created_with_its_lines_and_microsofts_dates(xero: Xero) -> None:
    answer = xero.put(journal("Created", 118.99))
    assert answer.status_code == 200
    created = answer.json()["ManualJournals"][0]
    assert (created["Narration"], created["Status"], created["Date"]) == ("Created", "POSTED", "/Date(1769817600000+0000)/")
    assert [line["LineAmount"] for line in created["JournalLines"]] == [118.99, -118.99]
    held = xero.http.get(f"{API}/ManualJournals/{created['ManualJournalID']}").json()["ManualJournals"][0]
    assert held == created


def test_a_journal_is_a_draft_unless_it_says_otherwise(xero: Xero) -> None:
    given = journal("Draft")
    del given["Status"]
    assert xero.put(given).json()["ManualJournals"][0]["Status"] == "DRAFT"


def test_the_same_request_without_a_key_makes_another_journal(xero: Xero) -> None:
    identifiers = {xero.put(journal("Twice")).json()["ManualJournals"][0]["ManualJournalID"] for _ in range(2)}
    assert len(identifiers) == 2


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"Narration": ""}, "Narration"),
        ({"JournalLines": []}, "at least two journal lines"),
        (
            {"JournalLines": [{"LineAmount": 100, "AccountCode": "1200"}, {"LineAmount": -10, "AccountCode": "4000"}]},
            "(100.00) must equal total credits (-10.00)",
        ),
        ({"JournalLines": [{"LineAmount": 1, "AccountCode": "9999"}, {"LineAmount": -1, "AccountCode": "4000"}]}, "'9999' is not a valid code"),
        ({"JournalLines": [{"LineAmount": 1, "AccountCode": "1100"}, {"LineAmount": -1, "AccountCode": "4000"}]}, "'1100' is not a valid code"),
        (
            {"JournalLines": [{"LineAmount": 1, "AccountCode": "1200", "TaxType": "NOPE"}, {"LineAmount": -1, "AccountCode": "4000"}]},
            "TaxType code 'NOPE'",
        ),
        ({"Date": "31.01.2026"}, "date is not valid"),
        ({"Status": "VOIDED"}, "not valid"),
        ({"Url": "no url"}, "Url"),
    ],
)
def test_what_a_journal_must_not_be_is_refused(xero: Xero, changes: dict[str, Any], words: str) -> None:
    answer = xero.put(journal("Refused") | changes)
    assert (answer.status_code, answer.json()["Type"]) == (400, "ValidationException")
    assert words in messages(answer.json())[0]
    assert xero.listed(where='Narration=="Refused"') == []


def test_more_than_two_tracking_categories_are_refused(xero: Xero) -> None:
    tracking = [{"Name": name, "Option": "Any"} for name in ("Region", "Product", "Team")]
    lines = [{"LineAmount": 1, "AccountCode": "1200", "Tracking": tracking}, {"LineAmount": -1, "AccountCode": "4000"}]
    assert "maximum of 2 tracking" in messages(xero.put(journal("Tracked", JournalLines=lines)).json())[0]
    lines[0]["Tracking"] = tracking[:2]
    assert xero.put(journal("Tracked", JournalLines=lines)).json()["ManualJournals"][0]["JournalLines"][0]["Tracking"] == tracking[:2]


def test_amounts_are_rounded_to_cents_without_a_word(xero: Xero) -> None:
    created = xero.put(journal("Rounded", 0.125)).json()["ManualJournals"][0]
    assert [line["LineAmount"] for line in created["JournalLines"]] == [0.13, -0.13]


def test_every_element_is_answered_for_where_that_is_asked(xero: Xero) -> None:
    batch = [journal("Each 1"), journal("Each 2", JournalLines=[]), journal("Each 3")]
    answer = xero.put(*batch, summarizeErrors="false")
    shown = answer.json()["ManualJournals"]
    assert answer.status_code == 200
    assert [(element["Narration"], element["StatusAttributeString"]) for element in shown] == [
        ("Each 1", "OK"),
        ("Each 2", "ERROR"),
        ("Each 3", "OK"),
    ]
    assert shown[1]["ManualJournalID"] == "00000000-0000-0000-0000-000000000000"
    assert {found["Narration"] for found in xero.listed(where='Narration.StartsWith("Each")')} == {"Each 1", "Each 3"}


def test_otherwise_one_invalid_element_refuses_all(xero: Xero) -> None:
    assert xero.put(journal("All 1"), journal("All 2", JournalLines=[])).status_code == 400
    assert xero.listed(where='Narration.StartsWith("All")') == []


def test_a_lock_date_closes_what_is_dated_before(xero: Xero) -> None:
    early = xero.put(journal("Before the lock")).json()["ManualJournals"][0]
    try:
        xero.http.post("/_lock", json={"date": "2026-01-31"})
        for answer in (
            xero.put(journal("Locked")),
            xero.http.post(f"{API}/ManualJournals", json={"ManualJournalID": early["ManualJournalID"], "Narration": "Changed"}),
        ):
            assert messages(answer.json()) == ["The document date cannot be before the end of year lock date, currently set at 31-Jan-2026"]
        assert xero.put(journal("After the lock", Date="2026-02-01")).status_code == 200
    finally:
        xero.http.post("/_lock", json={"date": None})


def test_a_person_changes_voids_and_finds_journals(xero: Xero) -> None:
    created = xero.put(journal("Found", Url="https://app.example/doc/1")).json()["ManualJournals"][0]
    identifier = created["ManualJournalID"]
    assert xero.http.post(f"{API}/ManualJournals/{identifier}", json={"Status": "VOIDED"}).status_code == 200
    held = xero.listed(where='Status=="VOIDED" AND (Narration=="nothing" OR Url=="https://app.example/doc/1")')
    assert [found["ManualJournalID"] for found in held] == [identifier]
    again = xero.http.post(f"{API}/ManualJournals/{identifier}", json={"Status": "POSTED"})
    assert "cannot be edited" in messages(again.json())[0]
    assert xero.http.get(f"{API}/ManualJournals", params={"where": "Nothing==1"}).status_code == 400


def test_lists_are_paged_filtered_by_date_and_by_change(xero: Xero) -> None:
    for number in range(3):
        xero.put(journal(f"Page {number}", Date=f"2026-03-0{number + 1}"))
    where = "Date >= DateTime(2026, 03, 01) && Date < DateTime(2026, 03, 03)"
    assert [found["Narration"] for found in xero.listed(where=where)] == ["Page 0", "Page 1"]
    march = 'Narration.StartsWith("Page")'
    answer = xero.http.get(f"{API}/ManualJournals", params={"where": march, "page": "2", "pageSize": "2"}).json()
    assert answer["pagination"] == {"page": 2, "pageSize": 2, "pageCount": 2, "itemCount": 3}
    assert [found["Narration"] for found in answer["ManualJournals"]] == ["Page 2"]
    unpaged = xero.http.get(f"{API}/ManualJournals", params={"where": march}).json()["ManualJournals"]
    assert [found["JournalLines"] for found in unpaged] == [[], [], []]
    since = xero.http.get(f"{API}/ManualJournals", params={"page": "1"}, headers={"If-Modified-Since": "2099-01-01T00:00:00"})
    assert since.json()["ManualJournals"] == []


def test_a_contact_is_one_per_number(xero: Xero) -> None:
    def post(*contacts: dict[str, str]) -> dict[str, Any]:
        content = xero.http.post(f"{API}/Contacts", json={"Contacts": list(contacts)}, params={"summarizeErrors": "false"}).json()
        assert isinstance(content, dict)
        return content

    first = post({"ContactNumber": "C1", "Name": "Aurora"})["Contacts"][0]
    second = post({"ContactNumber": "C1", "Name": "Aurora Robotics"})["Contacts"][0]
    assert first["ContactID"] == second["ContactID"]
    assert "already assigned" in messages(post({"ContactNumber": "C2", "Name": "Aurora Robotics"}))[0]


def test_the_trial_balance_adds_up_what_is_posted(xero: Xero) -> None:
    xero.put(journal("Trial", 10, Date="2026-05-31"), journal("Trial", 5, Date="2026-06-30"), journal("Trial", 99, Date="2026-06-30", Status="DRAFT"))
    report = xero.http.get(f"{API}/Reports/TrialBalance", params={"date": "2026-06-30"}).json()["Reports"][0]
    rows = {row["Cells"][0]["Value"]: [cell["Value"] for cell in row["Cells"][1:3]] for row in report["Rows"][1]["Rows"]}
    assert (rows["Clearing (1200)"], rows["Usage revenue (4000)"]) == (["5.00", ""], ["", "5.00"])
