"""The register: whether it answers, is of this version, and holds what it says of itself. Nothing is created and nothing migrated."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from dagster_project.doctor.finding import Examined, Finding, ok, problem, warning
from reverse_etl.errors import RegisterError
from reverse_etl.settings import Settings

SQLITE = "sqlite:///"
BOUND = 50_000
"""Positions that are recomputed at once; more only where it is asked for."""


@dataclass(frozen=True, slots=True)
class Head:
    schema_version: int
    incarnation: str
    position: int


def reachable_url(settings: Settings) -> str | None:
    """The register's URL for reading alone; None where it is a file that does not exist."""
    url = settings.register_url
    if not url.startswith(SQLITE):
        return url
    path = Path(url.removeprefix(SQLITE))
    return f"{SQLITE}file:{path}?mode=ro&uri=true" if path.is_file() else None


def head_of(settings: Settings) -> Head | None:
    """Where it stands; None where it cannot be read, which ``register`` tells."""
    try:
        return _read_head(settings)
    except RegisterError:
        return None


def _read_head(settings: Settings) -> Head | None:
    """Raises ``RegisterError``: it cannot be read."""
    from sqlalchemy import inspect, select

    from reverse_etl.register import schema
    from reverse_etl.register.store import open_store

    url = reachable_url(settings)
    if url is None:
        return None
    with closing(open_store(url)) as store, store.reading() as connection:
        if not inspect(connection).has_table(schema.register.name):
            return None
        row = connection.execute(select(schema.register.c.schema_version, schema.register.c.incarnation, schema.register.c.position)).first()
        return None if row is None else Head(int(row[0]), str(row[1]), int(row[2]))


def register(examined: Examined) -> Iterator[Finding]:
    from reverse_etl.register.store.migrations import NEWEST

    settings, where = examined.settings, _where(examined.settings)
    try:
        head = _read_head(settings)
    except RegisterError as error:
        is_damaged = "not a database" in str(error)
        remedy = "tieout restore FOLDER, with the last backup" if is_damaged else "make it reachable"
        yield problem("register", str(error), where, f"{remedy}; nothing is sealed, sent or closed without it")
        return
    if head is None:
        yield problem("register", "it does not exist yet", where, f"tieout --home {settings.home} init")
        return
    if head.schema_version > NEWEST:
        told = f"it was written by a newer version (schema {head.schema_version}, this one knows {NEWEST})"
        yield problem("register", told, where, "install the version that wrote it, or a newer one")
        return
    if head.schema_version < NEWEST:
        told = f"its schema is {head.schema_version}; the next command brings it to {NEWEST}"
        yield warning("register", told, where, "back it up first (docs/register.md), then run any command")
        return
    yield ok("register", f"it answers: position {head.position}, schema {head.schema_version}", where)
    yield from _audited(examined, head, where)


def _audited(examined: Examined, head: Head, where: str) -> Iterator[Finding]:
    from dagster_project.oversight.auditing import ANCHORS
    from reverse_etl.register import Register
    from reverse_etl.register.anchors import AnchorFile

    url, path = reachable_url(examined.settings), examined.settings.audit_folder / ANCHORS
    assert url is not None
    try:
        anchors = AnchorFile(path).read()
    except RegisterError as error:
        anchors = []
        yield problem("anchors", str(error), path, "put the copy back that is kept elsewhere, then tieout audit verify")
    else:
        if anchors:
            yield ok("anchors", f"{len(anchors)}, the last one of {anchors[-1].at}", path)
        elif head.position > 1:
            yield warning("anchors", "none yet: a register that was put back or changed could not be told", path, "tieout audit anchor")
    with closing(Register.open(url)) as register:
        for weakness in register.weaknesses():
            yield warning("register", weakness, where, weakness.rpartition("; ")[2])
        if head.position > BOUND and not examined.thorough:
            yield ok("audit chain", f"{head.position} positions were not recomputed; tieout audit verify does, or --thorough", where)
            return
        report = register.audit(anchors)
    if report.intact:
        yield ok("audit chain", f"{report.positions} positions and {report.anchors} anchors hold", where)
    else:
        more = f", and {len(report.findings) - 1} more" if len(report.findings) > 1 else ""
        yield problem("audit chain", f"{report.findings[0]}{more}", where, "tieout audit verify, and docs/register.md: do not send anything before")


def _where(settings: Settings) -> str:
    """Without any secret."""
    url = settings.register_url
    return url.removeprefix(SQLITE) if url.startswith(SQLITE) else url.rpartition("@")[2]
