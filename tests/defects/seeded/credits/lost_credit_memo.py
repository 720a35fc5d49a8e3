from defect import Defect, Finding

from reverse_etl.documents import OutboxRow


def plant(rows: list[OutboxRow]) -> list[OutboxRow]:
    return [row for row in rows if row.document_type != "credit_memo"]


DEFECT = Defect(
    rule="What usage takes back is given back.",
    caught_by=Finding("K3", "amount"),
    implies=(Finding("K10", "revenue"), Finding("re-performance")),
    issue_late=plant,
)
