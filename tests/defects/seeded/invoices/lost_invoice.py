from defect import Defect, Finding

from reverse_etl.documents import OutboxRow


def plant(rows: list[OutboxRow]) -> list[OutboxRow]:
    return [row for row in rows if row.document_type != "invoice"]


DEFECT = Defect(
    rule="Everything that is rated is issued or listed with its reason.",
    caught_by=Finding("K3", "amount"),
    implies=(Finding("K10", "revenue"), Finding("re-performance")),
    issue=plant,
)
