"""The wheel carries everything: built from what is tracked, and installed where there is no checkout, it works from an empty folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGES = ("reverse_etl", "dagster_project", "dbt_project")
LONGEST_SECONDS = 1_800


def run(*command: str | Path, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TIEOUT_", "DBT_", "DAGSTER_", "PYTHON"))}
    return subprocess.run(
        list(map(str, command)), cwd=folder, env={**kept, **environment}, capture_output=True, text=True, check=False, timeout=LONGEST_SECONDS
    )


@dataclass(frozen=True)
class Installed:
    """An environment with the wheel, and an empty folder to work in."""

    wheel: Path
    environment: Path
    folder: Path

    def tieout(self, *arguments: str, code: int = 0) -> str:
        done = run(self.environment / "bin" / "tieout", *arguments, folder=self.folder)
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout

    def json(self, *arguments: str, code: int = 0) -> Any:
        return json.loads(self.tieout(*arguments, "--json", "--quiet", code=code))


def tracked(*folders: str) -> list[str]:
    told = run("git", "ls-files", "-z", *folders, folder=REPOSITORY)
    assert told.returncode == 0, told.stderr
    return [name for name in told.stdout.split("\0") if name and (REPOSITORY / name).is_file()]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    source, environment, folder = (tmp_path_factory.mktemp(name) for name in ("source", "environment", "empty"))
    # A build leaves its own in the folder that it builds, and takes what it finds there.
    for name in tracked():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(REPOSITORY / name, source / name)
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check")
    built = run(*pip, "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", source / "dist", source, folder=source)
    assert built.returncode == 0, built.stdout + built.stderr
    [wheel] = (source / "dist").glob("*.whl")
    venv.create(environment, symlinks=True)
    # The locked dependencies of this environment, without the checkout that it has: what adds that is not read in a folder that is only on the path.
    variables = {"base": str(environment), "platbase": str(environment)}
    packages = Path(sysconfig.get_path("purelib", "venv", variables))
    (packages / "dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    put = run(*pip, "--python", environment / "bin" / "python", "install", "--quiet", "--no-deps", "--no-index", wheel, folder=folder)
    assert put.returncode == 0, put.stdout + put.stderr
    return Installed(wheel, environment, folder)


def carried(sequence: Sequence[str]) -> set[str]:
    return {name for name in sequence if name.startswith(tuple(f"{package}/" for package in PACKAGES))}


def test_the_wheel_holds_every_tracked_file_of_its_packages_and_no_other(installed: Installed) -> None:
    with zipfile.ZipFile(installed.wheel) as wheel:
        names = [name for name in wheel.namelist() if ".dist-info/" not in name]
    assert set(names) == carried(names) == set(tracked(*PACKAGES))


def test_an_empty_folder_becomes_an_installation_that_lands_and_plans(installed: Installed) -> None:
    where = run(installed.environment / "bin" / "python", "-c", "import dagster_project; print(dagster_project.__file__)", folder=installed.folder)
    assert where.stdout.startswith(str(installed.environment))
    assert "Run a close" in installed.tieout("--help")
    assert installed.json("init")["home"] == str(installed.folder / ".tieout")
    assert installed.json("sample", "--events", "1000", "--customers", "20")["customers"] == 20
    # All but the stand-ins, which nobody has started.
    problems = [found["check"] for found in installed.json("doctor", "--offline", "--thorough", code=1)["findings"] if found["state"] == "problem"]
    assert problems == ["destination stripe", "destination tryton"]
    assert installed.json("land", "--to", "2026-02-01")["succeeded"]
    assert len(installed.json("plan", "2026-01", "--entity", "northlight_us")["documents"]) > 20
    assert Path(installed.json("close-report", "2026-01")["path"]).is_file()
