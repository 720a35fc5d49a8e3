"""The warehouse and the copy that analysts read."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from dagster_project.doctor.finding import Examined, Finding, ok, problem, warning
from reverse_etl.errors import DestinationError

REBUILD = "stop what uses it; if that is nothing, move the file away, then tieout init, tieout land and a close: all but raw is computed again"


def warehouse(examined: Examined) -> Iterator[Finding]:
    """Whether it opens, who holds it, and what its storage is; a writer is named and not waited for."""
    path = examined.settings.warehouse_path
    if not path.is_file():
        return
    holder = held_by(examined.settings.lock_folder / "warehouse.lock")
    if holder is not None:
        fix = "wait for it; readers use the published copy meanwhile. If it hangs, stop that process: nothing half written stays"
        yield warning("warehouse", f"it is held by {holder}", path, fix)
        return
    import duckdb

    try:
        with duckdb.connect(str(path), read_only=True) as connection:
            [(version,)] = connection.execute("select tags['storage_version'] from duckdb_databases() where path is not null").fetchall()
    except duckdb.IOException as error:
        told = str(error).splitlines()[0]
        if "lock" in told.lower():
            fix = "close the warehouse there, and open the published copy instead (docs/analysts.md)"
            yield problem("warehouse", f"somebody has opened it beside its lock: {told}", path, fix)
        else:
            yield problem("warehouse", f"it cannot be read: {told}", path, REBUILD)
    except duckdb.Error as error:
        yield problem("warehouse", f"it cannot be read: {str(error).splitlines()[0]}", path, REBUILD)
    else:
        yield ok("warehouse", f"it opens, {path.stat().st_size / 2**20:.0f} MiB, storage {version}", path)


def published(examined: Examined) -> Iterator[Finding]:
    """How far the copy of readers is behind the register, and whether it is one of this register at all."""
    from reverse_etl.warehouse import open_warehouse

    path = examined.settings.published_path
    if not path.is_file():
        if examined.settings.warehouse_path.is_file():
            yield warning("published copy", "nothing is published yet: status, query and trace have nothing to read", path, "tieout close PERIOD")
        return
    try:
        rows = open_warehouse(examined.settings).read_published("select incarnation, position from register.mirror").to_pylist()
    except DestinationError as error:
        told = str(error.__cause__ or error).splitlines()[0]
        yield problem("published copy", f"it cannot be read: {told}", path, f"rm {path}, then tieout plan PERIOD")
        return
    last = max(rows, key=lambda row: int(row["position"]), default=None)
    if last is None:
        yield warning("published copy", "it holds no mirror of the register", path, "tieout plan PERIOD")
        return
    yield from _against_register(examined, path, str(last["incarnation"]), int(last["position"]))


def _against_register(examined: Examined, path: Path, incarnation: str, position: int) -> Iterator[Finding]:
    from dagster_project.doctor.register import head_of

    head = head_of(examined.settings)
    if head is None:
        return
    if incarnation != head.incarnation:
        yield problem(
            "published copy",
            "it mirrors another register, or this one before it was put back from a backup",
            path,
            "tieout plan PERIOD (it mirrors the register anew, and publishes)",
        )
    elif position > head.position:
        yield problem(
            "published copy",
            f"it knows position {position} of the register, which ends at {head.position}: the register is an older copy of itself",
            examined.settings.register_url if "@" not in examined.settings.register_url else "the register",
            "put the newest backup of the register back, and see docs/register.md before anything is sent",
        )
    elif position < head.position:
        behind = head.position - position
        yield warning("published copy", f"it is {behind} entries of the register behind", path, "tieout plan PERIOD, or the next close, publishes it")
    else:
        yield ok("published copy", f"it is as new as the register (position {position})", path)


def held_by(lock: Path) -> str | None:
    """Who holds a lock, without waiting for it; None where nobody does."""
    if not lock.is_file():
        return None
    descriptor = os.open(lock, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return None
    except BlockingIOError:
        return os.pread(descriptor, 500, 0).decode(errors="replace") or "another process"
    finally:
        os.close(descriptor)
