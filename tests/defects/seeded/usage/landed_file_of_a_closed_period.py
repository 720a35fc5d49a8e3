from closed_periods import close_the_month_before
from defect import Defect, Finding


def tamper(entity: str) -> str:
    return "delete from raw.landed_files where position = (select min(position) from raw.landed_files where relation = 'raw.accounts')"


DEFECT = Defect(
    rule="What had landed when a period was closed is still there (J12).",
    caught_by=Finding("assert_j12_closed_periods_match_their_seal"),
    before_posting=close_the_month_before,
    tamper=tamper,
)
