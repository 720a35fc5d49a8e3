"""Ready queries: their heads, what they are given, and reads of the published copy that nobody blocks."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import duckdb
import pytest
import yaml

from dagster_project.cli import run
from dagster_project.cli.installing.installation import initialize
from dagster_project.cli.reading.ready_queries import ANALYSES, ReadyQuery, parsed, ready_queries, ready_query
from dagster_project.close import Installation
from reverse_etl.errors import ConfigurationError, DestinationError
from reverse_etl.settings import Settings

QUERY = """-- question: Which one?
-- grain: one row per thing
-- parameter name, required: its name
-- parameter day, optional: YYYY-MM-DD
with

final as (
    select * from {{ ref('things') }}
    where name = {{ parameter('name') }} and ({{ parameter('day') }} is null or day = cast({{ parameter('day') }} as date))
)

select * from final
"""


def test_every_query_says_what_it_answers_and_dbt_knows_the_same() -> None:
    described = {entry["name"]: entry["description"] for entry in yaml.safe_load((ANALYSES / "_analyses.yml").read_text())["analyses"]}
    assert described == {query.name: query.question for query in ready_queries().values()}
    assert all(query.question.endswith("?") for query in ready_queries().values())


def test_a_head_is_read_and_relations_and_parameters_are_put_in_place() -> None:
    query = parsed("thing", QUERY)
    assert (query.question, query.grain) == ("Which one?", "one row per thing")
    assert [(parameter.name, parameter.is_required) for parameter in query.parameters] == [("name", True), ("day", False)]
    statement = query.statement(lambda model: f"schema_of_{model}")
    assert 'from schema_of_things."things"' in statement
    assert "name = $name and ($day is null" in statement
    assert "{{" not in statement


@pytest.mark.parametrize(
    ("line", "other"),
    [
        ("-- question: Which one?\n", ""),
        ("-- grain: one row per thing\n", ""),
        ("-- parameter day, optional: YYYY-MM-DD\n", ""),
        ("-- parameter day, optional: YYYY-MM-DD\n", "-- parameter day, optional: YYYY-MM-DD\n-- parameter unused, optional: x\n"),
        ("-- grain: one row per thing\n", "-- grain: one row per thing\n-- something else\n"),
    ],
)
def test_a_head_that_does_not_say_what_the_statement_asks_for_is_refused(line: str, other: str) -> None:
    with pytest.raises(ConfigurationError, match="it must begin with '-- question"):
        parsed("thing", QUERY.replace(line, other))


def test_parameters_are_checked_by_name_and_need() -> None:
    query = parsed("thing", QUERY)
    assert query.bound({"name": "a"}) == {"name": "a", "day": None}
    with pytest.raises(ConfigurationError, match=r"query thing has no parameter 'nam' \(did you mean 'name'\?\); it takes name, day"):
        query.bound({"nam": "a"})
    with pytest.raises(ConfigurationError, match=r"query thing needs --set name=... \(its name\)"):
        query.bound({"day": "2026-01-01"})


def test_a_query_is_found_by_dashes_too_and_one_that_was_meant_is_named() -> None:
    assert ready_query("invoice-amount").name == "invoice_amount"
    with pytest.raises(ConfigurationError, match=r"no query named 'invoice_amont' \(did you mean 'invoice_amount'\?\); 'tieout query' lists them"):
        ready_query("invoice_amont")


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    settings = Settings(home=tmp_path_factory.mktemp("published"), warehouse_wait_seconds=1.0)
    initialize(settings)
    found = Installation(settings)
    found.warehouse.execute(["create schema shop", "create table shop.things as select 'a' as name, date '2026-01-01' as day"])
    found.warehouse.publish()
    return found


def asked(installation: Installation, query: ReadyQuery, **given: str) -> int:
    return installation.warehouse.read_published(query.statement(lambda _: "shop"), query.bound(given)).num_rows


def test_values_are_bound_and_never_part_of_the_statement(installation: Installation) -> None:
    query = parsed("thing", QUERY)
    assert asked(installation, query, name="a") == 1
    assert asked(installation, query, name="a", day="2026-01-01") == 1
    assert asked(installation, query, name="' or 1 = 1 --") == 0
    assert asked(installation, query, name="$day") == 0


def test_an_installation_of_which_nothing_is_computed_says_what_to_run(installation: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    home = str(installation.settings.home)
    assert run(["--home", home, "query", "unbilled"]) == 1
    assert "nothing is computed yet of invoice_preview: run 'tieout plan PERIOD' or 'tieout close PERIOD' first" in capsys.readouterr().err
    assert run(["--home", home, "query", "--json"]) == 0
    assert '"invoice_amount"' in capsys.readouterr().out
    fresh = Settings(home=installation.settings.home / "fresh")
    fresh.warehouse_path.parent.mkdir(parents=True)
    duckdb.connect(str(fresh.warehouse_path)).close()
    assert run(["--home", str(fresh.home), "query", "unbilled"]) == 1
    assert "nothing is published yet" in capsys.readouterr().err


def test_a_copy_of_other_models_says_what_to_run(installation: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    warehouse = installation.warehouse
    warehouse.execute(["create schema analytics", "create table analytics.invoice_preview as select 'a' as entity"])
    warehouse.publish()
    assert run(["--home", str(installation.settings.home), "query", "unbilled"]) == 1
    assert "the published copy was built by other models than query unbilled reads" in capsys.readouterr().err


WRITER = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1])
connection.execute("begin")
connection.execute("insert into shop.things values ('b', null)")
print("writing", flush=True)
sys.stdin.read()
"""


def test_analysts_read_while_a_writer_holds_the_warehouse(installation: Installation) -> None:
    path = installation.settings.warehouse_path
    with subprocess.Popen([sys.executable, "-c", WRITER, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "writing\n"
        with pytest.raises(duckdb.IOException):
            duckdb.connect(str(path), read_only=True)
        assert asked(installation, parsed("thing", QUERY), name="a") == 1
        writer.communicate("")


def test_analysts_read_while_the_copy_is_replaced_and_an_open_reader_keeps_what_it_opened(installation: Installation) -> None:
    published = str(installation.settings.published_path)
    query, counted, failed = parsed("thing", QUERY), [], []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            try:
                counted.append(asked(installation, query, name="a"))
            except (duckdb.Error, DestinationError) as error:
                failed.append(error)

    reader = threading.Thread(target=read)
    with duckdb.connect(published, read_only=True) as connection:
        before = connection.sql("select count(*) from shop.things").fetchall()
        reader.start()
        for _ in range(5):
            installation.warehouse.execute(["insert into shop.things values ('c', null)"])
            installation.warehouse.publish()
        assert connection.sql("select count(*) from shop.things").fetchall() == before
    while not counted and not failed:
        time.sleep(0.01)
    stop.set()
    reader.join()
    assert failed == []
    assert set(counted) == {1}
    assert asked(installation, query, name="c") == 5
