"""How ``tieout exceptions`` lists what there is of one kind."""

from __future__ import annotations

from typing import Any

from dagster_project.cli.posting.listing import DOCUMENT_COLUMNS, SHOWN, listed


def held(customer: str, reason: str, minor: int | None = None, currency: str | None = "USD") -> dict[str, Any]:
    return {
        "kind": "held line",
        "subject": f"northlight_us {customer}",
        "reason": reason,
        "what_to_do": f"deliver {reason}",
        "amount_minor": minor,
        "currency": currency,
    }


MANY = [held(f"C{number}", "price" if number % 3 else "rate", 100 * number, "JPY" if number == 3 else "USD") for number in range(1, SHOWN + 2)]


def test_a_few_are_listed_each_with_its_amount_where_one_is_at_stake() -> None:
    found = listed(MANY[:3], everything=False)
    assert (found.title, found.columns) == ("3 of kind held line", ["subject", "amount", "reason", "what_to_do"])
    assert [row["amount"] for row in found.rows] == ["USD 1.00", "USD 2.00", "JPY 300"]
    assert listed([held("C1", "price")], everything=False).columns == ["subject", "reason", "what_to_do"]


def test_many_are_listed_by_reason_the_most_frequent_first_with_the_amounts_by_currency() -> None:
    found = listed(MANY, everything=False)
    assert found.title == "21 of kind held line, by reason (--all shows every one)"
    assert [(row["number"], row["reason"], row["first"], row["amount"]) for row in found.rows] == [
        (14, "price", "northlight_us C1", "USD 147.00"),
        (7, "rate", "northlight_us C3", "JPY 300, USD 81.00"),
    ]
    assert len(listed(MANY, everything=True).rows) == len(MANY)


def test_breaks_of_one_checkpoint_and_measure_are_alike_whatever_their_sides() -> None:
    breaks = [
        held("", f"accrued: issued USD {number}.00, journals nothing", 100)
        | {"subject": f"K5 us 2026-01 S{number}", "measure": "accrued", "what_to_do": ""}
        for number in range(SHOWN + 1)
    ]
    [row] = listed(breaks, everything=False).rows
    assert (row["reason"], row["number"], row["amount"]) == ("K5 us 2026-01: accrued", 21, "USD 21.00")


def test_documents_are_each_dealt_with_by_an_id_and_are_never_taken_together() -> None:
    documents = [{"kind": "document", "id": number, "reason": "HTTP 422", "what_to_do": "correct it"} for number in range(SHOWN + 1)]
    found = listed(documents, everything=False)
    assert (found.title, found.columns) == (f"21 of kind document (first {SHOWN}; --all shows every one)", DOCUMENT_COLUMNS)
    assert len(found.rows) == SHOWN


def test_where_every_reason_is_another_one_the_first_are_listed() -> None:
    found = listed([held("C1", str(number)) for number in range(SHOWN + 1)], everything=False)
    assert (len(found.rows), found.columns) == (SHOWN, ["subject", "reason", "what_to_do"])
