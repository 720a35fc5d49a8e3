"""What the machine gives: Python, packages, disk, time zones."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dagster_project.doctor.finding import Examined, Finding, ok, problem, warning

REPOSITORY = Path(__file__).resolve().parents[2]
LOCK = REPOSITORY / "requirements.lock"
FIRST_PYTHON, LAST_PYTHON = (3, 11), (3, 13)
SHOWN = 5
SCARCE_BYTES, LOW_BYTES = 200 * 2**20, 2 * 2**30
SCARCE_INODES = 10_000
_LOCKED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)(?:\s*;\s*([^\\]+?))?\s*\\?$", re.MULTILINE)
INSTALL = "make setup, or pip install -r requirements.lock"


def python(examined: Examined, running: tuple[int, int] = sys.version_info[:2]) -> Iterator[Finding]:
    name = ".".join(map(str, running))
    if FIRST_PYTHON <= running <= LAST_PYTHON:
        yield ok("python", f"Python {name}", sys.executable)
    else:
        yield problem("python", f"Python {name} is not supported", sys.executable, "make the environment with Python 3.11, 3.12 or 3.13")


def packages(examined: Examined, lock: Path = LOCK) -> Iterator[Finding]:
    """Against the lock: what is another version, and what the project needs and is not there."""
    from packaging.requirements import Requirement

    needed = [Requirement(text) for text in requires("tieout") or ()]
    missing = [one.name for one in needed if (one.marker is None or one.marker.evaluate({"extra": ""})) and _installed(one.name) is None]
    if missing:
        yield problem("packages", f"not installed: {', '.join(sorted(missing))}", sys.prefix, INSTALL)
    if not lock.is_file():
        yield ok("packages", "no lock file beside the code, so versions were not compared", lock)
        return
    locked = {found[1].lower(): found[2] for found in _LOCKED.finditer(lock.read_text()) if _applies(found[3])}
    different = [f"{name} {own} instead of {wanted}" for name, wanted in sorted(locked.items()) if (own := _installed(name)) not in (None, wanted)]
    if different:
        more = f" and {len(different) - SHOWN} more" if len(different) > SHOWN else ""
        yield warning("packages", f"not as locked: {', '.join(different[:SHOWN])}{more}", lock, INSTALL)
    elif not missing:
        yield ok("packages", f"{len(locked)} packages are as locked", lock)


def disk(examined: Examined, free: tuple[int, int] | None = None) -> Iterator[Finding]:
    """``free``: bytes and inodes, if they were not measured here. A close writes a second copy of the warehouse, and publishes a third."""
    folder = _nearest(examined.home)
    if free is None:
        status = os.statvfs(folder)
        free = (shutil.disk_usage(folder).free, status.f_favail if status.f_files else SCARCE_INODES)
    space, inodes = free
    path = examined.settings.warehouse_path
    wanted = max(LOW_BYTES, 3 * path.stat().st_size) if path.is_file() else LOW_BYTES
    told = f"{space / 2**30:.1f} GiB free"
    if space < SCARCE_BYTES:
        yield problem("disk", f"{told}: the next write may fail", folder, "free space, or move the home folder to a larger disk")
    elif space < wanted:
        yield warning("disk", f"{told}, less than the {wanted / 2**30:.1f} GiB that a close may want", folder, "free space before the next close")
    else:
        yield ok("disk", told, folder)
    if inodes < SCARCE_INODES:
        yield warning("disk", f"{inodes} inodes are left", folder, "remove small files (old folders of the inbox, logs), or move the home folder")


def time_zones(examined: Examined) -> Iterator[Finding]:
    """Usage days and due times are computed in named zones; a machine without their data computes none."""
    named = os.environ.get("TZ", "").lstrip(":")
    for name in ("UTC", "America/New_York", *([named] if named and not named.startswith("/") else [])):
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            of_variable = name == named
            fix = "set TZ to a name such as Europe/Berlin, or unset it" if of_variable else "install the system's tzdata, or pip install tzdata"
            yield problem("time zone", f"the zone {name!r} is not known here", "TZ" if of_variable else "zoneinfo", fix)
            return
    yield ok("time zone", f"zones are known; this process tells time in {named or 'the zone of the machine'}", "zoneinfo")


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _applies(marker: str | None) -> bool:
    from packaging.markers import Marker

    return marker is None or Marker(marker.strip()).evaluate()


def _nearest(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.is_dir())
