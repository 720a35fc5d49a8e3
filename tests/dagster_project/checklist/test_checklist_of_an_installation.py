"""The checklist of a real register and warehouse: on the command line, as an asset, and from a fresh installation to a hard close."""

from __future__ import annotations

import json
import shutil
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pytest

from dagster_project.checklist.gathering import checklists_of, unfinished
from dagster_project.checklist.runs import keys_of
from dagster_project.checklist.step import ChecklistStep
from dagster_project.cli import run
from dagster_project.cli.installing.installation import initialize
from dagster_project.close import CloseKey, Installation
from dagster_project.close.approvals import approve
from dagster_project.close.periods import ask_to_reopen, ask_to_sign_off, hard_close, landed_until
from dagster_project.defs.assets.checklist import CHECKLIST, checklist_asset, checklist_of_failure
from dagster_project.defs.automation.checklist import checklist_sensor
from dagster_project.defs.partitions import close_partitions
from reverse_etl.close_calendar import CloseCalendar, CloseStep
from reverse_etl.errors import ConfigurationError
from reverse_etl.register import NewException
from reverse_etl.settings import Settings

US, EU, PERIOD = "northlight_us", "northlight_eu", "2026-01"
NOW = datetime(2026, 2, 20, tzinfo=UTC)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation in which nothing has happened, made once."""
    settings = Settings(home=tmp_path_factory.mktemp("home"))
    initialize(settings)
    return settings.home


@pytest.fixture
def installation(home: Path, tmp_path: Path) -> Installation:
    shutil.copytree(home, tmp_path / "home")
    return Installation(Settings(home=tmp_path / "home"))


@pytest.fixture
def closed(installation: Installation) -> Installation:
    """January of the American entity is closed on two files that had landed, and published."""
    files = [
        {
            "position": number,
            "relation": "raw.usage_events",
            "file_name": f"usage/2026-01-3{number - 1}/us.jsonl",
            "content_hash": str(number),
            "row_count": 5,
            "landed_on": date(2026, 1, 29 + number),
        }
        for number in (1, 2)
    ]
    installation.warehouse.append("raw.landed_files", pa.Table.from_pylist(files))
    with closing(installation.open_register()) as register:
        register.close_period(US, PERIOD, 2, "ada", landed_files=landed_until(installation, 2))
    installation.warehouse.publish()
    return installation


def answered(installation: Installation, capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> Any:
    assert run(["--home", str(installation.settings.home), *arguments, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def step_of(installation: Installation, step: CloseStep, entity: str = US) -> ChecklistStep:
    [found] = [one for one in checklists_of(installation, [CloseKey(entity, PERIOD)], NOW) if one.step == step]
    return found


def states(installation: Installation, entity: str = US) -> str:
    return "".join(step.state.value[0] for step in checklists_of(installation, [CloseKey(entity, PERIOD)], NOW))


def test_a_fresh_installation_has_its_checklist(installation: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    installation.settings.published_path.unlink(missing_ok=True)
    assert states(installation) == "oowwwwwwwwwww"
    found = answered(installation, capsys, "checklist", PERIOD, code=1)
    assert [(row["entity"], row["step"]) for row in found if row["state"] == "open"] == [
        (entity, step) for entity in (US, EU) for step in ("usage_landed", "reference_data")
    ]
    assert run(["--home", str(installation.settings.home), "checklist", PERIOD, "--entity", US]) == 1
    told = capsys.readouterr().out
    assert f"Close of {PERIOD}, {US}: 0 of 13 steps done" in told
    assert "tieout land    (in Dagster: raw/usage_events)" in told


def test_a_period_goes_from_its_soft_close_to_the_hard_close(closed: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    assert states(closed) == "dddddddddddow"
    grace = replace(closed, acting_as="grace")

    request = ask_to_sign_off(closed, US, PERIOD, "January is ready")
    assert step_of(closed, "signed_off").blockers[0].command == f"tieout approve {request.request_id}"
    approve(grace, request.request_id)
    assert states(closed) == "ddddddddddddo"
    hard_close(closed, US, PERIOD)

    assert states(closed) == "ddddddddddddd"
    found = answered(closed, capsys, "checklist", PERIOD, "--entity", US)
    evidence = {row["step"]: [f"{one['name']}: {one['value']}" for one in row["evidence"]] for row in found}
    assert "approved by grace" in evidence["signed_off"][0]
    assert evidence["usage_landed"] == ["landed: 2 files of usage, 10 rows, position 2"]
    assert (CloseKey(US, PERIOD) in unfinished(closed, NOW), CloseKey(EU, PERIOD) in unfinished(closed, NOW)) == (False, True)


def test_a_reopened_period_is_told_with_who_and_why_and_its_sign_off_is_void(closed: Installation) -> None:
    grace = replace(closed, acting_as="grace")
    approve(grace, ask_to_sign_off(closed, US, PERIOD).request_id)
    approve(grace, ask_to_reopen(closed, US, PERIOD, "a late invoice").request_id)

    assert states(closed) == "oowwwwwwwwwww"
    history = [str(one) for one in step_of(closed, "soft_closed").evidence]
    assert history[0].startswith("soft closed: by ada")
    assert "(a late invoice), approved by grace" in history[1]
    assert step_of(closed, "signed_off").evidence[0].name == "void"


def test_what_changes_underneath_a_closed_period_is_on_its_checklist(closed: Installation) -> None:
    closed.warehouse.execute(["update raw.landed_files set content_hash = 'other' where position = 1"])
    closed.warehouse.publish()
    [blocker] = step_of(closed, "soft_closed").blockers
    assert blocker.what.startswith(f"1 difference from what was closed (J12): J12 {US} {PERIOD}: files that had landed")
    assert states(closed)[-4:] == "bdww"


def test_exceptions_of_the_register_are_told_at_their_step(closed: Installation) -> None:
    with closing(closed.open_register()) as register:
        subject, reason = f"tryton/{EU}/journal_entry/J1", "contract: debits and credits differ"
        register.record_exception(NewException("seal_refused", subject, reason, "correct it", entity=EU, period=PERIOD))
    assert [str(blocker) for blocker in step_of(closed, "journals_sealed", EU).blockers] == [
        f"1 document refused at sealing, the first {subject}: contract: debits and credits differ"
    ]


def test_the_periods_that_somebody_still_has_to_close_are_those_that_have_ended(closed: Installation) -> None:
    auckland = replace(closed, settings=closed.settings.model_copy(update={"calendar": CloseCalendar(time_zone="Pacific/Auckland")}))
    new_year = datetime(2026, 2, 28, 12, 0, tzinfo=UTC)
    assert [(key.entity, key.period) for key in unfinished(closed, new_year)] == [(US, PERIOD), (EU, PERIOD)]
    assert (US, "2026-02") in [(key.entity, key.period) for key in unfinished(auckland, new_year)]
    assert len(checklists_of(closed, unfinished(closed, new_year), new_year)) == 2 * 13


def test_nobody_closes_what_is_before_the_cutover(installation: Installation) -> None:
    entity = {"entity_id": EU, "cutover_on": "2026-02-01", "landed_on": date(2026, 1, 1), "line_number": 2}
    installation.warehouse.append("raw.legal_entities", pa.Table.from_pylist([entity]))
    installation.warehouse.publish()
    march = datetime(2026, 3, 15, tzinfo=UTC)
    assert [(key.entity, key.period) for key in unfinished(installation, march)] == [(US, "2026-01"), (US, "2026-02"), (EU, "2026-02")]
    february = {step.step: step for step in checklists_of(installation, [CloseKey(EU, "2026-02")], march)}
    assert not february["soft_closed"].blockers


def test_an_unknown_entity_or_period_is_an_error(installation: Installation) -> None:
    assert run(["--home", str(installation.settings.home), "checklist", "2025-12"]) == 1
    assert run(["--home", str(installation.settings.home), "checklist", PERIOD, "--entity", "northlight_fr"]) in (1, 2)


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"dagster/partition": f"{EU}|{PERIOD}"}, [EU]),
        ({"dagster/asset_partition_range_start": f"{US}|{PERIOD}", "dagster/asset_partition_range_end": f"{EU}|{PERIOD}"}, [US, EU]),
        ({"dagster/asset_partition_range_start": f"{US}|{PERIOD}", "dagster/asset_partition_range_end": f"{EU}|2026-02"}, []),
        ({"dagster/partition": "2026-01-05"}, []),
        ({}, []),
    ],
)
def test_a_run_is_of_the_entities_that_its_tags_name(tags: dict[str, str], expected: list[str]) -> None:
    assert [key.entity for key in keys_of(tags, (US, EU))] == expected


def refusing(settings: Settings) -> dg.AssetsDefinition:
    @dg.asset(key=["close", "period"], partitions_def=close_partitions(settings))
    def period() -> None:
        raise dg.Failure("northlight_us 2026-01 stays open: K3 breaks", allow_retries=False)

    return period


def written(instance: dg.DagsterInstance) -> dict[str, dg.AssetMaterialization]:
    """The last checklist of every partition."""
    records = instance.fetch_materializations(CHECKLIST, limit=50, ascending=True).records
    return {str(one.partition_key): one.asset_materialization for one in records if one.asset_materialization is not None}


def test_a_step_that_fails_leaves_the_checklist_with_its_reason(installation: Installation) -> None:
    settings = installation.settings
    partitions = close_partitions(settings)
    job = dg.define_asset_job("monthly_close", selection=dg.AssetSelection.all(), hooks={checklist_of_failure})
    definitions = dg.Definitions(
        assets=[refusing(settings), checklist_asset(partitions)],
        jobs=[job],
        executor=dg.in_process_executor,
        resources={"installation": installation},
    )
    with dg.DagsterInstance.ephemeral() as instance:
        result = definitions.resolve_job_def("monthly_close").execute_in_process(
            instance=instance, partition_key=f"{US}|{PERIOD}", raise_on_error=False
        )
        assert not result.success
        told = written(instance)
        assert list(told) == [f"{US}|{PERIOD}"]
        metadata = told[f"{US}|{PERIOD}"].metadata
        assert list(metadata)[:2] == ["summary", "go to: Usage landed, all that its producers sent (K0)"], "what blocks is one click away"
        [blocker] = metadata["blockers"].records[:1]  # type: ignore[union-attr]
        assert blocker.data["what"] == "the last run failed: close__period: northlight_us 2026-01 stays open: K3 breaks"
        assert blocker.data["command"] == f"tieout close {PERIOD} --entity {US}"
        assert metadata["go to: Usage landed, all that its producers sent (K0)"].value == dg.AssetKey(["close", "period"])


def test_a_change_outside_of_a_run_is_written_once(closed: Installation) -> None:
    sensor = checklist_sensor(closed.settings)
    grace = replace(closed, acting_as="grace")
    with dg.DagsterInstance.ephemeral() as instance:

        def tick(cursor: str | None) -> dg.SensorResult:
            result = sensor(dg.build_sensor_context(instance=instance, cursor=cursor))
            if isinstance(result, dg.SkipReason):
                return dg.SensorResult(skip_reason=result, cursor=cursor)
            assert isinstance(result, dg.SensorResult)
            return result

        first = tick(None)
        partitions = [str(event.partition) for event in first.asset_events]
        assert partitions[-1].endswith(f"|{PERIOD}"), "the page of the asset opens with the earliest month that is left"
        assert f"{US}|{PERIOD}" in partitions
        assert tick(first.cursor).asset_events == []

        approve(grace, ask_to_sign_off(closed, US, PERIOD).request_id)
        second = tick(first.cursor)
        assert [event.partition for event in second.asset_events] == [f"{US}|{PERIOD}"]

        hard_close(closed, US, PERIOD)
        third = tick(second.cursor)
        [event] = third.asset_events
        assert event.metadata["summary"].value == f"{US} {PERIOD}: 13 of 13 steps done"
        assert third.skip_reason is not None
        assert third.skip_reason.skip_message == f"written anew: {US}|{PERIOD}"
        assert tick(third.cursor).asset_events == []


def test_a_calendar_of_an_entity_that_is_not_there_is_refused(tmp_path: Path) -> None:
    from reverse_etl.settings import load_settings

    (tmp_path / "tieout.yaml").write_text("calendar: {entities: {northlight_fr: {}}}")
    with pytest.raises(ConfigurationError, match=r"calendar\.entities\.northlight_fr"):
        load_settings(tmp_path)
