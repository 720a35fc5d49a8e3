"""Named points at which a test may kill the process; without the variable each is one dictionary look-up."""

from __future__ import annotations

import os
import signal

CRASH_VARIABLE = "TIEOUT_CRASH_POINT"
_passed: dict[str, int] = {}


def crash_point(name: str) -> None:
    """Kill this process with SIGKILL if ``TIEOUT_CRASH_POINT`` is ``name`` or ``name:n`` (at the n-th passage)."""
    wanted = os.environ.get(CRASH_VARIABLE)
    if not wanted:
        return
    wanted_name, _, passage = wanted.partition(":")
    if wanted_name != name:
        return
    _passed[name] = _passed.get(name, 0) + 1
    if _passed[name] >= int(passage or 1):
        os.kill(os.getpid(), signal.SIGKILL)
