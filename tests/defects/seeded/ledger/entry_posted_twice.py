from defect import Defect, Finding, Records
from destinations import records_of

from reverse_etl.systems.tryton.reading import MOVES


def plant(records: Records) -> Records:
    move = next(records_of(records, MOVES))
    again = [(relation, {**record, "remote_id": "again"}) for relation, record in records if record["remote_id"] == move["remote_id"]]
    return [*records, *again]


DEFECT = Defect(
    rule="An entry is in the ledger once.",
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
