"""dbt inside the step's process: exactly the selection, every result recorded, and a failed test stops what follows."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster_dbt import dbt_assets

from dagster_project.dbt import DbtPaths, InProcessDbt, TieoutTranslator
from reverse_etl.locks import file_lock
from reverse_etl.settings import Settings
from reverse_etl.warehouse import open_warehouse


class Shop:
    """The scratch project as Dagster sees it."""

    def __init__(self, settings: Settings, project: Path) -> None:
        self.paths = DbtPaths.of(settings, project)
        self.warehouse = open_warehouse(settings)
        self.warehouse.create_relations(
            {
                "raw.sales": {"sale_id": "bigint", "amount_minor": "bigint"},
                "register.documents": {"position": "bigint"},
                "register.mirror": {"position": "bigint"},
            }
        )
        self.dbt = InProcessDbt(settings, self.paths)
        manifest = self.dbt.manifest()
        translator = TieoutTranslator()

        @dbt_assets(manifest=manifest, dagster_dbt_translator=translator)
        def models(context: dg.AssetExecutionContext) -> Iterator[Any]:
            yield from self.dbt.build(context, manifest, translator)

        @dg.asset(deps=[dg.AssetKey("totals")])
        def sealed() -> None: ...

        self.assets = [models, sealed]

    def sell(self, *sales: tuple[int | None, int | None]) -> None:
        values = ", ".join(f"({sale_id or 'null'}, {'null' if amount is None else amount})" for sale_id, amount in sales)
        self.warehouse.execute(["delete from raw.sales", f"insert into raw.sales values {values}"])

    def materialize(self, *names: str, checks: bool = True) -> dg.ExecuteInProcessResult:
        keys = [dg.AssetKey(name) for name in names]
        selection = dg.AssetSelection.assets(*keys) if checks else dg.AssetSelection.assets(*keys).without_checks()
        return dg.materialize(self.assets, selection=selection, raise_on_error=False)


@pytest.fixture(scope="module")
def scratch(settings: Settings, shop: Path) -> Shop:
    return Shop(settings, shop)


def materialized(result: dg.ExecuteInProcessResult) -> set[str]:
    return {event.asset_key.to_user_string() for event in result.get_asset_materialization_events() if event.asset_key}


def test_builds_the_chosen_models_with_their_tests_and_counts_their_rows(scratch: Shop) -> None:
    scratch.sell((1, 100), (2, 250))
    result = scratch.materialize("sales", "totals", "sealed")
    assert result.success
    assert materialized(result) == {"sales", "totals", "sealed"}
    assert {check.check_name for check in result.get_asset_check_evaluations() if check.passed} == {
        "not_null_sales_sale_id",
        "unique_sales_sale_id",
        "not_null_sales_amount_minor",
    }
    [sales] = [event for event in result.get_asset_materialization_events() if event.asset_key == dg.AssetKey("sales")]
    assert sales.materialization.metadata["dagster/row_count"].value == 2
    assert scratch.warehouse.read("select total_minor from main.totals").to_pylist() == [{"total_minor": 350}]
    assert not scratch.warehouse.read("select * from information_schema.tables where table_name = 'unrelated'").num_rows


def test_a_model_that_reads_a_query_into_its_text_is_compiled_anew_by_every_build(scratch: Shop) -> None:
    scratch.sell((1, 100))
    scratch.materialize("sales")
    scratch.sell((1, 100), (2, 100), (3, 100))
    scratch.materialize("sales")
    assert scratch.warehouse.read("select distinct seen from main.sales").to_pylist() == [{"seen": 3}]


def test_a_failing_test_shows_its_rows_and_nothing_downstream_runs(scratch: Shop) -> None:
    scratch.sell((1, 100), (1, 250), (2, None))
    result = scratch.materialize("sales", "totals", "sealed")
    assert not result.success
    assert "sealed" not in materialized(result)
    checks = {check.check_name: check for check in result.get_asset_check_evaluations()}
    assert not checks["unique_sales_sale_id"].passed
    assert checks["unique_sales_sale_id"].metadata["dagster_dbt/failed_row_count"].value == 1
    assert checks["unique_sales_sale_id"].metadata["failing_rows"].records[0].data["unique_field"] == 1
    assert checks["not_null_sales_amount_minor"].severity == dg.AssetCheckSeverity.WARN
    assert checks["not_null_sales_sale_id"].passed


def test_without_checks_no_test_runs(scratch: Shop) -> None:
    scratch.sell((1, 100), (1, 250))
    result = scratch.materialize("sales", checks=False)
    assert result.success
    assert not result.get_asset_check_evaluations()


def test_the_file_is_free_for_another_process_after_a_build(scratch: Shop) -> None:
    scratch.sell((1, 100))
    assert scratch.materialize("sales").success
    statement = f"import duckdb; print(duckdb.connect({str(scratch.paths.warehouse)!r}).execute('select count(*) from main.sales').fetchone()[0])"
    assert subprocess.run([sys.executable, "-c", statement], capture_output=True, text=True, check=True).stdout.strip() == "1"


def test_a_build_waits_for_the_writer_and_then_names_it(scratch: Shop, settings: Settings) -> None:
    with file_lock(settings.lock_folder / "warehouse.lock", "a long import", 1.0):
        result = scratch.materialize("sales")
    assert not result.success
    [failure] = [event for event in result.all_events if event.is_step_failure]
    assert "a long import" in str(failure.event_specific_data)


def test_register_sources_share_one_key_per_moment(scratch: Shop) -> None:
    assert {key.to_user_string() for key in scratch.assets[0].keys_by_input_name.values()} >= {"raw/sales", "register/opening"}


def test_parses_again_only_when_a_file_of_the_project_changed(scratch: Shop, shop: Path) -> None:
    before = scratch.paths.manifest.stat().st_mtime_ns
    scratch.dbt.manifest()
    assert scratch.paths.manifest.stat().st_mtime_ns == before
    (shop / "models" / "totals" / "another.sql").write_text("select 1 as one")
    assert "model.shop.another" in scratch.dbt.manifest()["nodes"]


def test_a_test_whose_text_changed_is_still_the_check_that_its_description_says(scratch: Shop, shop: Path) -> None:
    folder = shop / "tests"
    folder.mkdir()
    (folder / "tests.yml").write_text("data_tests: [{name: sold, config: {meta: {dagster: {ref: {name: sales}}}}}]")
    for text in ("select 1 as one from {{ ref('sales') }} where false", "select 2 as two from {{ ref('sales') }} where false"):
        (folder / "sold.sql").write_text(text)
        [sold] = [node for node in scratch.dbt.manifest()["nodes"].values() if node["name"] == "sold"]
        assert sold["config"]["meta"] == {"dagster": {"ref": {"name": "sales"}}}
