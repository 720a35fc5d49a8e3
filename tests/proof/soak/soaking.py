"""Very many sealed intents through the poster and the register, with faults, while memory is watched.

Prints how many documents a second were sealed and pushed, the resident memory at the start, in the middle and at the end of the push, and what the
destination holds. Exit code 1 when a document is there twice or not at all, when one is not verified, or when memory grows with the intents.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from soak_entries import ENTITY, SEALED_AT_ONCE, amount_of, open_erp, seal

from reverse_etl.documents import State
from reverse_etl.posting import push
from reverse_etl.posting.lane_delivery import CHUNK
from reverse_etl.register import Register

SAMPLE_SECONDS = 1.0
# What may be left of the first chunks' warming up, and of allocators: far below what keeping every intent would take.
MOST_GROWTH_BYTES_PER_INTENT = 64
MOST_GROWTH_MEGABYTES = 24.0
MOST_PUSHES = 20


@dataclass
class Memory:
    """Resident megabytes of this process, once a second."""

    samples: list[float] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Memory:
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self.samples.append(resident_megabytes())

    def _watch(self) -> None:
        while not self._stop.wait(SAMPLE_SECONDS):
            self.samples.append(resident_megabytes())

    def fifth(self, number: int) -> float:
        """The median of one fifth of the samples."""
        size = max(1, len(self.samples) // 5)
        some = sorted(self.samples[number * size : (number + 1) * size] or self.samples[-size:])
        return some[len(some) // 2]


def resident_megabytes() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def start_destination(folder: Path, faults: float) -> tuple[str, subprocess.Popen[bytes]]:
    ready = folder / "ready"
    process = subprocess.Popen([sys.executable, str(Path(__file__).with_name("soak_destination.py")), str(ready), "--faults", str(faults)])
    while not ready.exists():
        if process.poll() is not None:
            raise RuntimeError("the destination did not start")
        time.sleep(0.02)
    return ready.read_text(), process


def counts_of(url: str) -> dict[str, Any]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"{url}/counts", timeout=60) as answer:
        content: dict[str, Any] = json.load(answer)
        return content


def seal_all(register: Register, intents: int) -> float:
    began = time.monotonic()
    for start in range(0, intents, SEALED_AT_ONCE):
        seal(register, start, min(SEALED_AT_ONCE, intents - start))
    return time.monotonic() - began


def soak(folder: Path, intents: int, faults: float, store: str, chunk: int = CHUNK) -> list[str]:
    """What is not as it must be."""
    url, process = start_destination(folder, faults)
    register = Register.open(store)
    try:
        seconds = seal_all(register, intents)
        print(f"sealed {intents:,} in {seconds:.0f} s ({intents / seconds:.0f}/s), {resident_megabytes():.0f} MB resident", flush=True)
        settings, system = open_erp(folder / "home", url)
        began, cpu, pushes = time.monotonic(), time.process_time(), 0
        with Memory() as memory:
            while pushes < MOST_PUSHES:
                report = push(register, system, ENTITY, settings_or_lock_folder=settings, actor="soak", chunk=chunk)
                pushes += 1
                print(f"push {pushes}: {report}", flush=True)
                if not report.pending and not report.ambiguous and report.verified == sum(report.by_document_type.get("journal_entry", {}).values()):
                    break
        seconds, cpu = time.monotonic() - began, time.process_time() - cpu
        counts = counts_of(url)
        states = {state: count for (_, _, _, state), count in register.counts().items()}
        start, middle, end = memory.fifth(0), memory.fifth(2), memory.fifth(4)
        duplicates, lost = counts["entries"] - counts["distinct"], intents - counts["distinct"]
        print(f"pushed in {seconds:.0f} s ({intents / seconds:.0f}/s), {cpu / intents * 1000:.2f} ms CPU a document, {pushes} pushes")
        print(f"memory: {start:.0f} MB at the start, {middle:.0f} in the middle, {end:.0f} at the end, {max(memory.samples):.0f} at most")
        print(f"faults at the destination: {sum(counts['faults'].values())} of {counts['requests']} requests {counts['faults']}")
        print(f"{intents:,} intents: {duplicates} duplicates, {lost} lost")
        problems = []
        if duplicates or lost:
            problems.append(f"{duplicates} duplicates, {lost} lost")
        if counts["total_minor"] != sum(amount_of(number) for number in range(intents)):
            problems.append("the destination's total is not what was sealed")
        if states != {State.VERIFIED: intents}:
            problems.append(f"not everything is verified: {states}")
        growth = end - start
        if growth > max(MOST_GROWTH_MEGABYTES, intents * MOST_GROWTH_BYTES_PER_INTENT / 2**20):
            problems.append(f"memory grew by {growth:.0f} MB")
        return problems
    finally:
        register.close()
        process.terminate()
        process.wait()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--intents", type=int, default=1_000_000)
    parser.add_argument("--faults", type=float, default=0.01, help="the share of requests that fail")
    parser.add_argument("--folder", type=Path, help="where to keep the register (default: a temporary folder)")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="soak-", dir=options.folder))
    os.environ["NO_PROXY"] = "127.0.0.1"
    try:
        problems = soak(folder, options.intents, options.faults, f"sqlite:///{folder / 'register.sqlite'}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"failed: {'; '.join(problems)}" if problems else "passed")
    return 1 if problems else 0
