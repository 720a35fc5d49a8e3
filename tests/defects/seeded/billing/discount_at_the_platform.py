from defect import Defect, Finding, Records
from destinations import records_of

from reverse_etl.systems.stripe.read_back import INVOICES


def plant(records: Records) -> Records:
    next(records_of(records, INVOICES))["amount_due_minor"] -= 100
    return records


DEFECT = Defect(
    rule="A customer is asked for what was issued.",
    caught_by=Finding("K4", "amount due"),
    read_back=plant,
)
