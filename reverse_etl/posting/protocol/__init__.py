"""The posting protocol: what is decided, and nothing that is performed. No input or output, no clock, no threads.

``delivery`` decides for one document, ``admission`` what a write transaction may store, ``scheduler`` across the documents of a lane. Production,
simulation and model check run the same code; ``reverse_etl.posting.poster`` performs its effects.
"""

from reverse_etl.posting.protocol.delivery import (
    DELIVERED_STATES,
    OPEN_STATES,
    Event,
    LookedUp,
    LookUp,
    Nothing,
    Park,
    Recovered,
    Restored,
    Send,
    Step,
    Unreadable,
    Wait,
    advance,
    next_step,
    taken_over,
    verified,
    waiting_time,
    written_ahead,
)

__all__ = [
    "DELIVERED_STATES",
    "OPEN_STATES",
    "Event",
    "LookUp",
    "LookedUp",
    "Nothing",
    "Park",
    "Recovered",
    "Restored",
    "Send",
    "Step",
    "Unreadable",
    "Wait",
    "advance",
    "next_step",
    "taken_over",
    "verified",
    "waiting_time",
    "written_ahead",
]
