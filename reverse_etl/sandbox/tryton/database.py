"""Tryton databases: an empty one built once per Tryton version and cached, copied and filled for each installation."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from reverse_etl.documents import sha256_hex
from reverse_etl.errors import ConfigurationError, DestinationError
from reverse_etl.locks import LockTimeoutError, file_lock
from reverse_etl.sandbox.tryton.specification import LedgerSpecification

DATABASE = "erp"
DATABASE_FILE = f"{DATABASE}.sqlite"
MARKER_FILE = "installed"
PACKAGES = ("trytond", "trytond_account", "trytond_company", "trytond_currency", "trytond_party")
PROVISION_MODULE = "reverse_etl.sandbox.tryton.provision"
BUILD_SECONDS = 300.0
ABANDONED_AFTER_SECONDS = 3600.0


def default_cache_folder() -> Path:
    """``$XDG_CACHE_HOME/tieout`` or ``~/.cache/tieout``."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tieout"


def provision_ledger(specification: LedgerSpecification, folder: Path, password: str, cache_folder: Path | None = None) -> None:
    """Make ``folder`` hold a Tryton database with this ledger and this administrator's password.

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
        _fill(folder, specification, password)
    else:
        base = _cached_base(cache_folder or default_cache_folder())
        with tempfile.TemporaryDirectory(dir=folder, prefix=".installing-") as staged:
            shutil.copyfile(base, Path(staged) / DATABASE_FILE)
            _fill(Path(staged), specification, password)
            os.replace(Path(staged) / DATABASE_FILE, database)
    _replace_text(folder / MARKER_FILE, marker)


def _cached_base(cache_folder: Path) -> Path:
    """The database with the modules activated and nothing in it: the same for every installation, and the slow part."""
    name = f"tryton-{_build_key()}.sqlite"
    cached = cache_folder / name
    if cached.is_file():
        return cached
    cache_folder.mkdir(parents=True, exist_ok=True)
    try:
        with file_lock(cache_folder / f"{name}.lock", "provisioning Tryton", BUILD_SECONDS):
            return cached if cached.is_file() else _build_base(cache_folder, cached)
    except LockTimeoutError:
        # Whoever holds the lock is stuck; two builds side by side end in the same file.
        return _build_base(cache_folder, cached)


def _build_base(cache_folder: Path, cached: Path) -> Path:
    for abandoned in cache_folder.glob(".building-*"):
        if time.time() - abandoned.stat().st_mtime > ABANDONED_AFTER_SECONDS:
            shutil.rmtree(abandoned, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=cache_folder, prefix=".building-") as staged:
        _run_provision("--folder", staged)
        os.replace(Path(staged) / DATABASE_FILE, cached)
    return cached


def _build_key() -> str:
    try:
        versions = [f"{package} {version(package)}" for package in PACKAGES]
    except PackageNotFoundError as error:
        raise ConfigurationError(f"the sandbox ledger needs Tryton and {error.name} is not installed: install the extra 'tryton'") from error
    script = Path(__file__).with_name("provision.py").read_text()
    return sha256_hex("\n".join([*versions, script]).encode())[:16]


def _fill(folder: Path, specification: LedgerSpecification, password: str) -> None:
    with tempfile.TemporaryDirectory(prefix="tieout-") as private:
        specification_file, password_file = Path(private) / "specification.json", Path(private) / "password"
        specification_file.write_text(specification.to_json())
        password_file.write_text(password)
        _run_provision("--folder", str(folder), "--specification", str(specification_file), "--password-file", str(password_file))


def _run_provision(*arguments: str) -> None:
    try:
        subprocess.run([sys.executable, "-m", PROVISION_MODULE, *arguments], check=True, capture_output=True, text=True, timeout=BUILD_SECONDS)
    except subprocess.CalledProcessError as error:
        raise DestinationError(f"building the sandbox ledger failed: {error.stderr.strip()[-1500:]}") from error
    except subprocess.TimeoutExpired as error:
        raise DestinationError(f"building the sandbox ledger took longer than {BUILD_SECONDS:.0f} s; try again on a less busy machine") from error


def _read(path: Path) -> str | None:
    return path.read_text() if path.is_file() else None


def _replace_text(path: Path, text: str) -> None:
    staged = path.with_name(f".{path.name}-{os.getpid()}")
    staged.write_text(text)
    os.replace(staged, path)
