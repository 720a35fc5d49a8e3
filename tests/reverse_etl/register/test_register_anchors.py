"""An anchor kept elsewhere tells a changed or older register from the one that was anchored."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from register_rows import ENTITY, invoice, journal
from register_stores import Backup, change, run

from reverse_etl.errors import RegisterError
from reverse_etl.register import Register
from reverse_etl.register.anchors import AnchorFile, Total


@pytest.fixture
def anchors(tmp_path: Path) -> AnchorFile:
    return AnchorFile(tmp_path / "audit" / "anchors.jsonl")


@pytest.fixture
def anchored(register: Register, anchors: AnchorFile) -> Register:
    """Two days: an invoice, then a journal entry."""
    register.seal([invoice(register)], "ada", "run")
    anchors.append(register.measured())
    register.seal([journal(register)], "ada", "run")
    anchors.append(register.measured())
    return register


def test_an_anchor_says_where_the_register_stood_and_what_it_held(anchored: Register, anchors: AnchorFile) -> None:
    first, second = anchors.read()

    assert second.totals == (Total(ENTITY, "USD", 2, 2400),)
    assert (first.totals, second.previous) == ((Total(ENTITY, "USD", 1, 1200),), first.hash)
    assert (second.position, second.head_hash) == (anchored.position, anchored.verify_chain().head_hash)
    assert anchors.append(anchored.measured()) == second, "nothing was recorded since"
    assert len(anchors.path.read_text().splitlines()) == 2


def test_a_register_that_holds_is_intact_against_its_anchors(anchored: Register, anchors: AnchorFile) -> None:
    anchored.close_period(ENTITY, "2026-01", 7, "ada")

    report = anchored.audit(anchors.read())

    assert (report.findings, report.notes, report.anchors, report.positions) == ((), (), 2, anchored.position)


def test_a_history_that_was_written_anew_has_a_chain_of_its_own_and_fails_at_the_anchor(
    anchored: Register, anchors: AnchorFile, register_url: str, tmp_path: Path
) -> None:
    """Whoever can write the database can recompute every hash; what was kept elsewhere cannot be recomputed."""
    other = Register.open(f"sqlite:///{tmp_path}/other.sqlite")
    other.seal([invoice(other, amount=5000)], "mallory", "run")
    other.seal([journal(other)], "mallory", "run")
    same = [f"update {table} set incarnation = '{anchored.incarnation}'" for table in ("register", "incarnations")]
    run(f"sqlite:///{tmp_path}/other.sqlite", *same)
    Backup.of(f"sqlite:///{tmp_path}/other.sqlite").put_back(register_url)

    findings = anchored.audit(anchors.read()).findings

    assert "anchors" in {finding.part for finding in findings}
    assert any("knows another hash of position" in finding.reason for finding in findings)


@pytest.mark.parametrize(
    ("statement", "part", "position"),
    [
        ("update documents set total_minor = 1 where document_type = 'invoice'", "chain", 2),
        ("update deliveries set state = 'verified' where document_position = 2", "chain", 3),
        ("update deliveries set remote_id = 'x' where document_position = 2", "deliveries", 3),
        ("delete from deliveries where document_position = 4", "deliveries", 4),
        ("update number_series set last_number = 7", "numbers", None),
    ],
)
def test_the_first_position_that_does_not_hold_is_named(
    anchored: Register, register_url: str, statement: str, part: str, position: int | None
) -> None:
    change(register_url, statement)

    first = anchored.audit().findings[0]

    assert (first.part, first.position) == (part, position)
    assert first.reason


def test_the_seal_of_a_closed_period_is_audited(anchored: Register, register_url: str) -> None:
    anchored.close_period(ENTITY, "2026-01", 7, "ada")
    change(register_url, "update documents set content_hash = 'other' where document_type = 'invoice'")

    assert "seals" in {finding.part for finding in anchored.audit().findings}


def test_an_older_register_is_told_from_its_anchors_until_it_says_so_itself(anchored: Register, anchors: AnchorFile, register_url: str) -> None:
    backup = Backup.of(register_url)
    anchored.seal([invoice(anchored, "C2")], "ada", "run")
    anchors.append(anchored.measured())
    anchored.close()
    backup.put_back(register_url)
    restored = Register.open(register_url)

    [finding] = restored.audit(anchors.read()).findings
    assert "it is older" in finding.reason

    restored.renew_incarnation("ada", "put back from the backup of the night")
    report = restored.audit(anchors.read())
    assert report.findings == ()
    assert ["were lost when the register was put back (put back from the backup of the night)" in note for note in report.notes] == [True]


@pytest.mark.parametrize("changed", [{"position": 1}, {"head_hash": "f" * 64}, {"at": "2026-01-01T00:00:00.000000Z"}])
def test_a_changed_anchor_is_no_anchor(anchored: Register, anchors: AnchorFile, changed: dict[str, object]) -> None:
    first, second = anchors.read()
    anchors.path.write_text(f"{replace(first, **changed).line()}\n{second.line()}\n")

    with pytest.raises(RegisterError, match=r"anchors\.jsonl:1 was changed, or a line before it was removed"):
        anchors.read()
    with pytest.raises(RegisterError):
        anchors.append(anchored.measured())


def test_an_anchor_that_was_removed_is_missed(anchored: Register, anchors: AnchorFile) -> None:
    anchors.path.write_text(anchors.read()[1].line() + "\n")

    with pytest.raises(RegisterError, match="removed"):
        anchors.read()


def test_a_line_that_a_crash_left_half_written_counts_as_never_written(anchored: Register, anchors: AnchorFile) -> None:
    whole = anchors.path.read_text()
    anchors.path.write_text(whole[: whole.rindex("{") + 60])
    assert len(anchors.read()) == 1

    anchors.append(anchored.measured())

    assert [json.loads(line)["position"] for line in anchors.path.read_text().splitlines()] == [anchor.position for anchor in anchors.read()]
    assert len(anchors.read()) == 2
