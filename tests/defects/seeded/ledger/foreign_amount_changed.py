from defect import Defect, Finding, Records
from destinations import records_of

from reverse_etl.systems.tryton.reading import MOVE_LINES


def plant(records: Records) -> Records:
    next(line for line in records_of(records, MOVE_LINES) if line["currency"] != "USD")["amount_minor"] += 1
    return records


DEFECT = Defect(
    rule="The ledger holds the amount in the currency of the transaction too.",
    caught_by=Finding("K7", "transaction amount"),
    read_back=plant,
)
