"""Usage, rating and drafts follow what lands, by declaration: once per change, in one go, and never what seals or posts."""

from __future__ import annotations

import dagster as dg
import pytest

from dagster_project.cli.installing.installation import initialize
from dagster_project.definitions import build_definitions
from dagster_project.defs.automation.jobs import REFRESH_MODELS
from dagster_project.defs.automation.refreshing import PUBLISHED
from reverse_etl.settings import Settings


@pytest.fixture(scope="module")
def definitions(tmp_path_factory: pytest.TempPathFactory) -> dg.Definitions:
    settings = Settings(home=tmp_path_factory.mktemp("refreshing"), entities=("acme",))
    initialize(settings)
    return build_definitions(settings)


def requested(definitions: dg.Definitions, result: dg.EvaluateAutomationConditionsResult) -> set[str]:
    keys = definitions.resolve_asset_graph().get_all_asset_keys()
    return {key.to_user_string() for key in keys if result.get_num_requested(key)}


def built(definitions: dg.Definitions, instance: dg.DagsterInstance) -> dg.EvaluateAutomationConditionsResult:
    """Everything that follows by declaration was built once; as the sensor then stands."""
    first = dg.evaluate_automation_conditions(definitions, instance)
    for key in sorted(requested(definitions, first)):
        instance.report_runless_asset_event(dg.AssetMaterialization(key.split("/")))
    return dg.evaluate_automation_conditions(definitions, instance, cursor=first.cursor)


def test_a_new_installation_is_built_whole_for_what_lands_is_built_upon_seeds_and_an_empty_register(definitions: dg.Definitions) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        first = dg.evaluate_automation_conditions(definitions, instance)
        asked = requested(definitions, first)
        assert {"constants/reasons", "staging/stg_register_opening__documents", "usage/usage_events", "warehouse/published"} <= asked
        assert {name.split("/")[0] for name in asked} & {"seal", "delivery", "close", "register", "outbox", "raw"} == set()
        # Also where that run fails, nothing is asked for again before something changes.
        assert dg.evaluate_automation_conditions(definitions, instance, cursor=first.cursor).total_requested == 0


def test_a_refresh_before_anything_was_closed_builds_and_leaves_to_the_close_what_only_a_close_can_compare(definitions: dg.Definitions) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        run = definitions.resolve_job_def(REFRESH_MODELS).execute_in_process(instance=instance, raise_on_error=False)
        failures = [event.event_specific_data for event in run.all_events if event.is_step_failure]
        assert failures == []
        evaluated = {check.check_name for check in run.get_asset_check_evaluations()}
    assert "assert_breakage_is_what_expired" not in evaluated, "it reads the credit balances, which no refresh builds"
    assert len(evaluated) > 50


def test_what_lands_is_followed_once_by_what_reads_it_and_by_the_copy_for_readers(definitions: dg.Definitions) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        quiet = built(definitions, instance)
        assert quiet.total_requested == 0

        instance.report_runless_asset_event(dg.AssetMaterialization(["raw", "usage_events"], partition="2026-01-05"))
        landed = dg.evaluate_automation_conditions(definitions, instance, cursor=quiet.cursor)
        asked = requested(definitions, landed)
        assert {"usage/usage_events", "usage/usage_summaries", "rating/rated_usage", "analytics/invoice_preview", "warehouse/published"} <= asked
        assert {name.split("/")[0] for name in asked} & {"seal", "delivery", "close", "register", "outbox", "raw"} == set()
        assert "staging/stg_crm__customers" not in asked

        again = dg.evaluate_automation_conditions(definitions, instance, cursor=landed.cursor)
        assert again.total_requested == 0


def test_reference_data_are_followed_too(definitions: dg.Definitions) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        quiet = built(definitions, instance)
        instance.report_runless_asset_event(dg.AssetMaterialization(["raw", "exchange_rates"]))
        asked = requested(definitions, dg.evaluate_automation_conditions(definitions, instance, cursor=quiet.cursor))
        assert {"staging/stg_finance__exchange_rates", "approvals/run_gates", PUBLISHED.to_user_string()} <= asked
        assert "usage/usage_events" not in asked
