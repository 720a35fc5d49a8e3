"""How a destination is asked: limits, quotas, pauses, modes, maintenance windows, and the circuit for an outage."""

from reverse_etl.posting.pacing.limits import Limits, limits_of
from reverse_etl.posting.pacing.modes import Mode, Modes
from reverse_etl.posting.pacing.pace import CIRCUIT, Pace, Withheld

__all__ = ["CIRCUIT", "Limits", "Mode", "Modes", "Pace", "Withheld", "limits_of"]
