from closed_periods import close_the_month_before
from defect import Defect, Finding


def tamper(entity: str) -> str:
    return f"delete from register.period_seals where entity = '{entity}'"


DEFECT = Defect(
    rule="A closed period without a seal is a finding and never a match (J12).",
    caught_by=Finding("assert_j12_closed_periods_match_their_seal"),
    before_posting=close_the_month_before,
    tamper=tamper,
)
