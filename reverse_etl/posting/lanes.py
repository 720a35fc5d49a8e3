"""One poster at a time per destination and entity, on one machine and among all that share a register."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from reverse_etl.errors import LaneBusyError
from reverse_etl.locks import LockTimeoutError, file_lock
from reverse_etl.register import Register


@contextmanager
def lane_lock(register: Register, folder: Path, system: str, entity: str, holder: str) -> Iterator[None]:
    """Hold the lane's lock, which dies with the process: a file of this machine and, where the register is on a server, a lock there.

    It keeps posters from working for nothing; what keeps them from harm is the lane's epoch, which every write-ahead checks.

    Raises:
        LaneBusyError: at once, if another poster holds it.
        RegisterError: the register's server cannot be reached.
    """
    with ExitStack() as held:
        try:
            held.enter_context(file_lock(folder / f"lane-{system}-{entity}.lock", holder, 0))
        except LockTimeoutError as error:
            raise LaneBusyError(f"{system}/{entity} is being pushed by {error.told}; wait until it is done or stop it, then push again") from error
        held.enter_context(register.hold_lane(system, entity, holder))
        yield
