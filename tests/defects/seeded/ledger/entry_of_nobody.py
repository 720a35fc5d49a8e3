from defect import Defect, Finding, Records
from destinations import entry_of_others


def plant(records: Records) -> Records:
    return [*records, *entry_of_others("1006", "1000", 2500)]


DEFECT = Defect(
    rule="An entry on our accounts is ours, or is listed with its reason and its owner.",
    caught_by=Finding("K8", "amount"),
    implies=(
        Finding("K9", "credit"),
        Finding("K9", "debit"),
    ),
    read_back=plant,
)
