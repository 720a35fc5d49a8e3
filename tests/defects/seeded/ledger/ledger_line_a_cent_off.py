from defect import Defect, Finding, Records
from destinations import records_of

from reverse_etl.systems.tryton.reading import MOVE_LINES


def plant(records: Records) -> Records:
    line = next(line for line in records_of(records, MOVE_LINES) if line["debit_minor"])
    line["debit_minor"] += 1
    line["amount_minor"] += 1
    return records


DEFECT = Defect(
    rule="The ledger holds every posted line to the cent.",
    caught_by=Finding("K7", "debit"),
    implies=(
        Finding("K8", "amount"),
        Finding("K9", "debit"),
    ),
    read_back=plant,
)
