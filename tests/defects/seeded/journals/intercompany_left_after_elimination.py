from defect import Defect, Finding
from intercompany import sold_by_the_seller


def plant(entity: str) -> str:
    """A line of the mirror loses its partner: nobody can tell any more that it is no expense of the group."""
    return f"""
        update register.journal_lines set partner_entity = null
        where line_key = (select min(line_key) from register.journal_lines where line_key like '%:{entity}:%#intercompany_expense:%')
    """


DEFECT = Defect(
    rule="What entities of the group charge each other is nothing to the world: the consolidation leaves none of it (C17).",
    caught_by=Finding("assert_eliminations_leave_no_intercompany"),
    implies=(Finding("assert_s09_intercompany_eliminates"), Finding("assert_j08_intercompany_pairs_net_to_zero")),
    deliver=sold_by_the_seller,
    tamper=plant,
)
