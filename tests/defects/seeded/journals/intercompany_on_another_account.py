from defect import Defect, Finding
from intercompany import contracted, sold_by_the_seller
from outbox_rows import Lines

from reverse_etl.documents import OutboxRow


def plant(rows: list[OutboxRow]) -> list[OutboxRow]:
    def elsewhere(lines: Lines) -> Lines:
        return [{**line, "account": "1007"} if line["line_key"].endswith("#intercompany_payable") else line for line in lines]

    return contracted(rows, elsewhere)


DEFECT = Defect(
    rule="A clearing account is its dated list of open items, whatever both entities say of each other (J11).",
    caught_by=Finding("assert_j11_clearing_accounts_equal_their_open_items"),
    deliver=sold_by_the_seller,
    post=plant,
)
