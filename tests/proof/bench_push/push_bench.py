"""This project and its peers against the same destination, side by side.

Seconds and CPU are of the work alone (no interpreter start, no imports, no preparation: this project's documents are sealed before, as the rows
of the others are in their source before); of a run that is killed, CPU is of the second part. Documents are counted at the destination.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench_destination import BURST_SECONDS, Conditions, share

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[2]
PEERS = ROOT / ".venv" / ".peers"
OURS, LOOP = "tieout", "httpx loop"
CLIENTS = {
    OURS: "tieout_push.py",
    LOOP: "httpx_loop.py",
    "drt-core": "drt_sync.py",
    "dlt": "dlt_destination.py",
    "singer-sdk": "singer_target.py",
}
FORMS = ("default", "tuned")
CONCURRENCY = 32
LIMIT = 100.0
EFFICIENCY_AT_THE_LIMIT, TIMES_THE_PEERS, CPU_MILLISECONDS = 0.97, 15.0, 1.0
LONGEST_RUN_SECONDS = 300.0


@dataclass(frozen=True)
class Setting:
    """``documents``: how many more or fewer than asked for. ``kill``: SIGKILL when half of them are there, then run again."""

    name: str
    conditions: Conditions
    share_of_documents: float = 1.0
    kill: bool = False


UNTHROTTLED, LIMITED = "unthrottled", "100 req/s"
SETTINGS = (
    Setting(UNTHROTTLED, Conditions(), share_of_documents=2.0),
    Setting(LIMITED, Conditions(requests_per_second=LIMIT), share_of_documents=4.0),
    Setting("5 % accepted, then 500", Conditions(accepted_then_500=0.05)),
    Setting("SIGKILL half way, rerun", Conditions(), kill=True),
    Setting("2 % poison", Conditions(poison=0.02)),
)


@dataclass(frozen=True)
class Row:
    setting: str
    client: str
    form: str
    documents: int
    seconds: float
    efficiency: float
    duplicates: int
    lost: int
    wasted: int
    cpu_milliseconds: float
    ended: str

    @property
    def documents_per_second(self) -> float:
        return self.documents / self.seconds


class Server:
    def __init__(self, folder: Path) -> None:
        ready = folder / "ready"
        self._process = subprocess.Popen([sys.executable, str(FOLDER / "bench_destination.py"), str(ready)])
        while not ready.exists():
            if self._process.poll() is not None:
                raise RuntimeError("the destination did not start")
            time.sleep(0.02)
        self.url = ready.read_text()
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def reset(self, conditions: Conditions) -> None:
        self._opener.open(urllib.request.Request(f"{self.url}/reset", json.dumps(asdict(conditions)).encode(), method="POST"), timeout=30).close()

    def counts(self) -> dict[str, Any]:
        with self._opener.open(f"{self.url}/counts", timeout=30) as answer:
            content: dict[str, Any] = json.load(answer)
            return content

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()


@contextmanager
def serving() -> Iterator[tuple[Server, Path]]:
    folder = Path(tempfile.mkdtemp(prefix="bench-push-"))
    try:
        server = Server(folder)
        try:
            yield server, folder
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def measure(server: Server, folder: Path, client: str, form: str, setting: Setting, documents: int, peers: Path = PEERS) -> Row:
    count = int(documents * setting.share_of_documents)
    work = Path(tempfile.mkdtemp(prefix="run-", dir=folder))
    server.reset(setting.conditions)
    python = sys.executable if client == OURS or not peers.exists() else str(peers / "bin" / "python")
    command = [python, str(FOLDER / "clients" / CLIENTS[client]), "--url", server.url, "--form", form, "--documents", str(count)]
    command += ["--limit", str(setting.conditions.requests_per_second or 0.0), "--folder", str(work)]
    before = 0.0
    if setting.kill:
        before = _killed_half_way(server, command, work, count)
    ended, result = _finished(command, work)
    counts = server.counts()
    seconds = before + result["seconds"]
    wanted = sum(share(f"DOC-{number:06}", "poison") >= setting.conditions.poison for number in range(count))
    shutil.rmtree(work, ignore_errors=True)
    return Row(
        setting=setting.name,
        client=client,
        form=form,
        documents=count,
        seconds=seconds,
        efficiency=_ideal_seconds(setting.conditions, count) / seconds,
        duplicates=counts["documents"] - counts["distinct"],
        lost=wanted - counts["distinct"],
        wasted=counts["wasted"],
        cpu_milliseconds=result["cpu"] / count * 1000,
        ended=ended,
    )


def _ideal_seconds(conditions: Conditions, documents: int) -> float:
    """As long as it must take: what the limit lets through, or 32 requests at a time of nothing but latency."""
    at_once = documents * conditions.latency / CONCURRENCY
    rate = conditions.requests_per_second
    return at_once if rate is None else max(at_once, (documents - rate * BURST_SECONDS) / rate)


def _killed_half_way(server: Server, command: Sequence[str], work: Path, count: int) -> float:
    with (work / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=_environment())
        while process.poll() is None and server.counts()["documents"] < count // 2:
            time.sleep(0.005)
        killed = process.poll() is None
        process.kill()
        process.wait()
    if not killed:
        raise RuntimeError(f"{command[1]} ended before it could be killed: {_last_line(work)}")
    counts = server.counts()
    return float(counts["last"] - counts["first"])


def _finished(command: Sequence[str], work: Path) -> tuple[str, Mapping[str, Any]]:
    with (work / "log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=_environment())
        try:
            process.wait(LONGEST_RUN_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return "took too long", {"seconds": LONGEST_RUN_SECONDS, "cpu": 0.0}
    try:
        result: dict[str, Any] = json.loads((work / "result.json").read_text())
    except FileNotFoundError as error:
        raise RuntimeError(f"{command[1]} did not run: {_last_line(work)}") from error
    return ("stopped" if result["error"] or process.returncode else "finished"), result


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "NO_PROXY": "127.0.0.1"}


def _last_line(work: Path) -> str:
    lines = (work / "log").read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"


def install_peers() -> None:
    """The peers' own environment, made when it is missing or its requirements have changed."""
    wanted = FOLDER / "requirements.txt"
    installed = PEERS / ".installed"
    if installed.exists() and installed.read_text() == wanted.read_text():
        return
    print("Installing the peers into .venv/.peers (once)", flush=True)
    shutil.rmtree(PEERS, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", str(PEERS)], check=True)
    python = str(PEERS / "bin" / "python")
    if subprocess.run([sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", python, "-r", str(wanted)], check=False).returncode:
        # pip knows indexes from its own configuration that uv does not read.
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(wanted)], check=True)
    installed.write_text(wanted.read_text())


def missed_goals(rows: Sequence[Row]) -> list[str]:
    """Every goal of ours that the rows do not meet."""
    ours = [row for row in rows if row.client == OURS]
    missed = [
        f"{row.setting}, {row.form}: {row.duplicates} duplicates, {row.lost} lost, {row.ended}"
        for row in ours
        if row.duplicates or row.lost or row.ended != "finished"
    ]
    for row in ours:
        if row.form == "tuned" and row.setting == LIMITED and row.efficiency < EFFICIENCY_AT_THE_LIMIT:
            missed.append(f"efficiency at the limit {row.efficiency:.3f}, not {EFFICIENCY_AT_THE_LIMIT}")
        if row.form == "tuned" and row.setting == UNTHROTTLED:
            if row.cpu_milliseconds > CPU_MILLISECONDS:
                missed.append(f"{row.cpu_milliseconds:.2f} ms CPU per document, not {CPU_MILLISECONDS}")
            for peer in rows:
                if peer.client != OURS and peer.form == "default" and peer.setting == UNTHROTTLED:
                    times = row.documents_per_second / peer.documents_per_second
                    if times < TIMES_THE_PEERS:
                        missed.append(f"{times:.1f} times {peer.client}'s default unthrottled, not {TIMES_THE_PEERS:g}")
    return missed


HEADINGS = ("condition", "client", "form", "documents", "seconds", "efficiency", "duplicates", "lost", "wasted", "CPU ms/doc", "ended")
WIDTHS = (24, 11, 8, 10, 8, 11, 11, 6, 7, 11, 9)


def line(values: Sequence[str]) -> str:
    return "".join(
        value.ljust(width) if place in (0, 1, 2, 10) else value.rjust(width - 1) + " "
        for place, (value, width) in enumerate(zip(values, WIDTHS, strict=True))
    )


def table_line(row: Row) -> str:
    # Of a run that gave up it says nothing.
    efficiency = f"{row.efficiency:.3f}" if row.ended == "finished" else "-"
    figures = (f"{row.seconds:.2f}", efficiency, str(row.duplicates), str(row.lost), str(row.wasted), f"{row.cpu_milliseconds:.2f}")
    return line((row.setting, row.client, row.form, str(row.documents), *figures, row.ended))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=600)
    parser.add_argument("--clients", default=",".join(CLIENTS), help="comma-separated")
    options = parser.parse_args()
    clients = options.clients.split(",")
    if set(clients) - {OURS}:
        install_peers()
    rows: list[Row] = []
    print(line(HEADINGS), flush=True)
    with serving() as (server, folder):
        for setting in SETTINGS:
            for client in clients:
                for form in FORMS:
                    rows.append(measure(server, folder, client, form, setting, options.documents))
                    print(table_line(rows[-1]), flush=True)
    missed = missed_goals(rows)
    print(f"goals missed: {'; '.join(missed)}" if missed else "goals met")
    return 1 if missed else 0
