"""What a push would do, before it does it: by document, in totals and in amounts, and as a file that a push holds itself to."""

from reverse_etl.posting.plans.amounts import AccountAmount, RevenueAmount
from reverse_etl.posting.plans.holding import require_same_register
from reverse_etl.posting.plans.plan import ACTING, HELD, UNCHANGED, LanePlan, Plan, PlannedDocument, Total
from reverse_etl.posting.plans.plan_file import plan_bytes, read_plan, write_plan
from reverse_etl.posting.plans.planning import LaneSituation, plan, plan_lane, situation_of
from reverse_etl.posting.plans.work import WAITING_STATES, work_of

__all__ = [
    "ACTING",
    "HELD",
    "UNCHANGED",
    "WAITING_STATES",
    "AccountAmount",
    "LanePlan",
    "LaneSituation",
    "Plan",
    "PlannedDocument",
    "RevenueAmount",
    "Total",
    "plan",
    "plan_bytes",
    "plan_lane",
    "read_plan",
    "require_same_register",
    "situation_of",
    "work_of",
    "write_plan",
]
