"""What a write transaction may store of what a poster asks, given what the register holds at that moment."""

from __future__ import annotations

from datetime import datetime

from reverse_etl.documents import State
from reverse_etl.posting.protocol.delivery import DELIVERED_STATES, written_ahead
from reverse_etl.posting.protocol.facts import Change, Intent
from reverse_etl.register.contract import MASTER_DATA
from reverse_etl.register.records.deliveries import Delivery
from reverse_etl.register.records.periods import HARD_CLOSED

FINAL_STATES = (*DELIVERED_STATES, State.REVERSED)
SUPERSEDED, CHANGED, PERIOD_CLOSED, KEY_EXPIRED = "superseded", "changed", "period_closed", "key_expired"


def admitted(intent: Intent, stored: Delivery | None, *, epoch: int, lane_epoch: int | None, period_status: str, now: datetime) -> Delivery | str:
    """The delivery to store when the intent may be sent, or the code of why it must not be.

    Everything here is what the register says inside the transaction: ``stored`` the delivery, ``lane_epoch`` the epoch of the lane (``epoch`` is the
    poster's), ``period_status`` that of the document's period, ``now`` the time. What held a moment before is not asked.
    """
    if epoch != lane_epoch:
        return SUPERSEDED
    if stored != intent.delivery:
        return CHANGED
    if intent.document.document_type not in MASTER_DATA and period_status == HARD_CLOSED:
        # A soft closed period still takes what was sealed for it.
        return PERIOD_CLOSED
    if intent.not_after is not None and now > intent.not_after:
        return KEY_EXPIRED
    return written_ahead(intent.delivery, now, epoch)


def stands(change: Change, stored: Delivery, *, owned: bool) -> bool:
    """Whether the change becomes the document's state. Its results are facts and kept whatever is said here.

    Success counts whoever brings it; every other state needs the lane and a delivery that nobody else changed.
    """
    if change.after.state is State.POSTED and stored.state not in FINAL_STATES:
        return True
    unchanged = owned and stored == change.before
    return unchanged and (stored.state not in FINAL_STATES or change.after.state in DELIVERED_STATES)
