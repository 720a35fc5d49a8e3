from defect import Defect, Finding, Records
from destinations import records_of

from reverse_etl.systems.tryton.reading import MOVE_LINES


def plant(records: Records) -> Records:
    dropped = next(line for line in records_of(records, MOVE_LINES) if line["credit_minor"])
    return [record for record in records if record[1] is not dropped]


DEFECT = Defect(
    rule="The ledger holds every line that was posted.",
    caught_by=Finding("K7", "credit"),
    implies=(
        Finding("K7", "transaction amount"),
        Finding("K9", "credit"),
    ),
    read_back=plant,
)
