"""Tryton databases: an empty one built once per Tryton version and cached, copied and filled for each installation."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from reverse_etl.documents import sha256_hex
from reverse_etl.errors import ConfigurationError, DestinationError
from reverse_etl.locks import LockTimeoutError, file_lock
from reverse_etl.sandbox.tryton.specification import LedgerSpecification
from reverse_etl.whole_files import write_whole

DATABASE = "erp"
DATABASE_FILE = f"{DATABASE}.sqlite"
MARKER_FILE = "installed"
PACKAGES = ("trytond", "trytond_account", "trytond_company", "trytond_currency", "trytond_party")
ADD_ON = Path(__file__).with_name("unique_reference")
ADD_ON_PACKAGE, ADD_ON_MODULE = "trytond_tieout_reference", "tieout_reference"
ADD_ON_FOLDER = "modules"
"""Below a ledger's folder: what an installation of the add-on leaves for Tryton to find, for a server of that database alone."""
PROVISION_MODULE = "reverse_etl.sandbox.tryton.provision"
BUILD_SECONDS = 300.0
ABANDONED_AFTER_SECONDS = 3600.0


def default_cache_folder() -> Path:
    """``$XDG_CACHE_HOME/tieout`` or ``~/.cache/tieout``."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tieout"


def provision_ledger(
    specification: LedgerSpecification, folder: Path, password: str, cache_folder: Path | None = None, *, unique_reference: bool = False
) -> None:
    """Make ``folder`` hold a Tryton database with this ledger and this administrator's password.

    ``unique_reference``: a new database has the add-on (see ``unique_reference/README.md``); one that is there already stays as it is.

    A database that is already there keeps its documents: whatever the specification has and it lacks is added. The same call
    again does nothing. A killed call leaves nothing half built: the next one begins where it can.

    Raises:
        ConfigurationError: Tryton is not installed.
        DestinationError: the build failed; the message ends with what it said.
    """
    marker = sha256_hex(f"{specification.to_json()}\n{password}".encode())
    database = folder / DATABASE_FILE
    if database.is_file() and _read(folder / MARKER_FILE) == marker:
        return
    folder.mkdir(parents=True, exist_ok=True)
    if database.is_file():
        _fill(folder, specification, password, module_environment(folder))
    else:
        base = _cached_base(cache_folder or default_cache_folder(), unique_reference)
        if unique_reference:
            install_add_on(folder)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".installing-") as staged:
            shutil.copyfile(base, Path(staged) / DATABASE_FILE)
            _fill(Path(staged), specification, password, module_environment(folder))
            os.replace(Path(staged) / DATABASE_FILE, database)
    write_whole(folder / MARKER_FILE, marker)


def module_environment(folder: Path) -> Mapping[str, str]:
    """The environment in which Tryton finds the modules of the database in ``folder``."""
    modules = folder / ADD_ON_FOLDER
    if not modules.is_dir():
        return os.environ
    paths = [str(modules.resolve()), str(ADD_ON), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def install_add_on(folder: Path) -> None:
    """Leave what an installer records of the package, without copying it: Tryton finds modules by their entry points."""
    recorded = folder / ADD_ON_FOLDER / f"{ADD_ON_PACKAGE}-0.dist-info"
    recorded.mkdir(parents=True, exist_ok=True)
    (recorded / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {ADD_ON_PACKAGE}\nVersion: 0\n")
    (recorded / "entry_points.txt").write_text(f"[trytond.modules]\n{ADD_ON_MODULE} = {ADD_ON_PACKAGE}\n")


def _cached_base(cache_folder: Path, unique_reference: bool) -> Path:
    """The database with the modules activated and nothing in it: the same for every installation, and the slow part."""
    name = f"tryton-{_build_key(unique_reference)}.sqlite"
    cached = cache_folder / name
    if cached.is_file():
        return cached
    cache_folder.mkdir(parents=True, exist_ok=True)
    try:
        with file_lock(cache_folder / f"{name}.lock", "provisioning Tryton", BUILD_SECONDS):
            return cached if cached.is_file() else _build_base(cache_folder, cached, unique_reference)
    except LockTimeoutError:
        # Whoever holds the lock is stuck; two builds side by side end in the same file.
        return _build_base(cache_folder, cached, unique_reference)


def _build_base(cache_folder: Path, cached: Path, unique_reference: bool) -> Path:
    for abandoned in cache_folder.glob(".building-*"):
        if time.time() - abandoned.stat().st_mtime > ABANDONED_AFTER_SECONDS:
            shutil.rmtree(abandoned, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=cache_folder, prefix=".building-") as staged:
        if unique_reference:
            install_add_on(Path(staged))
        modules = ["account", *([ADD_ON_MODULE] if unique_reference else [])]
        _run_provision(module_environment(Path(staged)), "--folder", staged, "--modules", *modules)
        os.replace(Path(staged) / DATABASE_FILE, cached)
    return cached


def _build_key(unique_reference: bool) -> str:
    try:
        versions = [f"{package} {version(package)}" for package in PACKAGES]
    except PackageNotFoundError as error:
        raise ConfigurationError(f"the sandbox ledger needs Tryton and {error.name} is not installed: install the extra 'tryton'") from error
    sources = [Path(__file__).with_name("provision.py"), *(sorted((ADD_ON / ADD_ON_PACKAGE).glob("*.*")) if unique_reference else ())]
    return sha256_hex("\n".join([*versions, *(source.read_text() for source in sources)]).encode())[:16]


def _fill(folder: Path, specification: LedgerSpecification, password: str, environment: Mapping[str, str]) -> None:
    with tempfile.TemporaryDirectory(prefix="tieout-") as private:
        specification_file, password_file = Path(private) / "specification.json", Path(private) / "password"
        specification_file.write_text(specification.to_json())
        password_file.write_text(password)
        arguments = ("--folder", str(folder), "--specification", str(specification_file), "--password-file", str(password_file))
        _run_provision(environment, *arguments)


def _run_provision(environment: Mapping[str, str], *arguments: str) -> None:
    try:
        command = [sys.executable, "-m", PROVISION_MODULE, *arguments]
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=BUILD_SECONDS, env=environment)
    except subprocess.CalledProcessError as error:
        raise DestinationError(f"building the sandbox ledger failed: {error.stderr.strip()[-1500:]}") from error
    except subprocess.TimeoutExpired as error:
        raise DestinationError(f"building the sandbox ledger took longer than {BUILD_SECONDS:.0f} s; try again on a less busy machine") from error


def _read(path: Path) -> str | None:
    return path.read_text() if path.is_file() else None
