"""One poster at a time per destination and entity."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from reverse_etl.errors import LaneBusyError
from reverse_etl.locks import LockTimeoutError, file_lock


@contextmanager
def lane_lock(folder: Path, system: str, entity: str, holder: str) -> Iterator[None]:
    """Hold the lane's lock, which dies with the process.

    Raises:
        LaneBusyError: at once, if another poster holds it.
    """
    with ExitStack() as held:
        try:
            held.enter_context(file_lock(folder / f"lane-{system}-{entity}.lock", holder, 0))
        except LockTimeoutError as error:
            raise LaneBusyError(f"{system}/{entity} is being pushed by {error.holder}; wait until it is done or stop it, then push again") from error
        yield
