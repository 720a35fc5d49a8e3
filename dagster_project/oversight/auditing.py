"""The register's audit and its anchors, for one installation."""

from __future__ import annotations

import json
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from dagster_project.close.installation import Installation
from reverse_etl.whole_files import write_whole

if TYPE_CHECKING:
    from reverse_etl.register.anchors import Anchor
    from reverse_etl.register.audit import AuditReport

ANCHORS = "anchors.jsonl"
LAST_AUDIT = "last_audit.json"


@dataclass(frozen=True, slots=True)
class KeptAudit:
    """What the last audit of this installation found, for whoever cannot wait for another one: it reads the whole register."""

    findings: tuple[str, ...]
    at: datetime


def write_anchor(installation: Installation) -> Anchor:
    """Append where the register stands now to the installation's anchors. The last one again, where nothing was recorded since.

    Raises:
        RegisterError: the anchors were changed.
    """
    from reverse_etl.register.anchors import AnchorFile

    with closing(installation.open_register()) as register:
        return AnchorFile(installation.settings.audit_folder / ANCHORS).append(register.measured())


def audit_register(installation: Installation, kept_elsewhere: Path | None = None) -> tuple[AuditReport, tuple[str, ...]]:
    """The audit against the installation's own anchors, or against a copy that was kept elsewhere, and the weaknesses of the store.

    Raises:
        RegisterError: the anchors were changed, or the copy is not there or holds none.
    """
    from reverse_etl.errors import RegisterError
    from reverse_etl.register.anchors import AnchorFile

    try:
        anchors = AnchorFile(kept_elsewhere or installation.settings.audit_folder / ANCHORS).read()
    except RegisterError as error:
        if kept_elsewhere is None:
            _keep(installation.settings.audit_folder / LAST_AUDIT, (str(error),))
        raise
    if kept_elsewhere is not None and not anchors:
        raise RegisterError(f"{kept_elsewhere} holds no anchor; give a copy of {installation.settings.audit_folder / ANCHORS}")
    with closing(installation.open_register()) as register:
        report, weaknesses = (
            register.audit(anchors, "the anchor" if kept_elsewhere is None else f"the anchor in {kept_elsewhere}"),
            register.weaknesses(),
        )
    if kept_elsewhere is None:
        _keep(installation.settings.audit_folder / LAST_AUDIT, tuple(map(str, report.findings)))
    return report, weaknesses


def kept_audit(installation: Installation) -> KeptAudit | None:
    """The last audit against the installation's own anchors; None where there was none."""
    try:
        record = json.loads((installation.settings.audit_folder / LAST_AUDIT).read_text())
        return KeptAudit(tuple(map(str, record["findings"])), datetime.fromisoformat(record["at"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _keep(path: Path, findings: tuple[str, ...]) -> None:
    # Who may read the register and not write beside it audits all the same.
    with suppress(OSError):
        write_whole(path, json.dumps({"at": datetime.now(UTC).isoformat(), "findings": list(findings)}))
