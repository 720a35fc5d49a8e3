"""Where the dbt project and its artefacts are, and the manifest that the definitions are made from."""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from dagster_project.dbt.interruptions import ended_before_interrupted
from dagster_project.shipped import DBT_PROJECT
from reverse_etl.errors import ConfigurationError
from reverse_etl.locks import LockTimeoutError, file_lock
from reverse_etl.settings import Settings

if TYPE_CHECKING:
    from dbt.cli.main import dbtRunnerResult
    from dbt.contracts.graph.manifest import Manifest

WAREHOUSE_VARIABLE = "TIEOUT_WAREHOUSE"
MEMORY_VARIABLE = "TIEOUT_WAREHOUSE_MEMORY_LIMIT"
UNREAD_FOLDERS = frozenset({"target", "logs", "dbt_packages"})
PARSE_WAIT_SECONDS = 120.0
ASKED_FOR = "tieout_asked_for"
WITHOUT_HOLDS = ("--vars", "{run_gates: false, storm_factor: 999999}")
"""For what is computed and issued to nobody: its sums and its storms say nothing, and no one is there to approve them."""

EventCallback = Callable[[Any], None]


@dataclass(frozen=True, slots=True)
class DbtPaths:
    """The folders dbt reads and writes. Every path is absolute, for dbt changes the working directory."""

    project: Path
    target: Path
    logs: Path
    warehouse: Path
    locks: Path
    memory_limit: str

    @classmethod
    def of(cls, settings: Settings, project: Path = DBT_PROJECT) -> DbtPaths:
        return cls(
            project=project.resolve(),
            target=settings.home / "dbt" / "target",
            logs=settings.home / "dbt" / "logs",
            warehouse=settings.warehouse_path,
            locks=settings.lock_folder,
            memory_limit=settings.warehouse_memory_limit,
        )

    @property
    def manifest(self) -> Path:
        return self.target / "manifest.json"

    @property
    def lineage(self) -> Path:
        """The origins of the columns of the models that were built, by the hash of what they were computed from."""
        return self.target.parent / "column_lineage.json"

    @property
    def fingerprint(self) -> Path:
        """The content hash of the project that the manifest was parsed from."""
        return self.target / "manifest.sha256"


def project_fingerprint(project: Path) -> str:
    """SHA-256 over the names and contents of every file that dbt reads, and over dbt's own version."""
    from importlib.metadata import version

    digest = hashlib.sha256(version("dbt-core").encode())
    for path in sorted(project.rglob("*")):
        name = path.relative_to(project)
        if path.is_file() and not UNREAD_FOLDERS.intersection(name.parts) and not name.name.startswith("."):
            digest.update(f"\n{name.as_posix()}\n{hashlib.sha256(path.read_bytes()).hexdigest()}".encode())
    return digest.hexdigest()


def parse(paths: DbtPaths) -> Manifest:
    """Parse the project, write ``manifest.json`` and give back the parsed manifest.

    Raises:
        ConfigurationError: the project does not parse, or another process has been parsing it for too long.
    """
    paths.target.mkdir(parents=True, exist_ok=True)
    try:
        with file_lock(paths.locks / "dbt_parse.lock", "dbt parse", PARSE_WAIT_SECONDS):
            fingerprint = project_fingerprint(paths.project)
            # Of a test whose SQL alone has changed, dbt's partial parsing forgets what its yml says, and so of which model it is a check.
            changed = paths.manifest.is_file() and not is_current(paths)
            arguments = ["parse", "--no-partial-parse"] if changed else ["parse"]
            # Parsing opens no warehouse, and a manifest that names none is that of every installation.
            outcome = invoke(replace(paths, warehouse=Path(paths.warehouse.name)), arguments)
            if not outcome.success:
                reason = " ".join(str(outcome.exception).split())
                raise ConfigurationError(f"the dbt project {paths.project} does not parse: {reason}; see {paths.logs / 'dbt.log'}")
            paths.fingerprint.write_text(fingerprint)
    except LockTimeoutError as error:
        raise ConfigurationError(
            f"the dbt project {paths.project} is being parsed by {error.holder}; wait for it or stop it, then run again"
        ) from error
    return outcome.result  # type: ignore[return-value]


def parsed_project(settings: Settings) -> Manifest:
    """The project as it stands, parsed once per process for however many warehouses it is built in; raises as ``parse``."""
    return _parsed(project_fingerprint(DbtPaths.of(settings).project))


@functools.cache
def _parsed(fingerprint: str) -> Manifest:
    with TemporaryDirectory(prefix="tieout-parse-") as folder:
        return parse(DbtPaths.of(Settings(home=Path(folder))))


def invoke(
    paths: DbtPaths,
    arguments: list[str],
    manifest: Manifest | None = None,
    callbacks: list[EventCallback] | None = None,
    only: Collection[str] | None = None,
) -> dbtRunnerResult:
    """Run one dbt command in this process. Never raises: the outcome carries the exception.

    With ``manifest`` nothing is parsed, and what former commands compiled into it is forgotten. ``only``: the unique ids of exactly those nodes of
    it that are asked for. A signal that asks the process to end is raised when dbt has ended.
    """
    from dbt.cli.main import dbtRunner

    for node in manifest.nodes.values() if manifest else ():
        _forget_compilation(node)

    # Global flags stand before the command; nothing is printed, all goes to the log file and to the callbacks.
    quiet = ["--log-level", "none", "--log-level-file", "info", "--no-print", "--no-use-colors", "--no-version-check", "--log-path", str(paths.logs)]
    places = ["--project-dir", str(paths.project), "--profiles-dir", str(paths.project), "--target-path", str(paths.target)]
    with ended_before_interrupted(), _surroundings(paths), _asked_for(manifest, only) as selection:
        try:
            return dbtRunner(manifest=manifest, callbacks=callbacks).invoke([*quiet, *arguments, *selection, *places])
        finally:
            _release_warehouse()


@contextmanager
def _asked_for(manifest: Manifest | None, only: Collection[str] | None) -> Iterator[list[str]]:
    """What selects those nodes, by a tag that they have meanwhile.

    By their names dbt would look through all nodes for each of them, three times, and take those in a folder of the same name too.
    """
    if manifest is None or only is None:
        yield []
        return
    nodes = [manifest.nodes[unique_id] for unique_id in only]
    before = [node.tags for node in nodes]
    for node in nodes:
        node.tags = [*node.tags, ASKED_FOR]
    try:
        yield ["--select", f"tag:{ASKED_FOR}", "--indirect-selection", "empty"]
    finally:
        for node, tags in zip(nodes, before, strict=True):
            node.tags = tags


def _forget_compilation(node: Any) -> None:
    """dbt writes the compiled SQL into the node and never compiles it again; queries may be read into it, so each command must."""
    if getattr(node, "compiled", False) and node.resource_type != "seed":
        node.compiled, node.compiled_code, node.extra_ctes_injected = False, None, False
        node.extra_ctes = []


def _release_warehouse() -> None:
    # One open file for all nodes of a command is much faster than one per node, but dbt would keep it until the process ends.
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    if DuckDBConnectionManager._ENV is not None:
        DuckDBConnectionManager._ENV.close()
        DuckDBConnectionManager.close_all_connections()


@contextmanager
def _surroundings(paths: DbtPaths) -> Iterator[None]:
    """The environment that the profile reads; dbt also changes the working directory, which nobody else expects."""
    working_directory = Path.cwd()
    read = {WAREHOUSE_VARIABLE: str(paths.warehouse), MEMORY_VARIABLE: paths.memory_limit}
    before = {name: os.environ.get(name) for name in read}
    os.environ.update(read)
    paths.warehouse.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield
    finally:
        os.chdir(working_directory)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def is_current(paths: DbtPaths) -> bool:
    """Whether the manifest is that of the project as it stands."""
    return paths.manifest.is_file() and paths.fingerprint.is_file() and paths.fingerprint.read_text() == project_fingerprint(paths.project)
