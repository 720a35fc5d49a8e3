"""Background servers: started detached, known again by process id and start time, stopped by that id only."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from reverse_etl.errors import DestinationError

POLL_SECONDS = 0.05
# Nobody is deaf to SIGKILL, but a busy machine may take its time.
KILL_SECONDS = 30.0
LOG_TAIL_BYTES = 2000


@dataclass(frozen=True, slots=True)
class ServerProcess:
    """A process id is reused by the system; together with the start time it names one process."""

    pid: int
    started: str


def launch(command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None) -> ServerProcess:
    """Start a server in a session of its own (an interrupt of the terminal does not reach it), output appended to ``log``."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as stream:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.STDOUT, env=environment, start_new_session=True, close_fds=True
        )
    # The server outlives this object on purpose; without this the interpreter would warn about it.
    process.returncode = 0
    return ServerProcess(process.pid, start_time(process.pid) or "")


def wait_until_ready(process: ServerProcess, ready: Callable[[], bool], seconds: float, log: Path, what: str) -> None:
    """Poll ``ready`` until it is true.

    Raises:
        DestinationError: the process ended or was not ready in time; the message ends with the tail of its log.
    """
    deadline = time.monotonic() + seconds
    while True:
        if not is_running(process):
            raise DestinationError(f"{what} ended while starting; its log {log} ends: {_tail(log)}")
        if ready():
            return
        if time.monotonic() > deadline:
            stop(process, 1.0)
            raise DestinationError(f"{what} was not ready after {seconds:.0f} s; its log {log} ends: {_tail(log)}")
        time.sleep(POLL_SECONDS)


def is_running(process: ServerProcess) -> bool:
    """Whether this very process still runs (another one with the same id does not count)."""
    _reap(process.pid)
    return process.started != "" and start_time(process.pid) == process.started


def stop(process: ServerProcess, patience_seconds: float = 5.0) -> bool:
    """Terminate the process, kill it when it is not gone in time; False if it was not running."""
    if not is_running(process):
        return False
    # SIGTERM, not SIGINT: a server started from a background shell ignores the latter.
    for signal_number, seconds in ((signal.SIGTERM, patience_seconds), (signal.SIGKILL, KILL_SECONDS)):
        try:
            os.kill(process.pid, signal_number)
        except ProcessLookupError:
            return True
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not is_running(process):
                return True
            time.sleep(POLL_SECONDS)
    return True


def start_time(pid: int) -> str | None:
    """When a process started, in the system's own words; None if there is no such process (a zombie is none)."""
    try:
        # Fields follow the command name, which is in parentheses and may hold anything.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None if Path("/proc/self/stat").exists() else _start_time_by_ps(pid)
    state, threads, started = fields[0], int(fields[17]), fields[19]
    # The first thread of a process that is being killed is a zombie while the others still end.
    return None if state in "ZX" and threads <= 1 else started


def free_port() -> int:
    """A port on the loopback interface that is free at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_taken(port: int) -> bool:
    """Whether something listens on a port of the loopback interface."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _start_time_by_ps(pid: int) -> str | None:
    answer = subprocess.run(["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout.strip()
    return None if not answer or answer.startswith("Z") else answer.partition(" ")[2].strip()


def _reap(pid: int) -> None:
    # A child of ours that ended stays as a zombie until somebody asks for it.
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return


def _tail(log: Path) -> str:
    try:
        return log.read_bytes()[-LOG_TAIL_BYTES:].decode(errors="replace").strip() or "(empty)"
    except OSError:
        return "(no log)"
