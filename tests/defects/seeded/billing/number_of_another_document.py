from defect import Defect, Finding, Records
from destinations import records_of

from reverse_etl.systems.stripe.read_back import INVOICES


def plant(records: Records) -> Records:
    next(records_of(records, INVOICES))["number"] = "INV-000099"
    return records


DEFECT = Defect(
    rule="An invoice carries the number that it was given.",
    caught_by=Finding("K4", "total"),
    read_back=plant,
)
