from defect import Defect, Finding
from intercompany import contracted, sold_by_the_seller
from outbox_rows import Lines

from reverse_etl.documents import OutboxRow


def plant(rows: list[OutboxRow]) -> list[OutboxRow]:
    def owe_another(lines: Lines) -> Lines:
        return [{**line, "partner_entity": "clean_one"} for line in lines]

    return contracted(rows, owe_another)


DEFECT = Defect(
    rule="What an entity owes within the group it owes to the one that charges it (S09).",
    caught_by=Finding("assert_s09_intercompany_eliminates"),
    implies=(Finding("assert_j08_intercompany_pairs_net_to_zero"),),
    deliver=sold_by_the_seller,
    post=plant,
)
