from defect import Defect, Finding, Records
from destinations import records_of

from reverse_etl.systems.tryton.reading import MOVES


def plant(records: Records) -> Records:
    next(records_of(records, MOVES))["state"] = "draft"
    return records


DEFECT = Defect(
    rule="An entry that was posted stays posted.",
    caught_by=Finding("K7", "debit"),
    implies=(
        Finding("K7", "credit"),
        Finding("K7", "transaction amount"),
        Finding("K8", "amount"),
        Finding("K9", "credit"),
        Finding("K9", "debit"),
    ),
    read_back=plant,
)
