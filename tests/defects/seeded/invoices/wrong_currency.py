from dataclasses import replace

from defect import Defect, Finding
from outbox_rows import changed

from reverse_etl.documents import OutboxRow


def plant(rows: list[OutboxRow]) -> list[OutboxRow]:
    return changed(rows, "invoice", lambda row: replace(row, currency="EUR", payload={**row.payload, "currency": "EUR"}))


DEFECT = Defect(
    rule="A line is issued in the currency that it is rated in.",
    caught_by=Finding("K3", "amount"),
    implies=(Finding("assert_j09_exchange_rates_are_approved"),),
    issue=plant,
)
