from dataclasses import replace
from datetime import date

from closing import Close
from defect import Finding, RegisterDefect

from reverse_etl.documents import OutboxRow


def propose(close: Close) -> list[OutboxRow]:
    return [replace(close.row("invoice"), document_date=date(2026, 2, 28), posting_date=date(2026, 2, 28), period="2026-02")]


DEFECT = RegisterDefect(
    rule="A document that may be at its destination is never given another date.",
    caught_by=Finding("sealing", "contract"),
    propose=propose,
)
