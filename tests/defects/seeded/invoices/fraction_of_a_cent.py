from dataclasses import replace

from defect import Defect, Finding
from outbox_rows import changed

from reverse_etl.documents import OutboxRow


def plant(rows: list[OutboxRow]) -> list[OutboxRow]:
    def halve(row: OutboxRow) -> OutboxRow:
        lines = [{**line, "amount_minor": f"{line['amount_minor']}.5"} for line in row.payload["lines"]]
        return replace(row, payload={**row.payload, "lines": lines})

    return changed(rows, "invoice", halve)


DEFECT = Defect(
    rule="A document is a whole number of minor units.",
    caught_by=Finding("sealing", "contract"),
    implies=(
        Finding("K3", "amount"),
        Finding("K10", "revenue"),
        Finding("re-performance"),
    ),
    issue=plant,
)
