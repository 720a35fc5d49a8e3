from defect import Defect, Finding, Records
from destinations import records_of

from reverse_etl.systems.stripe.read_back import INVOICES


def plant(records: Records) -> Records:
    next(records_of(records, INVOICES))["status"] = "void"
    return records


DEFECT = Defect(
    rule="An issued invoice stands until a decision voids it.",
    caught_by=Finding("K4", "total"),
    implies=(Finding("K4", "amount due"),),
    read_back=plant,
)
