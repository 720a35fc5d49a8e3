from __future__ import annotations

from dataclasses import replace

from defect import Defect, Finding

from reverse_etl.documents import OutboxRow


def plant(rows: list[OutboxRow]) -> list[OutboxRow]:
    """One entry claims to reverse another, whose amounts it does not have."""
    first, last, *_ = [row for row in rows if row.document_type == "journal_entry"]
    claimed = replace(last, payload={**last.payload, "reverses": first.natural_id})
    return [claimed if row is last else row for row in rows]


DEFECT = Defect(
    rule="An entry that reverses another is its exact negation (J07).",
    caught_by=Finding("assert_j07_reversals_negate_their_original"),
    post=plant,
)
