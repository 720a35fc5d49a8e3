from dataclasses import replace

from closing import Close
from defect import Finding, RegisterDefect
from outbox_rows import renamed

from reverse_etl.documents import OutboxRow


def propose(close: Close) -> list[OutboxRow]:
    return [replace(renamed(close.row("invoice"), ":again"), register_incarnation="another")]


DEFECT = RegisterDefect(
    rule="A mirror that is absent or of another register is an error and never zero.",
    caught_by=Finding("sealing", "wrong_incarnation"),
    propose=propose,
)
