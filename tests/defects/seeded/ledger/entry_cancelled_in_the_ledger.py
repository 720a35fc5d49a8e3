from defect import Defect, Finding, Records
from destinations import records_of

from reverse_etl.systems.tryton.reading import MOVE_LINES, MOVES


def plant(records: Records) -> Records:
    """As Tryton cancels: a copy of the entry with its sides exchanged."""
    move = next(records_of(records, MOVES))
    voiding = move | {"remote_id": "voiding", "reference": None, "number": "901", "cancels_remote_id": move["remote_id"]}
    lines = [line for line in records_of(records, MOVE_LINES) if line["remote_id"] == move["remote_id"]]
    turned = [
        line
        | {"remote_id": "voiding", "remote_line_id": f"voiding.{number}", "line_key": None, "amount_minor": -line["amount_minor"]}
        | {"debit_minor": line["credit_minor"], "credit_minor": line["debit_minor"]}
        for number, line in enumerate(lines)
    ]
    return [*records, (MOVES, voiding), *((MOVE_LINES, line) for line in turned)]


DEFECT = Defect(
    rule="An entry that was posted is cancelled by a decision here, and by nobody in the ledger.",
    caught_by=Finding("K8", "amount"),
    implies=(
        Finding("K9", "credit"),
        Finding("K9", "debit"),
    ),
    read_back=plant,
)
