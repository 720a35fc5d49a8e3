from dataclasses import replace

from closing import Close
from defect import Finding, RegisterDefect
from outbox_rows import renamed

from reverse_etl.documents import OutboxRow


def propose(close: Close) -> list[OutboxRow]:
    row = renamed(close.row("credit_memo"), ":goodwill")
    return [replace(row, cause="goodwill", payload={**row.payload, "decision_id": "nobody"})]


DEFECT = RegisterDefect(
    rule="A credit out of goodwill is issued once two people have decided it.",
    caught_by=Finding("sealing", "not_approved"),
    propose=propose,
)
