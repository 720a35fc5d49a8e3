"""A push that holds itself to a plan: it does what the plan says, and nothing once anything is otherwise.

What is compared here, under the lane's lock, is what the poster starts from; the transaction of each write-ahead compares that with the
register once more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reverse_etl.documents import SealedDocument, State
from reverse_etl.errors import PlanMovedError
from reverse_etl.posting.plans.plan import VERIFY, LanePlan, Plan
from reverse_etl.posting.plans.planning import LaneSituation, plan_lane
from reverse_etl.register import Register

SHOWN_DIFFERENCES = 5
ENDED = (State.VERIFIED, State.REVERSED)


def require_same_register(plan: Plan, register: Register) -> None:
    """Raises ``PlanMovedError``: the plan was made of another register, or of this one before it was restored from a backup."""
    if plan.register_incarnation != register.incarnation:
        raise PlanMovedError(f"the plan was made of the register {plan.register_incarnation}, this one is {register.incarnation}; plan anew")
    if plan.register_position > register.position:
        raise PlanMovedError(
            f"the plan was made at position {plan.register_position}, the register is at {register.position}: an older backup; plan anew"
        )


def require_unmoved(planned: LanePlan, register: Register, situation: LaneSituation, period: str | None) -> None:
    """Raises ``PlanMovedError`` where anything is otherwise than planned."""
    _refuse(planned.moved(plan_lane(register, situation, period)))


def all_delivered(register: Register, planned: LanePlan) -> bool:
    """Whether everything that was planned has been done since: a plan that is used again does nothing."""
    if not planned.acting:
        return False
    stored = register.deliveries(positions=[one.position for one in planned.acting])
    states = {document.position: delivery.state for document, delivery in stored}
    # What was to be sent and is posted has been sent; whether it is there as it was sealed is what the next plan is about.
    return all(states.get(one.position) in ((*ENDED, State.POSTED) if one.action != VERIFY else ENDED) for one in planned.acting)


def refuse_moved(documents: Sequence[SealedDocument]) -> None:
    """Raises ``PlanMovedError`` for the documents that somebody else changed while the plan was carried out; they were left alone."""
    _refuse(f"{document.business_key} was changed while the plan was carried out, and was left alone" for document in documents)


def _refuse(differences: Iterable[str]) -> None:
    found = list(differences)
    if found:
        more = f"; and {len(found) - SHOWN_DIFFERENCES} more" if len(found) > SHOWN_DIFFERENCES else ""
        raise PlanMovedError(f"the world moved since the plan was made: {'; '.join(found[:SHOWN_DIFFERENCES])}{more}; plan anew")
