from defect import Defect, Finding, Records
from destinations import records_of

from reverse_etl.systems.tryton.reading import MOVE_LINES


def plant(records: Records) -> Records:
    line = next(line for line in records_of(records, MOVE_LINES) if line["debit_minor"])
    line |= {"debit_minor": 0, "credit_minor": line["debit_minor"], "amount_minor": -line["amount_minor"]}
    return records


DEFECT = Defect(
    rule="A debit is not a credit.",
    caught_by=Finding("K7", "debit"),
    implies=(
        Finding("K7", "credit"),
        Finding("K8", "amount"),
        Finding("K9", "credit"),
        Finding("K9", "debit"),
    ),
    read_back=plant,
)
