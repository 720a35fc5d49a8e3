from defect import Defect, Finding, Records
from destinations import records_of

from reverse_etl.systems.tryton.reading import MOVE_LINES


def plant(records: Records) -> Records:
    next(line for line in records_of(records, MOVE_LINES) if line["credit_minor"])["account_code"] = "1006"
    return records


DEFECT = Defect(
    rule="Nobody moves a posted line to another account.",
    caught_by=Finding("K7", "credit"),
    implies=(
        Finding("K7", "transaction amount"),
        Finding("K9", "credit"),
    ),
    read_back=plant,
)
