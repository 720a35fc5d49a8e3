"""Dagster's event log of an installation that is drilled: in a worker told to, it dies, or stands still, at a step's beginning, middle or end.

It is configured in the installation's ``dagster.yaml``, so that whatever starts a run there has it.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import dagster as dg

from dagster_project.event_log import KeptEngineEventLogStorage
from reverse_etl.crash_points import CRASH_VARIABLE

DEATH_VARIABLE = "TIEOUT_DRILL_DEATH"
"""``step:place:seconds``: where the worker dies; in the middle it does so after as many seconds."""
POINT_VARIABLE = "TIEOUT_DRILL_POINT"
"""A crash point that counts from the beginning of that step on, in its middle."""
DIED_VARIABLE = "TIEOUT_DRILL_DIED"
"""The file that says where it died, unless it was at a crash point."""
PAUSE_VARIABLE = "TIEOUT_DRILL_PAUSE"
"""``step:file``: where the worker stands still until the file is gone."""
BEGINNING, MIDDLE, END = "beginning", "middle", "end"
POLL_SECONDS = 0.02


class DyingEventLogStorage(KeptEngineEventLogStorage):
    def store_event(self, event: dg.EventLogEntry) -> None:
        happened = event.dagster_event
        if happened is None or happened.step_key is None:
            super().store_event(event)
            return
        step, place, seconds = (os.environ.get(DEATH_VARIABLE) or "::0").split(":")
        # A step has ended for Dagster only once it is recorded, so that one dies before.
        if happened.is_step_success and happened.step_key == step and place in (MIDDLE, END):
            _die(END)
        super().store_event(event)
        if not happened.is_step_start:
            return
        if happened.step_key == step and place == BEGINNING:
            _die(BEGINNING)
        if happened.step_key == step and place == MIDDLE:
            os.environ[CRASH_VARIABLE] = os.environ.get(POINT_VARIABLE, "")
            timer = threading.Timer(float(seconds), _die, (MIDDLE,))
            timer.daemon = True
            timer.start()
        paused, _, file = os.environ.get(PAUSE_VARIABLE, "").partition(":")
        if happened.step_key == paused:
            _stand_still(Path(file))


def _die(place: str) -> None:
    Path(os.environ[DIED_VARIABLE]).write_text(place)
    os.kill(os.getpid(), signal.SIGKILL)
    # The signal is for the whole process, and may take another thread first.
    time.sleep(60.0)


def _stand_still(file: Path) -> None:
    file.touch()
    while file.exists():
        time.sleep(POLL_SECONDS)
