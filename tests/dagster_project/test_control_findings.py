"""The break list of a control: counted whole, shown in part, exact; and told even where there is nothing to look at yet."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pytest

from dagster_project.cli.installing.installation import initialize
from dagster_project.close import CloseKey, Installation
from dagster_project.close.steps import Checkpoint
from dagster_project.controls.catalogue import CLOSE_CONTROLS, DELIVERY_CONTROLS, REGISTER_CONTROLS
from dagster_project.controls.findings import SHOWN_ROWS, BreakList, checkpoint_breaks, close_findings, delivery_findings, register_findings
from dagster_project.defs.assets.closing import CLOSED_PERIOD
from dagster_project.defs.checks.checkpoints import checkpoint_checks, verdicts
from dagster_project.defs.checks.controls import check_results
from dagster_project.oversight.auditing import write_anchor
from reverse_etl.register import NewApprovalRequest, NewException
from reverse_etl.register.records.approvals import ADJUSTMENT
from reverse_etl.register.register import SEAL_REFUSED
from reverse_etl.settings import Settings

PERIOD = "2026-01"
BREAKS = """
    create table reconciliation.checkpoint_breaks (
        checkpoint varchar, entity varchar, period varchar, measure varchar, unit varchar, subject varchar, left_value decimal(38, 13),
        right_value decimal(38, 13), excused_value decimal(38, 13), difference decimal(38, 13), explanation varchar
    )
"""


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    settings = Settings(home=tmp_path, entities=("acme", "beta"))
    initialize(settings)
    return Installation(settings)


def test_every_row_of_a_checkpoint_is_counted_and_the_largest_are_shown_exactly(installation: Installation) -> None:
    installation.warehouse.execute(["create schema if not exists reconciliation", BREAKS])
    rows = [("K3", entity, PERIOD, "amount", "USD", f"line {number}", number) for entity in ("acme", "beta") for number in range(1, 151)]
    rows += [("K3", "acme", "2026-02", "amount", "USD", "another month", 1), ("K4", "acme", PERIOD, "total", "USD", "another checkpoint", 1)]
    columns = ("checkpoint", "entity", "period", "measure", "unit", "subject", "difference")
    table = pa.table({name: [row[place] for row in rows] for place, name in enumerate(columns)})
    installation.warehouse.append("reconciliation.checkpoint_breaks", table)
    installation.warehouse.execute(["update reconciliation.checkpoint_breaks set left_value = 12345678901234567.0000000000001"])

    found = checkpoint_breaks(installation.warehouse, "K3", ["acme"], PERIOD)

    assert (found.total, len(found.rows)) == (150, SHOWN_ROWS)
    assert (found.rows[0]["subject"], found.rows[0]["difference"]) == ("line 150", "150.0000000000000")
    assert found.rows[0]["left_value"] == "12345678901234567.0000000000001"
    assert checkpoint_breaks(installation.warehouse, "K7", ["acme"], PERIOD) == BreakList(0, ())


def test_a_broken_checkpoint_shows_its_break_list_as_a_table_and_says_how_much_of_it() -> None:
    values = dict.fromkeys(("title", "left_side", "right_side", "left_value", "right_value", "excused_value", "difference"), "0")
    broken = Checkpoint(checkpoint="K3", entity="acme", period=PERIOD, measure="amount", unit="USD", break_count=150, status="broken", **values)
    spec = next(spec for spec in checkpoint_checks(CLOSED_PERIOD) if spec.name == "K3")
    row = {
        "entity": "acme",
        "period": PERIOD,
        "measure": "amount",
        "unit": "USD",
        "subject": "line 150",
        "left_value": None,
        "difference": "150.00000",
    }
    [result] = verdicts([spec], [broken], {"USD": 2}, lambda _: BreakList(150, (row,)))
    shown = result.metadata["break_list"]
    assert isinstance(shown, dg.TableMetadataValue)
    # What differs comes first, and nothing is said twice.
    assert list(shown.records[0].data.items()) == [
        ("subject", "line 150"),
        ("difference", "USD 1.50"),
        ("measure", "amount"),
        ("left_value", None),
        ("entity", "acme"),
    ]
    assert result.description == "acme 2026-01: amount by USD 0.00"
    assert (result.passed, result.metadata["breaks"].value) == (False, 150)
    assert "the first 1 of 150" in str(result.metadata["shown"].value)


def test_a_fresh_installation_has_nothing_that_does_not_hold_and_says_what_it_could_not_look_at(installation: Installation) -> None:
    keys = [CloseKey("acme", PERIOD), CloseKey("beta", PERIOD)]
    found = [*close_findings(installation, keys), *delivery_findings(installation, "stripe"), *register_findings(installation)]
    assert [one.control for one in found] == [*CLOSE_CONTROLS, *DELIVERY_CONTROLS, *REGISTER_CONTROLS]
    assert [one.total for one in found] == [0] * len(found)
    assert {one.control.name for one in found if one.problem is not None} == {"held_lines", "run_gates", "quarantine"}
    for one in found:
        assert one.problem is None or "lacks a relation" in one.problem


def test_refusals_and_decisions_that_wait_too_long_are_told_of_the_legal_entity_that_they_are_of(installation: Installation) -> None:
    with closing(installation.open_register()) as register:
        register.record_exception(NewException(SEAL_REFUSED, "stripe/acme/invoice/1", "stale head", "build again", entity="acme", period=PERIOD))
        asked = NewApprovalRequest(ADJUSTMENT, "acme", "C1", "agreed", line_key=f"platform/{PERIOD}", currency="USD", amount_minor=100, basis="net")
        request = register.ask(asked, "ada")
    now = datetime.now(UTC)
    found = {one.control.name: one for one in close_findings(installation, [CloseKey("acme", PERIOD)], now + timedelta(hours=49))}
    assert [row["subject"] for row in found["sealing"].rows] == ["stripe/acme/invoice/1"]
    assert [(row["request"], row["waiting_hours"]) for row in found["approvals"].rows] == [(request.request_id, "49.0")]
    assert next(one for one in close_findings(installation, [CloseKey("acme", PERIOD)], now) if one.control.name == "approvals").holds
    others = {one.control.name: one.total for one in close_findings(installation, [CloseKey("beta", PERIOD)], now + timedelta(hours=49))}
    assert (others["sealing"], others["approvals"]) == (0, 0)
    results = {result.check_name: result for result in check_results(found.values(), dg.AssetKey(["close", "period"]))}
    assert (results["sealing"].passed, results["sealing"].severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert (results["approvals"].passed, results["approvals"].severity) == (False, dg.AssetCheckSeverity.WARN)


def test_an_anchor_of_another_register_fails_the_check_of_the_anchors_alone(installation: Installation) -> None:
    write_anchor(installation)
    other = Installation(Settings(home=installation.settings.home.parent / "other", entities=("acme",)))
    initialize(other.settings)
    write_anchor(other)
    found = {one.control.name: one for one in register_findings(installation, other.settings.audit_folder / "anchors.jsonl")}
    assert found["audit_chain"].holds
    assert not found["anchors"].holds
    assert "incarnation" in str(found["anchors"].rows[0]["reason"])


def test_a_check_says_who_answers_for_it_and_of_what_it_was_made_last(installation: Installation) -> None:
    assert [spec.description for spec in checkpoint_checks(CLOSED_PERIOD) if spec.name == "K8"] == [
        "Every entry on our accounts in the ERP is ours or listed. Breaks are cleared by accounting within 48 hours."
    ]
    results = list(check_results(close_findings(installation, [CloseKey("acme", PERIOD)]), CLOSED_PERIOD, "acme 2026-01"))
    assert {str(result.description).partition(":")[0] for result in results} == {"acme 2026-01"}
