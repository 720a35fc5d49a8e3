"""Files that are there whole or not at all: whoever reads meanwhile has the old one or the new one, and a writer that dies leaves the old one."""

from __future__ import annotations

import os
import threading
from pathlib import Path


def write_whole(path: Path, content: str | bytes, *, mode: int = 0o666, durable: bool = False) -> None:
    """Put a file in place of what is there, and make its folder where there is none. Text is UTF-8.

    ``mode``: the permissions of the file, less what the process withholds (umask). ``durable``: it outlives a power cut once this returns.

    Raises:
        OSError: it could not be written; what was there is untouched.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Hidden, and of this writer alone.
    staged = path.with_name(f".{path.name}-{os.getpid()}-{threading.get_ident()}")
    try:
        with os.fdopen(os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as stream:
            stream.write(content if isinstance(content, bytes) else content.encode())
            if durable:
                stream.flush()
                os.fsync(stream.fileno())
        staged.replace(path)
    except BaseException:
        staged.unlink(missing_ok=True)
        raise
    if durable:
        make_durable(path.parent)


def make_durable(path: Path) -> None:
    """A file, or the names in a folder, outlive a power cut once this returns."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
