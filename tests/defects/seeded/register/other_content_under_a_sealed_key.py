from dataclasses import replace

from closing import Close
from defect import Finding, RegisterDefect

from reverse_etl.documents import OutboxRow


def propose(close: Close) -> list[OutboxRow]:
    row = close.row("journal_entry")
    return [replace(row, payload={**row.payload, "source_number": "another"})]


DEFECT = RegisterDefect(
    rule="What was sealed under a key is not sealed with other content.",
    caught_by=Finding("sealing", "contract"),
    propose=propose,
)
