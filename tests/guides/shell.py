"""The shell of a guide's reader: a real one, with the real ``tieout``, in a home folder of its own."""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from guide import Commands, differences

from reverse_etl.sandbox.processes import free_port
from reverse_etl.sandbox.supervisor import stop_sandbox
from reverse_etl.sandbox.tryton.database import default_cache_folder
from reverse_etl.settings import load_settings

REPOSITORY = Path(__file__).resolve().parents[2]
SLOWEST_SECONDS = 1200.0
# A guide writes ``sudo -u maria tieout approve ...``. The kernel then knows the process by another user, as it would after maria's own log-in;
# that user exists in no list here, and keeps the right to read this checkout and the installation, which a group would give in real life.
SUDO = """\
#!/bin/sh
set -eu
[ "$1" = -u ] || {{ echo "sudo: only 'sudo -u NAME COMMAND' is known here" >&2; exit 1; }}
name=$2
shift 2
identity=$(printf %s "$name" | cksum | awk '{{ print 20000 + $1 % 10000 }}')
capabilities=+dac_override,+dac_read_search,+fowner
exec {setpriv} --reuid "$identity" --regid "$identity" --clear-groups --inh-caps="$capabilities" --ambient-caps="$capabilities" "$@"
"""


class GuideFailedError(AssertionError):
    """A command of a guide failed, or printed something else than the guide shows."""


@dataclass(frozen=True, slots=True)
class Reader:
    """``home`` is the HOME of whoever reads; a folder that every user may enter, as /home/NAME is not in a test's own folder."""

    home: Path
    environment: Mapping[str, str]

    @classmethod
    def arriving(cls, environment: Mapping[str, str], programs: Path) -> Reader:
        """``environment``: what a reader finds in it beside what everybody has; ``programs``: a folder of installed ones (psql, pg_dump)."""
        home = Path(tempfile.mkdtemp(prefix="tieout-guides-")).resolve()
        home.chmod(0o755)
        # `git clone` and `make setup` have been done: this is the checkout that they made.
        (home / "tieout").symlink_to(REPOSITORY)
        own_programs = home / "bin"
        own_programs.mkdir()
        (own_programs / "sudo").write_text(SUDO.format(setpriv=_program("setpriv")))
        (own_programs / "sudo").chmod(0o755)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("TIEOUT_", "DAGSTER_", "DBT_", "PYTEST_", "PG"))}
        path = f"{own_programs}:{programs}:{os.environ['PATH']}"
        cache = str(default_cache_folder().parent)
        own = {"HOME": str(home), "PATH": path, "COLUMNS": "180", "PORT": str(free_port()), "XDG_CACHE_HOME": cache}
        return cls(home, {**kept, **own, **environment})

    def follow(self, steps: tuple[Commands, ...]) -> None:
        """Run the blocks of one guide in one shell.

        Raises:
            GuideFailedError: names the line of the guide.
        """
        with _Shell(self.home, self.environment) as shell:
            for step in steps:
                if step.not_run is None:
                    shell.run(step)

    def leave(self) -> None:
        """Stop the counterparties of every installation below the home folder, which goes."""
        for settings in self.home.glob("*/.tieout/tieout.yaml"):
            stop_sandbox(load_settings(settings.parent))
        shutil.rmtree(self.home, ignore_errors=True)


class _Shell:
    def __init__(self, home: Path, environment: Mapping[str, str]) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix=".guide-", dir=home))
        pipe, nothing = subprocess.PIPE, subprocess.DEVNULL
        command = ["bash", "--noprofile", "--norc"]
        self._process = subprocess.Popen(command, cwd=home, env=dict(environment), stdin=pipe, stdout=pipe, stderr=nothing, start_new_session=True)
        self._say("set -eEuo pipefail")

    def __enter__(self) -> _Shell:
        return self

    def __exit__(self, *_: object) -> None:
        # What it started in the background outlives it, where a command failed.
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        self._process.wait()

    def run(self, step: Commands) -> None:
        script, printed, trouble, failed = (self._folder / name for name in ("script", "printed", "trouble", "failed"))
        # The shell counts lines as the guide does.
        script.write_text("\n" * (step.line - 1) + step.text + "\n")
        failed.unlink(missing_ok=True)
        # The innermost place is told first, and is the one that counts.
        self._say(f"trap '[ -e {failed} ] || echo \"$LINENO $BASH_COMMAND\" > {failed}' ERR")
        # The shell goes on after a block that is to end so.
        source = f"source {script} > {printed} 2> {trouble}"
        self._say(f"set +e; {source}; code=$?; set -e; echo done $code" if step.fails else f"{source}; echo done 0")
        code = self._answer(step)
        output, errors = printed.read_text(), trouble.read_text()
        if step.fails:
            if code != "1":
                raise GuideFailedError(f"{step.place}: the guide says that this exits with 1, and it did with {code}\n{output}\n{errors}")
        elif code != "0":
            place, _, command = failed.read_text().partition(" ") if failed.is_file() else (str(step.line), "", step.text)
            raise GuideFailedError(f"{step.guide.relative_to(REPOSITORY)}:{place}: {command.strip()}\n{output}\n{errors}")
        if step.shows is not None:
            told = output + errors if step.fails else output
            difference = differences(step.shows, "\n".join(line.rstrip() for line in told.splitlines()))
            if difference:
                raise GuideFailedError(f"{step.place}: {difference}")

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode() + b"\n")
        self._process.stdin.flush()

    def _answer(self, step: Commands) -> str:
        assert self._process.stdout is not None
        until = time.monotonic() + SLOWEST_SECONDS
        while True:
            ready, _, _ = select.select([self._process.stdout], [], [], max(0.0, until - time.monotonic()))
            if not ready:
                raise GuideFailedError(f"{step.place}: still running after {SLOWEST_SECONDS:.0f} s")
            line = self._process.stdout.readline().decode()
            if line.startswith("done "):
                return line.removeprefix("done ").strip()
            if not line:
                return "failed"


def _program(name: str) -> str:
    for folder in ("/usr/bin", "/bin", "/usr/sbin"):
        if Path(folder, name).is_file():
            return f"{folder}/{name}"
    return name
