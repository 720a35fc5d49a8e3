"""The home folder: what is in it, who may read it, and whether settings, master data and inbox fit together."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dagster_project.doctor.finding import Examined, Finding, ok, problem, warning
from reverse_etl.errors import ConfigurationError, DestinationError, did_you_mean

FOLDERS = ("inbox", "mappings", "dagster", "locks", "secrets")
SHOWN = 5
_ENTITIES = "select entity, ledger from staging.stg_crm__legal_entities where violation is null order by entity"
_HAS_ENTITIES = "select 1 from information_schema.tables where table_schema = 'staging' and table_name = 'stg_crm__legal_entities'"


def home(examined: Examined) -> Iterator[Finding]:
    folder = examined.home
    if not folder.is_dir():
        yield problem("home", "there is no such folder", folder, f"tieout --home {folder} init")
        return
    if os.statvfs(folder).f_flag & os.ST_RDONLY:
        yield problem("home", "its file system can only be read", folder, "mount it for writing, or move the installation and name it with --home")
        return
    if not os.access(folder, os.W_OK | os.X_OK):
        yield problem("home", "this user cannot write there", folder, f"give {_user()} the folder: chown -R {_user()} {folder}")
        return
    missing = [name for name in FOLDERS if not (folder / name).is_dir()]
    if missing or not examined.settings.warehouse_path.is_file():
        lacking = [*missing, *([] if examined.settings.warehouse_path.is_file() else ["the warehouse"])]
        yield problem("home", f"it is no whole installation: {', '.join(lacking)} missing", folder, f"tieout --home {folder} init")
    else:
        yield ok("home", "it is an installation", folder)


def secrets(examined: Examined) -> Iterator[Finding]:
    """Nobody but the owner reads secrets."""
    folder = examined.home / "secrets"
    if not folder.is_dir():
        return
    named = {examined.home / source.file for name in examined.settings.destinations if (source := examined.settings.secret_source(name)).file}
    open_to_others = [path for path in sorted({folder, *folder.rglob("*"), *named}) if path.exists() and _mode(path) & 0o077]
    for path in open_to_others[:SHOWN]:
        wanted = "700" if path.is_dir() else "600"
        yield problem("secrets", f"others may use it (mode {_mode(path):o})", path, f"chmod {wanted} {path}")
    if len(open_to_others) > SHOWN:
        yield problem("secrets", f"{len(open_to_others) - SHOWN} more are open to others", folder, f"chmod -R go-rwx {folder}")
    if not open_to_others:
        yield ok("secrets", "only their owner reads them", folder)


def master_data(examined: Examined) -> Iterator[Finding]:
    """The settings and the delivered legal entities, as they were last published."""
    from reverse_etl.warehouse import open_warehouse

    settings = examined.settings
    if not settings.published_path.is_file():
        return
    warehouse, where = open_warehouse(settings), examined.home / "tieout.yaml"
    try:
        there = warehouse.read_published(_HAS_ENTITIES).num_rows
        rows: list[dict[str, Any]] = warehouse.read_published(_ENTITIES).to_pylist() if there else []
    except DestinationError:
        # What is wrong with the copy is told where it is looked at.
        return
    delivered = {row["entity"]: row["ledger"] for row in rows}
    if not delivered:
        return
    wrong = False
    for name in settings.entities:
        if name not in delivered:
            wrong = True
            meant = did_you_mean(name, delivered)
            yield problem(
                "master data", f"no legal entity {name!r} is delivered{meant}", where, "correct 'entities', or deliver it in legal_entities and land"
            )
        elif delivered[name] not in settings.ledgers:
            wrong = True
            ledger = delivered[name]
            fix = f"add {ledger} under 'destinations', or correct the column 'ledger' of the delivered legal entities"
            yield problem(
                "master data", f"{name} keeps its ledger in {ledger!r}, which is no destination{did_you_mean(ledger, settings.ledgers)}", where, fix
            )
    for name in sorted(set(delivered) - set(settings.entities)):
        wrong = True
        yield warning("master data", f"the legal entity {name} is delivered and never closed", where, f"add {name} to 'entities'")
    if not wrong:
        yield ok("master data", f"{len(settings.entities)} legal entities are delivered, each with its ledger", where)


def inbox(examined: Examined) -> Iterator[Finding]:
    """What lies where no delivery can lie, comes from a source nobody knows, or is still being written."""
    from reverse_etl.landing.inbox import look_into
    from reverse_etl.landing.mapping import load_mapping

    folder = examined.settings.inbox
    if not folder.is_dir():
        return
    found = look_into(folder, None)
    wrong = False
    for misplaced in found.problems[:SHOWN]:
        wrong = True
        yield warning("inbox", misplaced.reason, folder / misplaced.file_name, misplaced.remedy)
    for source in sorted({delivery.source for delivery in found.deliveries}):
        try:
            known = load_mapping(source, examined.settings.mappings)
        except ConfigurationError as error:
            wrong = True
            yield problem("inbox", f"the mapping of the source {source!r} is not valid: {error}", examined.settings.mappings, "correct it")
            continue
        if known is None:
            wrong = True
            sources = {path.stem for path in examined.settings.mappings.glob("*.yaml")} | _built_in_sources()
            fix = f"rename the folder, or write {examined.settings.mappings / source}.yaml"
            yield warning("inbox", f"nobody knows the source {source!r}{did_you_mean(source, sources)}", folder / source, fix)
    unfinished = sorted(path for path in folder.glob("*/*/.*") if path.is_file())
    for path in unfinished[:SHOWN]:
        wrong = True
        yield warning("inbox", "it is still being written, or its writer died", path, "rename it without the dot once it is whole, or remove it")
    if not wrong:
        yield ok("inbox", f"{len(found.deliveries)} files of known sources", folder)


def _built_in_sources() -> set[str]:
    from reverse_etl.landing.mapping import BUILT_IN

    return {path.stem for path in BUILT_IN.glob("*.yaml")}


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _user() -> str:
    from dagster_project.close.installation import operating_system_user

    return operating_system_user()
