from defect import Defect, Finding, Records
from destinations import records_of

from reverse_etl.systems.tryton.reading import MOVE_LINES


def plant(records: Records) -> Records:
    parties = [line for line in records_of(records, MOVE_LINES) if line["party_code"]]
    parties[0]["party_code"] = parties[-1]["party_code"] if parties[-1]["party_code"] != parties[0]["party_code"] else "somebody"
    return records


DEFECT = Defect(
    rule="A receivable is of the customer who was billed.",
    caught_by=Finding("K7", "credit"),
    implies=(Finding("K7", "transaction amount"),),
    read_back=plant,
)
