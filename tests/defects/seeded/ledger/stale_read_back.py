from defect import Defect, Finding, Records


def plant(records: Records) -> Records:
    return [record for record in records if not record[0].startswith("raw.ledger")]


DEFECT = Defect(
    rule="A read-back of another day is no read-back of this one.",
    caught_by=Finding("K7", "debit"),
    implies=(
        Finding("K7", "credit"),
        Finding("K7", "transaction amount"),
        Finding("K8", "amount"),
        Finding("K9", "credit"),
        Finding("K9", "debit"),
        Finding("K10", "walk"),
    ),
    read_back=plant,
)
