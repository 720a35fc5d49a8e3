"""Starts, watches and stops an installation's stand-in counterparties; what runs is written in ``sandbox/<name>.json`` of the home folder."""

from __future__ import annotations

import json
import os
import secrets
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from reverse_etl.errors import ConfigurationError, DestinationError
from reverse_etl.locks import LockTimeoutError, file_lock
from reverse_etl.sandbox.processes import ServerProcess, is_running, launch, stop, wait_until_ready
from reverse_etl.sandbox.tryton.database import provision_ledger
from reverse_etl.sandbox.tryton.server import serves, start_server
from reverse_etl.sandbox.tryton.specification import LedgerSpecification, specification_from_inbox
from reverse_etl.settings import SANDBOX_URL, Settings
from reverse_etl.whole_files import write_whole

SANDBOX_NAMES = ("stripe", "tryton", "netsuite", "xero", "quickbooks")
# What each ledger's stand-in is told of whom it lets in: members of the destination's authorization, and secrets.
_CREDENTIALS = {
    "netsuite": (("realm", "consumer_key", "token_id"), ("consumer_secret", "token_secret")),
    "xero": (("client_id",), ("client_secret", "refresh_token")),
    "quickbooks": (("client_id",), ("client_secret", "refresh_token")),
}
START_SECONDS = 60.0
LOCK_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a stand-in answers and the id of its process."""

    url: str
    pid: int


@dataclass(frozen=True, slots=True)
class _Running:
    url: str
    process: ServerProcess


def start_sandbox(settings: Settings, names: Sequence[str] | None = None, specification: LedgerSpecification | None = None) -> Mapping[str, Endpoint]:
    """Start the named stand-ins that do not run yet, with the data they had when they last ran.

    ``names``: kinds of destinations; without any, those of the settings' destinations whose URL is ``sandbox``. ``specification`` is what
    the ledgers consist of; without one it is read from the inbox's reference files, and covers the year of the first period and the next one.

    Raises:
        ConfigurationError: a name is unknown, Tryton is not installed, or no reference files describe the ledger.
        DestinationError: a stand-in did not become ready; or another process holds the sandbox for too long.
    """
    names = configured(settings) if names is None else names
    _refuse_unknown(names)
    started: dict[str, Endpoint] = {}
    try:
        with file_lock(settings.lock_folder / "sandbox.lock", "starting the sandbox", LOCK_SECONDS):
            for name in names:
                recorded = _recorded(settings, name)
                if recorded is None or not _answers(name, recorded):
                    if recorded is not None:
                        stop(recorded.process)
                    port = urlsplit(recorded.url).port if recorded else None
                    recorded = _start(settings, name, port, specification)
                    _record(settings, name, recorded)
                started[name] = Endpoint(recorded.url, recorded.process.pid)
    except LockTimeoutError as error:
        raise DestinationError(f"the sandbox has been held by {error.holder} for {LOCK_SECONDS:.0f} s; wait for it or stop it") from error
    return started


def configured(settings: Settings) -> tuple[str, ...]:
    """The stand-ins that the settings ask for."""
    kinds = [settings.kind(name) for name, destination in settings.destinations.items() if destination.url == SANDBOX_URL]
    return tuple(name for name in dict.fromkeys(kinds) if name in SANDBOX_NAMES)


def stop_sandbox(settings: Settings, names: Sequence[str] = SANDBOX_NAMES) -> tuple[str, ...]:
    """Stop the named stand-ins; their data stays. Returns the names of those that ran."""
    _refuse_unknown(names)
    stopped = []
    for name in names:
        recorded = _recorded(settings, name)
        if recorded is not None and stop(recorded.process):
            stopped.append(name)
    return tuple(stopped)


def sandbox_status(settings: Settings) -> Mapping[str, Endpoint | None]:
    """Every stand-in of the settings, and where it answers; None where it does not."""
    status: dict[str, Endpoint | None] = {}
    for name in configured(settings):
        recorded = _recorded(settings, name)
        answering = recorded is not None and _answers(name, recorded)
        status[name] = Endpoint(recorded.url, recorded.process.pid) if recorded is not None and answering else None
    return status


def stopped(settings: Settings, names: Collection[str] | None = None) -> tuple[str, ...]:
    """The destinations, or those of ``names``, that are stand-ins whose process has ended. Asks none of them."""
    found = []
    for name, destination in settings.destinations.items():
        if destination.url == SANDBOX_URL and (names is None or name in names):
            recorded = _recorded(settings, settings.kind(name))
            if recorded is None or not is_running(recorded.process):
                found.append(name)
    return tuple(found)


def endpoint_url(settings: Settings, name: str) -> str:
    """Where a stand-in was last started. It need not answer now: a counterparty that is down is the poster's business.

    Raises:
        ConfigurationError: it was never started.
    """
    _refuse_unknown((name,))
    recorded = _recorded(settings, name)
    if recorded is None:
        raise ConfigurationError(f"the sandbox's {name} was never started in {settings.home}: run 'tieout sandbox start'")
    return recorded.url


def _start(settings: Settings, name: str, port: int | None, specification: LedgerSpecification | None) -> _Running:
    own = _destination(settings, name)
    if name == "stripe":
        _ensure_secret(settings, own)
        return _launch(settings, name, [], port)
    if specification is None:
        first_year = int(settings.first_period[:4])
        specification = specification_from_inbox(settings.inbox, first_year, first_year + 1)
    folder = settings.sandbox_folder / name
    if name == "tryton":
        unique = settings.destination(own).options.get("unique_reference", "false").lower() == "true"
        provision_ledger(specification, folder, _ensure_secret(settings, own), unique_reference=unique)
        server = start_server(folder, port)
        return _Running(server.url, server.process)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "specification.json").write_text(specification.to_json())
    _write_secret(folder / "credentials.json", json.dumps(_credentials(settings, name, own)))
    options = ["--specification", str(folder / "specification.json"), "--credentials", str(folder / "credentials.json")]
    return _launch(settings, name, options, port)


def _launch(settings: Settings, name: str, options: Sequence[str], port: int | None) -> _Running:
    """Run a stand-in of ours."""
    folder = settings.sandbox_folder / name
    folder.mkdir(parents=True, exist_ok=True)
    log, ready_file = folder / f"{name}.log", folder / "ready"
    ready_file.unlink(missing_ok=True)
    command = [sys.executable, "-m", f"reverse_etl.sandbox.{name}", "--state", str(folder / "state.sqlite"), "--ready-file", str(ready_file)]
    process = launch([*command, *options, "--port", str(port or 0)], log)
    try:
        wait_until_ready(process, ready_file.is_file, START_SECONDS, log, f"the sandbox's {name}")
    except DestinationError:
        if port is None:
            raise
        # Somebody else took the port it had before.
        return _launch(settings, name, options, None)
    return _Running(str(json.loads(ready_file.read_text())["url"]), process)


def _destination(settings: Settings, kind: str) -> str:
    """The destination that a stand-in serves: the first of its kind whose URL is ``sandbox``, else the one of its name."""
    own = (name for name, destination in settings.destinations.items() if destination.url == SANDBOX_URL and settings.kind(name) == kind)
    return next(own, kind)


def _credentials(settings: Settings, kind: str, destination: str) -> Mapping[str, str]:
    """Whom a ledger's stand-in lets in.

    Raises:
        ConfigurationError: the destination's authorization does not say who asks.
    """
    members, names = _CREDENTIALS[kind]
    authorization = settings.destination(destination).authorization
    told = {member: str(getattr(authorization, member, None) or "") for member in members}
    missing = [member for member, value in told.items() if not value]
    if missing:
        where = f"destinations.{destination}.authorization.{missing[0]}"
        raise ConfigurationError(f"destination {destination}: set {where} of tieout.yaml; any word will do for the sandbox")
    if kind == "netsuite":
        told["account"] = told.pop("realm")
    return told | {name: _ensure_secret(settings, destination, name) for name in names}


def _answers(name: str, recorded: _Running) -> bool:
    if not is_running(recorded.process):
        return False
    if name == "tryton":
        return serves(recorded.url)
    # Takes longer to load than all else that a command which only asks whether something runs needs.
    import httpx

    try:
        # Any answer will do: without a key it is a refusal.
        httpx.get(recorded.url, timeout=5.0)
    except httpx.HTTPError:
        return False
    return True


def _ensure_secret(settings: Settings, destination: str, name: str = "secret") -> str:
    """A secret of the destination; a random one is written, readable by its owner only, where there is none yet."""
    try:
        return settings.secret(destination, name)
    except ConfigurationError:
        secret_file = settings.secret_source(destination, name).file
        if secret_file is None:
            raise
    value = ("sk_test_" if settings.kind(destination) == "stripe" else "") + secrets.token_hex(24)
    _write_secret(settings.home / secret_file, value)
    return value


def _write_secret(path: Path, value: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(value)


def _state_file(settings: Settings, name: str) -> Path:
    return settings.sandbox_folder / f"{name}.json"


def _record(settings: Settings, name: str, running: _Running) -> None:
    path = _state_file(settings, name)
    told = {"url": running.url, "pid": running.process.pid, "started": running.process.started, "home": str(settings.home.resolve())}
    write_whole(path, json.dumps(told))


def _recorded(settings: Settings, name: str) -> _Running | None:
    path, own = _state_file(settings, name), str(settings.home.resolve())
    try:
        content = json.loads(path.read_text())
        # The record in a copy of an installation is of the original's stand-ins, which the copy must neither post to nor stop.
        if content.get("home", own) != own:
            return None
        return _Running(str(content["url"]), ServerProcess(int(content["pid"]), str(content["started"])))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(f"{path} is damaged ({error}): stop the sandbox's processes and remove the file") from error


def _refuse_unknown(names: Sequence[str]) -> None:
    unknown = [name for name in names if name not in SANDBOX_NAMES]
    if unknown:
        raise ConfigurationError(f"no stand-in named {', '.join(unknown)}; there are {', '.join(SANDBOX_NAMES)}")
