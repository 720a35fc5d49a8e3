from decimal import Decimal

from decisions import decided_credit
from defect import Defect, Finding
from outbox_rows import Lines, changed, usage_line, with_lines

from dagster_project.close import Installation
from reverse_etl.documents import OutboxRow


def decide(installation: Installation, entity: str) -> None:
    decided_credit(installation, entity, Decimal("10.00"))


def plant(rows: list[OutboxRow]) -> list[OutboxRow]:
    def bill_again(lines: Lines) -> Lines:
        usage_line(lines)["amount_minor"] += 1000
        return lines

    return changed(rows, "invoice", lambda row: with_lines(row, bill_again))


DEFECT = Defect(
    rule="What a person gave out of goodwill is no difference that the next run bills.",
    caught_by=Finding("K3", "amount"),
    implies=(Finding("K10", "revenue"),),
    after_issue=decide,
    issue_late=plant,
)
