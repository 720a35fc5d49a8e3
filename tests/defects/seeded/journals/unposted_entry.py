from defect import Defect, Finding

from reverse_etl.documents import OutboxRow


def plant(rows: list[OutboxRow]) -> list[OutboxRow]:
    return [row for row in rows if ":issued" not in row.natural_id or "invoice" not in row.natural_id]


DEFECT = Defect(
    rule="Every issued document is in the journals.",
    caught_by=Finding("K5", "receivable"),
    implies=(
        Finding("K5", "net"),
        Finding("K6", "sealed"),
        Finding("K6", "posted"),
    ),
    post=plant,
)
