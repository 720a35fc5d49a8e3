from defect import Defect, Finding
from outbox_rows import Lines, changed, usage_line, with_lines

from reverse_etl.documents import OutboxRow


def plant(rows: list[OutboxRow]) -> list[OutboxRow]:
    def round_otherwise(lines: Lines) -> Lines:
        usage_line(lines)["tax_minor"] += 1
        return lines

    return changed(rows, "invoice", lambda row: with_lines(row, round_otherwise))


DEFECT = Defect(
    rule="Tax is the rate of the day on what is charged, rounded as the entity says.",
    caught_by=Finding("re-performance"),
    issue=plant,
)
