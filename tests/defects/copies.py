"""Copies of what was closed, in which a defect is planted: the register's own refusals and its chain, and the next run's tests of its mirror."""

from __future__ import annotations

import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from closing import ACTOR, Close
from defect import Finding, MirrorDefect, RegisterDefect

from dagster_project.close import Installation
from reverse_etl.register import Register

MIRRORS = ("stg_register_opening__mirror", "stg_register_issued__mirror")
AUDIT_CHAIN, CLOSED_PERIODS = "audit chain", "J12"
KINDS = {
    "does not hash": "changed",
    "the relations hold nothing": "fact removed",
    "missing from the log": "entry removed",
    "cut off": "cut off",
    "does not know": "stray",
    "its last transition": "state",
}


def register_findings(close: Close, defect: RegisterDefect, folder: Path) -> set[Finding]:
    copy = folder / "register.sqlite"
    source = close.installation.settings.register_url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(source)) as original, closing(sqlite3.connect(copy)) as target:
        original.backup(target)
    if defect.tamper is not None:
        with closing(sqlite3.connect(copy)) as connection:
            assert connection.execute(defect.tamper).rowcount == 1, "it plants nothing"
            connection.commit()
    with closing(Register.open(f"sqlite:///{copy}")) as register:
        rows = defect.propose(close) if defect.propose is not None else ()
        refused = register.seal(rows, ACTOR, "defect").refused if rows else ()
        chain = register.verify_chain()
        seals = {Finding(CLOSED_PERIODS, change_of(found.what)) for found in register.verify_seals()}
    broken = set() if chain.intact else {Finding(AUDIT_CHAIN, kind_of(chain.reason or ""))}
    return {Finding("sealing", refusal.code) for refusal in refused} | broken | seals


def mirror_findings(close: Close, defect: MirrorDefect, folder: Path) -> set[Finding]:
    settings = close.installation.settings.model_copy(update={"home": folder})
    settings.warehouse_path.parent.mkdir(parents=True)
    shutil.copyfile(close.installation.settings.warehouse_path, settings.warehouse_path)
    if defect.tamper is not None:
        Installation(settings).warehouse.execute([defect.tamper])
    statuses = close.dbt(settings, "build", "--exclude", "test_type:generic", "--select", *MIRRORS).statuses
    assert "error" not in statuses.values()
    return {Finding(name) for name, status in statuses.items() if status == "fail"}


def kind_of(reason: str) -> str:
    """What is wrong with the chain, without the positions and values that it is told with."""
    return next((kind for words, kind in KINDS.items() if words in reason), reason)


def change_of(what: str) -> str:
    """How a document that a break of a seal names has changed, or the measure that is another."""
    named = re.search(r"\((.*)\)$", what)
    return named[1] if named else what.split(maxsplit=1)[0]
