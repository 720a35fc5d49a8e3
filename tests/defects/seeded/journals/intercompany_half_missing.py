from defect import Defect, Finding
from intercompany import contracted, sold_by_the_seller

from reverse_etl.documents import OutboxRow


def plant(rows: list[OutboxRow]) -> list[OutboxRow]:
    return contracted(rows, None)


DEFECT = Defect(
    rule="An intercompany entry is in the books of both entities or of none (J08).",
    caught_by=Finding("assert_j08_intercompany_pairs_net_to_zero"),
    implies=(
        Finding("assert_s09_intercompany_eliminates"),
        Finding("assert_j11_clearing_accounts_equal_their_open_items"),
        Finding("K5", "intercompany"),
        Finding("K6", "sealed"),
        Finding("K6", "posted"),
    ),
    deliver=sold_by_the_seller,
    post=plant,
)
