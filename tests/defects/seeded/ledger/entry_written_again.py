from datetime import timedelta

from defect import Defect, Finding, Records
from destinations import records_of

from reverse_etl.systems.tryton.reading import MOVES


def plant(records: Records) -> Records:
    next(records_of(records, MOVES))["written_at"] += timedelta(hours=3)
    return records


DEFECT = Defect(
    rule="Nobody writes to an entry after it was posted, whatever the lines say.",
    caught_by=Finding("K8", "edits"),
    read_back=plant,
)
