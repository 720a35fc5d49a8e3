from dataclasses import replace

from defect import Defect, Finding

from reverse_etl.documents import OutboxRow


def plant(rows: list[OutboxRow]) -> list[OutboxRow]:
    """The invoice in the foreign currency, and all that is journalled of it, at a rate of another day."""
    return [
        replace(row, payload={**row.payload, "exchange_rate": "1.0851"}) if row.document_type == "invoice" and row.currency == "EUR" else row
        for row in rows
    ]


DEFECT = Defect(
    rule="A document is converted at the approved rate of its day.",
    caught_by=Finding("re-performance"),
    implies=(Finding("assert_j09_exchange_rates_are_approved"),),
    issue=plant,
)
