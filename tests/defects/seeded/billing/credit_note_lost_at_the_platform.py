from defect import Defect, Finding, Records
from destinations import records_of

from reverse_etl.systems.stripe.read_back import CREDIT_NOTES


def plant(records: Records) -> Records:
    lost = next(records_of(records, CREDIT_NOTES))["remote_id"]
    return [record for record in records if record[1]["remote_id"] != lost]


DEFECT = Defect(
    rule="The billing platform holds every credit that was issued.",
    caught_by=Finding("K4", "total"),
    implies=(
        Finding("K4", "line amount"),
        Finding("K4", "line tax"),
    ),
    read_back=plant,
)
