"""Posters in processes of their own, which can be killed or stopped at a crash point and tell how they ended."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from posting_books import Destination
from posting_system import ENTITY, Books

from reverse_etl.crash_points import CRASH_VARIABLE
from reverse_etl.posting import push
from reverse_etl.register import Register

PATIENCE_SECONDS = 60.0


@dataclass
class Process:
    """``told``: the file into which it writes how its work ended: the name of an exception and its words, or nothing."""

    pid: int
    told: Path
    status: int | None = field(default=None)

    def wait_until_stopped(self) -> None:
        """Until it stopped itself at its crash point."""
        pid, status = _waited(self.pid, os.WUNTRACED)
        assert pid == self.pid
        assert os.WIFSTOPPED(status), f"it ended instead of stopping: {self._words()}"

    def resume(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def end(self) -> str:
        """How it ended: ``killed``, nothing if all went well, or the error."""
        _, self.status = _waited(self.pid, 0)
        return "killed" if os.WIFSIGNALED(self.status) else self._words()

    def _words(self) -> str:
        return self.told.read_text() if self.told.exists() else ""


def in_a_process(work: Callable[[], None], told: Path, crash_point: str | None = None) -> Process:
    """Begin the work in a process of its own."""
    told.unlink(missing_ok=True)
    pid = os.fork()
    if pid == 0:
        try:
            os.environ.pop(CRASH_VARIABLE, None)
            if crash_point is not None:
                os.environ[CRASH_VARIABLE] = crash_point
            work()
        except BaseException as error:
            frames = []
            trace = error.__traceback__
            while trace is not None:
                frames.append(trace.tb_frame.f_code.co_name)
                trace = trace.tb_next
            told.write_text(f"{type(error).__name__} in {' > '.join(frames)}: {error}")
        finally:
            os._exit(0)
    return Process(pid, told)


def pushing(books: Destination, crash_point: str | None = None, *, locks: str = "locks", **more: object) -> Process:
    """Push in a process; ``locks``: another folder stands for another machine."""
    url, manifest, register_url, folder = books.url, books.manifest, books.register.url, books.folder / locks
    books.register.close()

    def work() -> None:
        clock = more.get("clock")
        register = Register.open(register_url, clock) if clock else Register.open(register_url)  # type: ignore[arg-type]
        push(
            register,
            Books(url, manifest),
            ENTITY,
            settings_or_lock_folder=folder,
            actor=f"poster of {locks}",
            patience=PATIENCE_SECONDS,
            **({"clock": clock} if clock else {}),  # type: ignore[arg-type]
        )

    return in_a_process(work, books.folder / f"told-{locks}", crash_point)


def _waited(pid: int, options: int) -> tuple[int, int]:
    until = time.monotonic() + 300
    while time.monotonic() < until:
        found, status = os.waitpid(pid, options | os.WNOHANG)
        if found:
            return found, status
        time.sleep(0.005)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    raise AssertionError("it neither stopped nor ended within five minutes")
