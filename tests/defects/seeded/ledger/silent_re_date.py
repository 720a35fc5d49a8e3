from datetime import date

from defect import Defect, Finding, Records
from destinations import records_of

from reverse_etl.systems.tryton.reading import MOVES


def plant(records: Records) -> Records:
    next(records_of(records, MOVES))["posting_date"] = date(2026, 1, 30)
    return records


DEFECT = Defect(
    rule="A posted entry keeps its date.",
    caught_by=Finding("K7", "debit"),
    implies=(
        Finding("K7", "credit"),
        Finding("K7", "transaction amount"),
    ),
    read_back=plant,
)
