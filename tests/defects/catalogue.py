"""Every seeded defect: one file each, in the folder of the place where it is planted."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from defect import Defect, MirrorDefect, RegisterDefect, Seeded

FOLDER = Path(__file__).parent / "seeded"


def seeded_defects() -> list[Seeded]:
    found = [_load(path) for path in sorted(FOLDER.glob("*/*.py"))]
    names = [one.name for one in found]
    assert len(set(names)) == len(names), "the name of a defect is its legal entity, so no two may share one"
    return found


def table_row(seeded: Seeded) -> str:
    """The row of the defect in the table of docs/controls.md."""
    beside = ", ".join(str(finding) for finding in seeded.defect.implies)
    return f"| {seeded.name} | {seeded.place} | {seeded.defect.rule} | {seeded.defect.caught_by} | {beside} |"


def _load(path: Path) -> Seeded:
    specification = importlib.util.spec_from_file_location(f"seeded.{path.parent.name}.{path.stem}", path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    assert isinstance(module.DEFECT, Defect | RegisterDefect | MirrorDefect), f"{path} declares no DEFECT"
    return Seeded(path.stem, path.parent.name, path, module.DEFECT)
