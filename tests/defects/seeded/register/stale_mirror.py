from closing import Close
from defect import Finding, RegisterDefect
from outbox_rows import renamed

from reverse_etl.documents import OutboxRow


def propose(close: Close) -> list[OutboxRow]:
    return [renamed(close.row("invoice"), ":again")]


DEFECT = RegisterDefect(
    rule="What was issued since a document was computed would be billed twice.",
    caught_by=Finding("sealing", "stale_head"),
    propose=propose,
)
