from company import Deliveries
from defect import Defect, Finding
from outbox_rows import Lines, changed_entries, with_lines

from reverse_etl.documents import OutboxRow


def keep_a_tax_book(deliveries: Deliveries) -> None:
    deliveries.add("books", entity_id=deliveries.entity, book="tax", fee_recognition="on_invoice")


def plant(rows: list[OutboxRow]) -> list[OutboxRow]:
    """The lines of an entry lose what leads to the fee that they defer."""

    def of_nothing(lines: Lines) -> Lines:
        return [{**line, "source_line_key": None} if line["account"] == "1002" else line for line in lines]

    return changed_entries(rows, "invoice_issued", lambda row: with_lines(row, of_nothing))


DEFECT = Defect(
    rule="A book that recognises fees when they are invoiced defers nothing.",
    caught_by=Finding("assert_books_on_invoice_defer_nothing"),
    implies=(Finding("K5", "net"), Finding("K10", "revenue"), Finding("re-performance")),
    deliver=keep_a_tax_book,
    post=plant,
)
