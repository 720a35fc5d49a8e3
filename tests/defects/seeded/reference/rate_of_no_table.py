from dataclasses import replace

from defect import Defect, Finding

from reverse_etl.documents import OutboxRow


def plant(rows: list[OutboxRow]) -> list[OutboxRow]:
    [foreign] = [row for row in rows if row.document_type == "invoice" and row.currency != row.payload["functional_currency"]]
    return [foreign_at_another_rate(row) if row is foreign else row for row in rows]


def foreign_at_another_rate(row: OutboxRow) -> OutboxRow:
    return replace(row, payload={**row.payload, "exchange_rate": "1.0900"})


DEFECT = Defect(
    rule="What is issued is converted at a rate of the approved table (J09).",
    caught_by=Finding("assert_j09_exchange_rates_are_approved"),
    implies=(Finding("re-performance"),),
    issue=plant,
)
