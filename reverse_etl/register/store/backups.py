"""A backup of a register that is a file: taken while others write, checked, and put back as a whole."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path

from sqlalchemy.engine import URL, make_url

from reverse_etl.errors import RegisterError
from reverse_etl.whole_files import make_durable

# What SQLite keeps beside a file that is being written.
BESIDE = ("-wal", "-shm")


def file_of(url: str, instead: str) -> Path:
    """The file of a register.

    Raises:
        RegisterError: it is on a server; ``instead`` says what to do there.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        # As the tools of PostgreSQL take it, and without the password.
        address = URL.create("postgresql", parsed.username, None, parsed.host, parsed.port, parsed.database, parsed.query).render_as_string()
        raise RegisterError(f"the register is on a server, which has its own backups: {instead.format(address=address)}")
    return Path(parsed.database)


def copy_whole(source: Path, target: Path) -> None:
    """Copy a register as it is at one moment, whoever else writes meanwhile; the copy is one file, durable when this returns.

    Raises:
        RegisterError: there is no register, or there is something at ``target`` already, or the copy cannot be written.
    """
    if not source.is_file():
        raise RegisterError(f"{source} is no register: there is nothing to copy")
    if target.exists():
        raise RegisterError(f"{target} is there already: a backup is never written over another")
    draft = target.with_name(f".{target.name}.draft")
    draft.unlink(missing_ok=True)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as read, closing(sqlite3.connect(draft)) as written:
            read.backup(written)
            # One file, whatever becomes of its neighbours.
            written.execute("pragma journal_mode = delete")
        make_durable(draft)
        os.replace(draft, target)
        make_durable(target.parent)
    except (sqlite3.Error, OSError) as error:
        draft.unlink(missing_ok=True)
        raise RegisterError(f"{target} could not be written ({error}); free space there or choose another folder, and run again") from error


def put_in_place(backup: Path, register: Path, at: datetime) -> Path | None:
    """Make ``backup`` the register; what was there before is kept beside it, under the name that is returned."""
    replaced = register.with_name(f"{register.stem}.replaced-{at:%Y%m%dT%H%M%SZ}{register.suffix}") if register.is_file() else None
    staged = register.with_name(f".{register.name}.restored")
    staged.unlink(missing_ok=True)
    copy_whole(backup, staged)
    if replaced is not None:
        copy_whole(register, replaced)
    # A write-ahead log belongs to the register that is replaced, or was lost, and to no other.
    for suffix in BESIDE:
        register.with_name(register.name + suffix).unlink(missing_ok=True)
    os.replace(staged, register)
    make_durable(register.parent)
    return replaced
