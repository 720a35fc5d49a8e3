from defect import Defect, Finding, Records
from destinations import records_of

from reverse_etl.systems.stripe.read_back import INVOICES


def plant(records: Records) -> Records:
    skipped = next(records_of(records, INVOICES))["remote_id"]
    return [record for record in records if record[1]["remote_id"] != skipped]


DEFECT = Defect(
    rule="A read-back that skips a page is a break and never a reason to issue again.",
    caught_by=Finding("K4", "total"),
    implies=(
        Finding("K4", "amount due"),
        Finding("K4", "line amount"),
        Finding("K4", "line tax"),
    ),
    read_back=plant,
)
