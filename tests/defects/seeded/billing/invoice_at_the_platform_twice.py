from defect import Defect, Finding, Records
from destinations import records_of

from reverse_etl.systems.stripe.read_back import INVOICES


def plant(records: Records) -> Records:
    invoice = next(records_of(records, INVOICES))
    again = [(relation, {**record, "remote_id": "again"}) for relation, record in records if record["remote_id"] == invoice["remote_id"]]
    return [*records, *again]


DEFECT = Defect(
    rule="An invoice is at the billing platform once.",
    caught_by=Finding("K4", "total"),
    implies=(
        Finding("K4", "amount due"),
        Finding("K4", "line amount"),
        Finding("K4", "line tax"),
    ),
    read_back=plant,
)
