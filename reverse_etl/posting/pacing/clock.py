"""Clocks. Pauses and turns are kept on one that never jumps and is the same for every process of a machine."""

from __future__ import annotations

import time
from pathlib import Path

_BOOT = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def machine_now() -> float:
    """Seconds since the machine started, sleep included; nobody can set it."""
    return time.clock_gettime(_BOOT)


def boot_id() -> str:
    """Which start of the machine ``machine_now`` counts from; empty where the system does not tell."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
