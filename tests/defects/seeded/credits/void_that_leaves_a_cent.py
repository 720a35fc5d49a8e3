from __future__ import annotations

from decisions import decided_void
from defect import Defect, Finding
from outbox_rows import Lines, with_lines

from reverse_etl.documents import OutboxRow


def plant(rows: list[OutboxRow]) -> list[OutboxRow]:
    def leave_a_cent(lines: Lines) -> Lines:
        return [{**lines[0], "amount_minor": lines[0]["amount_minor"] - 1}, *lines[1:]]

    return [with_lines(row, leave_a_cent) if row.cause == "void" else row for row in rows]


DEFECT = Defect(
    rule="A void is the exact negation of what was left of its invoice (J07).",
    caught_by=Finding("assert_j07_reversals_negate_their_original"),
    implies=(Finding("assert_credits_never_exceed_their_line"),),
    after_issue=decided_void,
    issue_late=plant,
)
