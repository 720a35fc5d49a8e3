"""What others may rely on: marts are contracted, versioned and classified, everything is described, and every control is somebody's, is a check and
keeps its breaks."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from dagster_project.cli.installing.installation import initialize
from dagster_project.close.steps import Checkpoint
from dagster_project.controls.catalogue import CONTROLS, ENFORCED_BY_A_STEP
from dagster_project.dbt import DbtPaths
from dagster_project.definitions import build_definitions
from dagster_project.defs.assets.closing import CLOSED_PERIOD
from dagster_project.defs.checks.checkpoints import checkpoint_checks, verdicts
from dagster_project.defs.partitions import ONE_RUN, WAREHOUSE_POOL
from dagster_project.runs.instance import IN_TURN
from dagster_project.shipped import DAGSTER_YAML
from reverse_etl.documents import PROHIBITED, SENSITIVITY_CLASSES
from reverse_etl.settings import Settings

ROOMS_OF_MARTS = frozenset({"ledger", "analytics", "outbox", "reconciliation", "canonical", "approvals", "prepaid", "platform"})
ANALYSTS = Path(__file__).parents[2] / "docs" / "analysts.md"
DAGSTER = Path(__file__).parents[2] / "docs" / "dagster.md"
DOCUMENTATION = Path(__file__).parents[2] / "docs" / "controls.md"
CONTROL = re.compile(r"[JSKC]\d{1,2}")
# Dispatched by engine, or called by dbt itself: described where they are called from.
OF_AN_ENGINE = re.compile(r"(default|duckdb|postgres|spark)__|materialization_")
OWNERS = frozenset({"accounting", "finance-operations", "data-engineering"})

Node = Mapping[str, Any]


@dataclass(frozen=True)
class Project:
    manifest: Mapping[str, Any]
    definitions: dg.Definitions

    def of_type(self, resource_type: str) -> list[Node]:
        return [node for node in self.manifest["nodes"].values() if node["resource_type"] == resource_type]

    @property
    def exposed(self) -> frozenset[str]:
        return frozenset(name for exposure in self.manifest["exposures"].values() for name in exposure["depends_on"]["nodes"])

    @property
    def marts(self) -> list[Node]:
        return [model for model in self.of_type("model") if model["schema"] in ROOMS_OF_MARTS or model["unique_id"] in self.exposed]

    @property
    def singular_tests(self) -> list[Node]:
        return [test for test in self.of_type("test") if not test.get("test_metadata")]

    @property
    def checks(self) -> dict[str, dg.AssetCheckSpec]:
        graph = self.definitions.resolve_job_def("monthly_close").asset_layer.asset_graph
        return {key.name: self.definitions.resolve_asset_graph().get_check_spec(key) for key in graph.asset_check_keys}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    settings = Settings(home=tmp_path_factory.mktemp("governance"), entities=("acme",))
    initialize(settings)
    definitions = build_definitions(settings)
    return Project(json.loads(DbtPaths.of(settings).manifest.read_bytes()), definitions)


def unclassified(models: Iterable[Node]) -> list[str]:
    """Columns without a sensitivity class, or of one that nobody knows."""
    return [
        f"{model['schema']}.{model['name']}.{name}: {column['config'].get('meta', {}).get('sensitivity')}"
        for model in models
        for name, column in model["columns"].items()
        if column["config"].get("meta", {}).get("sensitivity") not in SENSITIVITY_CLASSES
    ]


def test_every_column_of_a_mart_has_a_sensitivity_class(project: Project) -> None:
    assert project.marts
    assert unclassified(project.marts) == []


def test_a_column_without_a_class_or_of_an_unknown_one_is_named() -> None:
    columns = {
        "new": {"config": {}},
        "odd": {"config": {"meta": {"sensitivity": "secret"}}},
        "known": {"config": {"meta": {"sensitivity": "internal"}}},
    }
    assert unclassified([{"schema": "ledger", "name": "books", "columns": columns}]) == ["ledger.books.new: None", "ledger.books.odd: secret"]


def test_nothing_prohibited_is_in_a_mart_and_nothing_personal_in_the_books(project: Project) -> None:
    classes = {
        f"{model['schema']}.{model['name']}.{name}": column["config"]["meta"]["sensitivity"]
        for model in project.marts
        for name, column in model["columns"].items()
    }
    assert [name for name, kind in classes.items() if kind == PROHIBITED] == []
    assert [name for name, kind in classes.items() if kind == "personal" and name.startswith(("ledger.", "reconciliation."))] == []
    assert classes["outbox.outbox_customers.payload"] == "personal"


def test_what_an_exposure_reads_is_public_and_nothing_else_is(project: Project) -> None:
    public = {model["unique_id"] for model in project.of_type("model") if model["access"] == "public"}
    assert public == project.exposed


def test_what_others_read_is_a_versioned_contract_with_a_type_on_every_column(project: Project) -> None:
    loose = []
    for name in sorted(project.exposed):
        model = project.manifest["nodes"][name]
        if not model["config"]["contract"]["enforced"] or not model["version"] or model["alias"] != model["name"]:
            loose.append(name)
        loose += [f"{name}.{column}" for column, told in model["columns"].items() if not told["data_type"]]
    assert loose == []


def test_models_seeds_sources_tests_exposures_metrics_and_macros_are_described(project: Project) -> None:
    manifest = project.manifest
    described = [
        *(node for node in manifest["nodes"].values() if not node.get("test_metadata")),
        *(node for part in ("sources", "exposures", "metrics", "semantic_models", "unit_tests") for node in manifest[part].values()),
        *(macro for macro in manifest["macros"].values() if macro["package_name"] == "tieout" and not OF_AN_ENGINE.match(macro["name"])),
    ]
    assert [node["unique_id"] for node in described if not node["description"]] == []
    arguments = [
        f"{macro['name']}.{argument['name']}" for macro in described for argument in macro.get("arguments") or () if not argument["description"]
    ]
    assert arguments == []
    assert "doc.tieout.__overview__" in manifest["docs"]


def test_analysts_are_told_of_every_mart_and_of_nothing_that_may_change(project: Project) -> None:
    table = ANALYSTS.read_text().split("## Which mart answers what")[1]
    named = re.findall(r"`([a-z]+\.[a-z_]+)`", table)
    marts = {f"{model['schema']}.{model['name']}" for model in project.of_type("model") if model["access"] == "public"}
    assert sorted(named) == sorted(marts)


def test_every_metric_says_by_which_currency_it_is_asked_for(project: Project) -> None:
    currencies = {"minor": "currency", "functional_minor": "functional_currency"}
    entities = {
        measure["name"]: {entity["name"] for entity in model["entities"]}
        for model in project.manifest["semantic_models"].values()
        for measure in model["measures"]
    }
    for metric in project.manifest["metrics"].values():
        grouped = metric["config"]["meta"]["group_by"]
        unit = "functional_minor" if metric["name"].endswith("_functional_minor") else "minor"
        assert grouped == currencies[unit], metric["name"]
        for measure in metric["type_params"]["input_measures"]:
            assert grouped in entities[measure["name"]], metric["name"]


def test_every_test_of_the_books_says_its_control_owner_and_severity_and_keeps_its_breaks(project: Project) -> None:
    incomplete = []
    for test in project.singular_tests:
        meta, config = test["config"]["meta"], test["config"]
        expected = re.match(r"assert_([js]\d{2})_", test["name"])
        complete = (
            CONTROL.fullmatch(str(meta.get("control")))
            and (not expected or meta["control"] == expected[1].upper())
            and meta.get("owner") in OWNERS
            and meta.get("severity") == config["severity"].lower()
            and config["store_failures"]
            and test["schema"] == "breaks"
        )
        if not complete:
            incomplete.append(f"{test['name']}: {meta}")
    assert incomplete == [], "each needs control, owner, severity (that of its config) and store_failures in tests/_tests.yml"


def test_every_control_is_a_check_of_the_close_that_says_who_clears_its_breaks_and_where_they_are(project: Project) -> None:
    checks = project.checks
    controls = [test["name"] for test in project.singular_tests] + sorted(checkpoints(project))
    assert [name for name in controls if name not in checks] == [], "its meta.dagster.ref must name a model that it reads"
    for name in controls:
        metadata = checks[name].metadata
        assert metadata["owner"] in OWNERS, name
        assert {"control", "severity", "break_list"} <= metadata.keys(), name
        assert f" cleared by {metadata['owner']}" in str(checks[name].description), name
    assert all(checks[name].metadata["sla_hours"] > 0 for name in checkpoints(project))


def test_a_checkpoint_with_a_break_or_with_nothing_to_say_has_not_passed() -> None:
    values = dict.fromkeys(("title", "left_side", "right_side", "left_value", "right_value", "excused_value", "difference"), "0")
    tied = Checkpoint(checkpoint="K1", entity="*", period="2026-01", measure="events", unit="events", break_count=0, status="tied", **values)
    broken = replace(tied, checkpoint="K2", break_count=1, status="broken")
    told = {
        result.check_name: result.passed for result in verdicts(checkpoint_checks(CLOSED_PERIOD), [tied, broken, replace(broken, status="tied")], {})
    }
    assert (told.pop("K1"), told.pop("K2")) == (True, False)
    assert told
    assert not any(told.values())


def test_every_control_has_one_place_and_the_documentation_names_all_of_them(project: Project) -> None:
    places = Counter([test["config"]["meta"]["control"] for test in project.singular_tests] + checkpoints(project))
    assert [control for control, count in places.items() if count > 1] == []
    documented = set()
    for line in DOCUMENTATION.read_text().split("## How it works")[0].splitlines():
        if line.startswith("| "):
            documented |= named_controls(line.split("|")[1])
    assert documented == set(places)


def test_every_documented_control_is_a_check_or_says_what_enforces_it(project: Project) -> None:
    table = DOCUMENTATION.read_text().split("## Which control owns what")[1].split("\n## ")[0]
    rows = [line.split("|")[1].strip() for line in table.splitlines() if line.startswith("| ")]
    named = {name for name in rows if not named_controls(name)} - {"control", "---"}
    by_code = {control.documented for control in CONTROLS}
    assert named == {name for name in by_code if not named_controls(name)} | set(ENFORCED_BY_A_STEP)
    checks = project.definitions.resolve_asset_graph().asset_check_keys
    shown = {key.name: project.definitions.resolve_asset_graph().get_check_spec(key) for key in checks}
    for control in CONTROLS:
        spec = shown[control.name]
        assert spec.metadata["control"] == control.documented
        assert spec.metadata["owner"] in OWNERS
        assert {"severity", "sla_hours", "break_list"} <= spec.metadata.keys()
        assert f" cleared by {spec.metadata['owner']} within {spec.metadata['sla_hours']} hours." in str(spec.description)


def test_every_asset_has_an_owner_a_group_a_kind_and_a_description(project: Project) -> None:
    graph = project.definitions.resolve_asset_graph()
    bare = [
        key.to_user_string()
        for key in sorted(graph.get_all_asset_keys())
        for node in [graph.get(key)]
        if not (node.owners and node.kinds and node.description and node.group_name and node.group_name != "default")
    ]
    assert bare == []


def test_every_job_schedule_and_sensor_says_what_it_does_and_is_off_until_somebody_turns_it_on(project: Project) -> None:
    repository = project.definitions.get_repository_def()
    jobs = [job for job in repository.get_all_jobs() if not job.name.startswith("__")]
    started = [*repository.schedule_defs, *repository.sensor_defs]
    assert {job.name for job in jobs} >= {
        "daily_usage",
        "monthly_close",
        "progressive_billing",
        "daily_anchor",
        "resume_deliveries",
        "refresh_models",
    }
    assert [one.name for one in (*jobs, *started) if not one.description] == []
    assert [one.name for one in started if one.default_status.value != "STOPPED"] == []


def test_of_what_changes_a_close_one_run_is_under_way_at_a_time_and_the_earliest_month_goes_first(project: Project) -> None:
    for job in ("daily_usage", "monthly_close", "progressive_billing", "resume_deliveries", "refresh_models"):
        assert project.definitions.resolve_job_def(job).tags[IN_TURN] == job
    limits = yaml.safe_load(DAGSTER_YAML.read_text())["concurrency"]["runs"]["tag_concurrency_limits"]
    assert {"key": IN_TURN, "limit": 1} in limits
    close = project.definitions.resolve_job_def("monthly_close")
    priorities = [int(close.get_tags_for_partition_key(f"acme|{month}", None)["dagster/priority"]) for month in ("2026-01", "2026-02", "2026-11")]
    assert priorities == sorted(priorities, reverse=True)


def test_a_step_that_builds_models_is_named_for_what_it_builds_and_every_model_and_test_is_of_one_of_them(project: Project) -> None:
    layer = project.definitions.resolve_job_def("monthly_close").asset_layer
    graph = layer.asset_graph
    steps: dict[str, list[dg.AssetsDefinition]] = {}
    for definition in graph.assets_defs:
        if definition.is_executable and any("dagster_dbt/unique_id" in spec.metadata for spec in definition.specs):
            steps.setdefault(definition.op.name, []).append(definition)
    # Dagster splits a step that has something to build on both sides of another, and numbers the parts.
    assert {name: len(parts) for name, parts in steps.items()} == {"rating_and_drafts": 1, "journals": 1, "reconciliation": 1}, (
        "models and what seals, sends or reads back wait for each other in turn: say in defs/assets/models.py which seal the models after it wait for"
    )
    built = Counter(key for [step] in steps.values() for key in step.keys)
    tested = Counter(key for [step] in steps.values() for key in step.check_keys)
    assert set(built.values()) == set(tested.values()) == {1}
    assert len(built) == len([node for kind in ("model", "seed", "snapshot") for node in project.of_type(kind)])
    named = {test["name"] for test in project.of_type("test")}
    assert {key.name for key in tested} == named
    assert {step.backfill_policy for [step] in steps.values()} == {ONE_RUN}
    assert {pool for [step] in steps.values() for pool in [step.op.pool]} == {WAREHOUSE_POOL}


def test_the_documentation_names_every_step_of_a_close_in_its_order(project: Project) -> None:
    steps = [node.name for node in project.definitions.resolve_job_def("monthly_close").nodes_in_topological_order]
    table = DAGSTER.read_text().split("## Steps of a close")[1].split("\n## ")[0]
    named = [name for line in table.splitlines() if line.startswith("| `") for name in re.findall(r"`(\w+)`", line.split("|")[1])]
    assert sorted(named) == sorted(steps)
    built = ("rating_and_drafts", "journals", "reconciliation")
    assert [name for name in named if name in built] == [name for name in steps if name in built]


def test_nothing_that_seals_or_posts_follows_by_declaration(project: Project) -> None:
    graph = project.definitions.resolve_asset_graph()
    following = {key.path[0] for key in graph.get_all_asset_keys() if graph.get(key).automation_condition is not None}
    assert {"usage", "rating", "analytics", "warehouse"} <= following
    assert following & {"seal", "delivery", "close", "register", "outbox", "read_back", "raw"} == set()


def named_controls(text: str) -> set[str]:
    """``J01 to J03, S08`` names four controls."""
    found = set()
    for first, last in re.findall(r"([JSKC]\d{1,2})(?: to ([JSKC]\d{1,2}))?", text):
        numbers = range(int(first[1:]), int((last or first)[1:]) + 1)
        found |= {f"{first[0]}{number:0{len(first) - 1}d}" for number in numbers}
    return found


def checkpoints(project: Project) -> list[str]:
    return [name for name, check in project.checks.items() if re.fullmatch(r"K\d{1,2}", name)]
