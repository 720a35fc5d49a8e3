from defect import Defect, Finding, Records
from destinations import entry_of_others, list_entry_of_others

from reverse_etl.systems.tryton.reading import ACCOUNT_MOVEMENTS


def plant(records: Records) -> Records:
    """The ledger's own sum of an account holds what no entry does, beside an entry of others that is listed as it should be."""
    return [*records, *entry_of_others("1006", "1000", 2500), (ACCOUNT_MOVEMENTS, {"account_code": "1007", "debit_minor": 100, "credit_minor": 0})]


DEFECT = Defect(
    rule="What moves an account is an entry that somebody can name.",
    caught_by=Finding("K9", "debit"),
    deliver=list_entry_of_others,
    read_back=plant,
)
