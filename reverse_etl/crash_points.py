"""Named points at which a proof may kill or stop the process; without the variable each is one look-up.

A point is a member here, is passed somewhere, and is killed at by the crash matrix: a test fails where one of the three is missing.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

CRASH_VARIABLE = "TIEOUT_CRASH_POINT"
STOP = "stop"


class CrashPoint(StrEnum):
    """Where a posting process may die, in the order of a document's way."""

    BEFORE_SEAL_COMMIT = "before_seal_commit"
    INSIDE_SEAL_COMMIT = "inside_seal_commit"
    AFTER_SEAL_COMMIT = "after_seal_commit"
    BEFORE_WRITE_AHEAD = "before_write_ahead"
    INSIDE_WRITE_AHEAD = "inside_write_ahead"
    AFTER_WRITE_AHEAD = "after_write_ahead"
    BEFORE_SEND = "before_send"
    BEFORE_CONNECT = "before_connect"
    HALF_BODY_SENT = "half_body_sent"
    ALL_SENT = "all_sent"
    STATUS_READ = "status_read"
    BODY_PARSED = "body_parsed"
    AFTER_SEND = "after_send"
    INSIDE_RESULT = "inside_result"
    AFTER_RESULT = "after_result"
    AFTER_LOOK_UP = "after_look_up"
    AFTER_POSTED = "after_posted"
    BETWEEN_REVERSAL_AND_REPOST = "between_reversal_and_repost"


_passed: dict[str, int] = {}
_thread = threading.local()


@contextmanager
def only_reading() -> Iterator[None]:
    """What this thread does within passes no point: a proof that means the n-th request means one that may take effect."""
    before = getattr(_thread, "reads", False)
    _thread.reads = True
    try:
        yield
    finally:
        _thread.reads = before


def crash_point(point: CrashPoint) -> None:
    """Kill this process if ``TIEOUT_CRASH_POINT`` is ``point``, ``point:n`` (at the n-th passage) or ``point:n:stop`` (it is stopped, once)."""
    wanted = os.environ.get(CRASH_VARIABLE)
    if not wanted:
        return
    name, passage, how, *_ = (*wanted.split(":"), "", "")
    if name != point or getattr(_thread, "reads", False):
        return
    _passed[point] = _passed.get(point, 0) + 1
    if _passed[point] == int(passage or 1):
        # Sent to this thread, so that it does not run on while another one takes the signal.
        signal.pthread_kill(threading.get_ident(), signal.SIGSTOP if how == STOP else signal.SIGKILL)
