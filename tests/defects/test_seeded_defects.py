"""Every seeded defect is caught by the control that owns it, and by nothing else; a clean close raises nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from catalogue import seeded_defects, table_row
from closing import CLEAN, Close
from copies import mirror_findings, register_findings
from defect import Defect, Finding, MirrorDefect, RegisterDefect, Seeded
from judgement import CAUGHT, FALSE_ALARMS, NOBODY

SEEDED = seeded_defects()
DOCUMENTATION = Path(__file__).parents[2] / "docs" / "controls.md"
Record = Callable[[str, object], None]


def of(kind: type[Defect] | type[RegisterDefect] | type[MirrorDefect]) -> list[object]:
    return [pytest.param(one, id=one.name) for one in SEEDED if isinstance(one.defect, kind)]


@pytest.mark.parametrize("seeded", of(Defect))
def test_a_defect_in_the_data_is_caught_by_its_control(seeded: Seeded, found: Mapping[str, set[Finding]], record_property: Record) -> None:
    told = found.get(seeded.name, set())
    record_property(CAUGHT, int(told == seeded.defect.expected))
    assert told == seeded.defect.expected


@pytest.mark.parametrize("seeded", of(RegisterDefect))
def test_a_defect_in_the_register_is_caught_by_its_control(seeded: Seeded, close: Close, tmp_path: Path, record_property: Record) -> None:
    assert isinstance(seeded.defect, RegisterDefect)
    told = register_findings(close, seeded.defect, tmp_path)
    record_property(CAUGHT, int(told == seeded.defect.expected))
    assert told == seeded.defect.expected


@pytest.mark.parametrize("seeded", of(MirrorDefect))
def test_a_defect_in_the_mirror_is_caught_by_its_control(seeded: Seeded, close: Close, tmp_path: Path, record_property: Record) -> None:
    assert isinstance(seeded.defect, MirrorDefect)
    told = mirror_findings(close, seeded.defect, tmp_path)
    record_property(CAUGHT, int(told == seeded.defect.expected))
    assert told == seeded.defect.expected


@pytest.mark.parametrize("entity", [*CLEAN, NOBODY])
def test_a_clean_close_raises_nothing(entity: str, close: Close, found: Mapping[str, set[Finding]], record_property: Record) -> None:
    alarms = found.get(entity, set())
    record_property(FALSE_ALARMS, len(alarms))
    assert alarms == set()
    if entity != NOBODY:
        kinds = {row.document_type for row in close.rows.values() if row.entity == entity}
        assert kinds == {"customer", "invoice", "credit_memo", "journal_entry"}


def test_a_copy_without_a_defect_raises_nothing(close: Close, tmp_path: Path, record_property: Record) -> None:
    none = ("none", Finding("none"))
    alarms = register_findings(close, RegisterDefect(*none), tmp_path) | mirror_findings(close, MirrorDefect(*none), tmp_path)
    record_property(FALSE_ALARMS, len(alarms))
    assert alarms == set()


def test_the_documentation_has_a_row_for_every_defect() -> None:
    table = DOCUMENTATION.read_text().split("| defect | planted in | rule | caught by | found beside it |\n")[1]
    documented = [line for line in table.splitlines() if re.match(r"\| [a-z_]+ \|", line)]
    assert documented == [table_row(one) for one in SEEDED]
