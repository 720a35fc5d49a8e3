from defect import Defect, Finding
from intercompany import contracted, sold_by_the_seller
from outbox_rows import Lines

from reverse_etl.documents import OutboxRow


def plant(rows: list[OutboxRow]) -> list[OutboxRow]:
    def charge_more(lines: Lines) -> Lines:
        for side in ("debit", "credit"):
            line = next(line for line in lines if line["side"] == side)
            line["amount_minor"] += 1
            line["functional_minor"] += 1
        return lines

    return contracted(rows, charge_more)


DEFECT = Defect(
    rule="What one entity of the group charges is what the other owes, to the cent (J08).",
    caught_by=Finding("assert_j08_intercompany_pairs_net_to_zero"),
    implies=(
        Finding("assert_s09_intercompany_eliminates"),
        Finding("assert_j11_clearing_accounts_equal_their_open_items"),
        Finding("K5", "intercompany"),
        Finding("K6", "sealed"),
    ),
    deliver=sold_by_the_seller,
    post=plant,
)
