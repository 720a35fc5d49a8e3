"""Events that an endpoint has not taken yet, one file each, and how they fare. Any process adds, one at a time sends; both may be killed."""

from __future__ import annotations

import itertools
import json
import logging
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from reverse_etl.whole_files import write_whole

if TYPE_CHECKING:
    from reverse_etl.settings import Settings

LOG = logging.getLogger(__name__)
FOLDER = "lineage/undelivered"
STATE_FILE = "open_lineage.json"
_numbers = itertools.count()


@dataclass(frozen=True, slots=True)
class DeliveryState:
    """``dropped``: events that will not arrive; ``problem``: what went wrong last, None once something arrived again; ``since``: of the problem, as
    RFC 3339 has it; ``waiting``: events that are kept until the endpoint takes them."""

    where: str
    delivered: int = 0
    dropped: int = 0
    problem: str | None = None
    since: str | None = None
    waiting: int = 0


def delivery_state(settings: Settings) -> DeliveryState | None:
    """How events arrived lately at the endpoint; None where they go to a file or nowhere, or none was sent yet."""
    if settings.open_lineage.url is None:
        return None
    waiting = len(Undelivered(settings).names())
    try:
        state = DeliveryState(**json.loads((settings.log_folder / STATE_FILE).read_text()))
    except (OSError, ValueError, TypeError):
        state = None
    if state is None or state.where != settings.open_lineage.url:
        return DeliveryState(settings.open_lineage.url, waiting=waiting) if waiting else None
    return replace(state, waiting=waiting)


class Undelivered:
    """The events of one installation that wait for its endpoint."""

    def __init__(self, settings: Settings) -> None:
        self._folder = settings.home / FOLDER
        self._state_path = settings.log_folder / STATE_FILE

    def keep(self, event: str) -> None:
        """Raises ``OSError``: it could not be written."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Names rise with time, among all processes.
        name = f"{time.time_ns():020d}-{os.getpid()}-{next(_numbers):06d}.json"
        write_whole(self._folder / name, event, mode=0o600)

    def names(self) -> Sequence[str]:
        """Those that wait, the oldest first."""
        try:
            return sorted(name for name in os.listdir(self._folder) if name.endswith(".json") and not name.startswith("."))
        except FileNotFoundError:
            return ()

    def read(self, name: str) -> str | None:
        """None where another one has sent it already."""
        try:
            return (self._folder / name).read_text()
        except FileNotFoundError:
            return None

    def forget(self, names: Sequence[str]) -> None:
        for name in names:
            (self._folder / name).unlink(missing_ok=True)

    def store(self, state: DeliveryState) -> None:
        """For whoever asks how it goes; a state that cannot be written is no reason to stop."""
        try:
            write_whole(self._state_path, json.dumps(asdict(replace(state, waiting=0))))
        except OSError as error:
            LOG.warning("%s cannot be written: %s", self._state_path, error)
