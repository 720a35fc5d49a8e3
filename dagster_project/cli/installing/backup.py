"""``tieout backup`` and ``tieout restore``: the one thing that nothing can compute again, and what says how it was made."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dagster_project.cli.session import Session, with_session
from dagster_project.quantities import counted
from reverse_etl.errors import RegisterError

if TYPE_CHECKING:
    from reverse_etl.register.records.history import ChainReport

REGISTER = "register.sqlite"
# What people wrote: settings, mappings, descriptions. Neither secrets nor deliveries, which have archives of their own.
WRITTEN = ("tieout.yaml", "mappings", "destinations")
DUMP = "pg_dump --format=custom --file=register.dump '{address}'"
LOAD = "pg_restore --clean --if-exists --dbname='{address}' register.dump"


@click.command("backup")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@with_session
def backup_command(session: Session, folder: Path) -> None:
    """Back up the register, while others work, and the settings, mappings and descriptions, into FOLDER (a new one), and check the copy.

    The warehouse can be built again from the inbox, which is the archive of what was delivered: keep it as such. Secrets, and the anchors that tell
    an old backup, belong elsewhere.
    """
    from reverse_etl.register.store.backups import copy_whole, file_of

    installation = session.installation
    settings = installation.settings
    register = file_of(settings.register_url, DUMP)
    if folder.exists() and any(folder.iterdir()):
        raise RegisterError(f"{folder} is not empty: a backup is never written over another; name a new folder")
    copy_whole(register, folder / REGISTER)
    for name in WRITTEN:
        written = settings.home / name
        if written.is_dir():
            shutil.copytree(written, folder / name)
        elif written.is_file():
            shutil.copy2(written, folder / name)
    report = _chain(folder / REGISTER)
    session.line(
        f"Backed up to {folder}: {counted(report.positions, 'position')} of the register up to hash {report.head_hash[:16]}, and what you wrote"
    )
    session.line(f"Not in it: {settings.inbox} (keep it as the archive of what was delivered), secrets, and audit/ (it is what tells an old backup)")
    session.result({"folder": str(folder), "positions": report.positions, "head_hash": report.head_hash})


@click.command("restore")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@with_session
def restore_command(session: Session, folder: Path) -> None:
    """Make the backup in FOLDER the register; what is replaced is kept beside it. Stop schedules and pushes first.

    Settings, mappings and descriptions are put back only where there are none. The next push notices by itself that the register is older than what
    was sent, and looks up before it sends anything.
    """
    from dagster_project.cli.installing.installation import initialize
    from dagster_project.runs.runner import exclusive
    from reverse_etl.posting.restoration import ANCHORS
    from reverse_etl.register.access.transactions import utc_now
    from reverse_etl.register.anchors import AnchorFile
    from reverse_etl.register.store.backups import file_of, put_in_place

    backup = folder / REGISTER
    if not backup.is_file():
        raise RegisterError(f"{folder} is no backup: it has no {REGISTER}; name a folder that 'tieout backup' wrote")
    home = session.settings.home
    home.mkdir(parents=True, exist_ok=True)
    for name in WRITTEN:
        kept, there = folder / name, home / name
        if kept.is_dir() and not (there.is_dir() and any(there.iterdir())):
            shutil.copytree(kept, there, dirs_exist_ok=True)
        elif kept.is_file() and not there.exists():
            shutil.copy2(kept, there)
    settings = session.settings
    register = file_of(settings.register_url, LOAD)
    report = _chain(backup)
    if register.is_file():
        if not settings.warehouse_path.is_file():
            # Dagster's instance, which the lock against other runs needs.
            initialize(settings)
        with exclusive(settings, "tieout restore"):
            replaced = put_in_place(backup, register, utc_now())
    else:
        replaced = put_in_place(backup, register, utc_now())
        initialize(settings)
    session.line(f"Restored {counted(report.positions, 'position')} from {folder}" + (f"; what was there is {replaced.name}" if replaced else ""))
    anchors = AnchorFile(settings.audit_folder / ANCHORS).read()
    if anchors and anchors[-1].position > report.positions:
        session.line(
            f"The last anchor is at position {anchors[-1].position}: what was sealed and sent since is not in it, and is looked up before it is sent"
        )
    session.line("Next: 'tieout push PERIOD', then 'tieout close PERIOD' for the open period, 'tieout exceptions' and 'tieout audit verify'")
    session.result({"positions": report.positions, "replaced": str(replaced) if replaced else None})


def _chain(path: Path) -> ChainReport:
    """The chain of a copy. Raises ``RegisterError``: it does not hold."""
    from reverse_etl.register import Register

    with closing(Register.open(f"sqlite:///{path}")) as register:
        report = register.verify_chain()
    if not report.intact:
        raise RegisterError(f"{path} does not hold at position {report.first_broken}: {report.reason}; take another backup")
    return report
