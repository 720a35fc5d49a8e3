from defect import Defect, Finding, Records
from destinations import entry_of_others, list_entry_of_others


def plant(records: Records) -> Records:
    return [*records, *entry_of_others("1006", "1000", 2600)]


DEFECT = Defect(
    rule="A listing answers for an entry of the amount that it states, and for no other.",
    caught_by=Finding("K8", "amount"),
    implies=(
        Finding("K9", "credit"),
        Finding("K9", "debit"),
    ),
    deliver=list_entry_of_others,
    read_back=plant,
)
