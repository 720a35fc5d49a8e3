"""The register's audit and its anchors, for one installation."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from dagster_project.close.installation import Installation

if TYPE_CHECKING:
    from reverse_etl.register.anchors import Anchor
    from reverse_etl.register.audit import AuditReport

ANCHORS = "anchors.jsonl"


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

    anchors = AnchorFile(kept_elsewhere or installation.settings.audit_folder / ANCHORS).read()
    if kept_elsewhere is not None and not anchors:
        raise RegisterError(f"{kept_elsewhere} holds no anchor; give a copy of {installation.settings.audit_folder / ANCHORS}")
    with closing(installation.open_register()) as register:
        return register.audit(anchors, "the anchor" if kept_elsewhere is None else f"the anchor in {kept_elsewhere}"), register.weaknesses()
