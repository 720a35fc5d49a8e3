"""Each column of a model names the columns that its value comes from, through everything that SQL puts in between."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from dagster_project.dbt.column_lineage import Catalog, Column, Origins, column_origins
from dagster_project.dbt.model_lineage import BuiltModel, KnownLineage, column_metadata
from dagster_project.dbt.translator import TieoutTranslator

CATALOG: Catalog = {
    ("raw", "usage"): {"id": "VARCHAR", "meter": "VARCHAR", "quantity": "DECIMAL(18,6)", "tags": "VARCHAR[]", "day": "DATE"},
    ("raw", "prices"): {"meter": "VARCHAR", "unit_price": "DECIMAL(18,6)", "currency": "VARCHAR"},
}
QUANTITY, PRICE = ("raw", "usage", "quantity"), ("raw", "prices", "unit_price")
METER, DAY, TAGS = ("raw", "usage", "meter"), ("raw", "usage", "day"), ("raw", "usage", "tags")


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        pytest.param("select quantity from warehouse.raw.usage", [{QUANTITY}], id="a column under the name of the database"),
        pytest.param('select "quantity" as amount from "warehouse"."raw"."usage" as u', [{QUANTITY}], id="renamed and quoted"),
        pytest.param("select * from raw.prices", [{("raw", "prices", c)} for c in ("meter", "unit_price", "currency")], id="a star"),
        pytest.param("select * exclude (meter), meter from raw.prices", [{PRICE}, {("raw", "prices", "currency")}, {("raw", "prices", "meter")}]),
        pytest.param(
            "with u as (select meter, sum(quantity) as q from raw.usage group by meter), rated as (select u.q * p.unit_price as amount from u "
            "inner join raw.prices as p using (meter)), final as (select * from rated) select amount from final",
            [{QUANTITY, PRICE}],
            id="through common table expressions",
        ),
        pytest.param(
            "select quantity as v from raw.usage union all select unit_price from raw.prices", [{QUANTITY, PRICE}], id="a union, by position"
        ),
        pytest.param(
            "select quantity as v, 0 as w from raw.usage union all by name select 1 as w, unit_price as v from raw.prices",
            [{QUANTITY, PRICE}, set()],
            id="a union by name",
        ),
        pytest.param("select count(*) as n, 'usd' as c from raw.usage", [set(), set()], id="a count and a constant come from nowhere"),
        pytest.param("select case when meter = 'x' then quantity else 0 end as q from raw.usage", [{METER, QUANTITY}], id="a condition decides"),
        pytest.param("select row_number() over (partition by meter order by day) as n from raw.usage", [{METER, DAY}], id="a window"),
        pytest.param(
            "select q.quantity from (select quantity, row_number() over (order by day) as n from raw.usage) as q where q.n = 1",
            [{QUANTITY}],
            id="what only decides which rows there are is no origin",
        ),
        pytest.param(
            "select (select max(p.unit_price) from raw.prices as p where p.meter = u.meter) as highest from raw.usage as u",
            [{PRICE}],
            id="a subquery",
        ),
        pytest.param("select t.tag from raw.usage as u, unnest(u.tags) as t(tag)", [{TAGS}], id="what is unnested"),
        pytest.param("select list_transform(tags, t -> t || meter) as named from raw.usage", [{TAGS, METER}], id="the variable of a lambda is none"),
        pytest.param("select quantity as q, q * 2 as twice from raw.usage", [{QUANTITY}, {QUANTITY}], id="an alias beside it"),
        pytest.param(
            "with recursive days as (select min(day) as d from raw.usage union all select d + 1 from days where d < today()) select d from days",
            [{DAY}],
            id="a query that reads itself",
        ),
    ],
)
def test_a_column_comes_from(sql: str, expected: list[set[Column]]) -> None:
    names = [f"c{number}" for number in range(len(expected))]
    origins = column_origins(sql, CATALOG, names)
    assert origins.unresolved == ()
    assert [set(origins.columns[name]) for name in names] == expected


def test_columns_are_found_by_their_name_where_the_table_has_another_order() -> None:
    origins = column_origins("select quantity, meter from raw.usage", CATALOG, ["meter", "quantity"])
    assert origins.columns == {"meter": (METER,), "quantity": (QUANTITY,)}


def test_sql_that_cannot_be_read_leaves_its_columns_unresolved_and_nothing_else_broken() -> None:
    assert column_origins("select from where (", CATALOG, ["a", "b"]).unresolved == ("a", "b")
    assert column_origins("select quantity from raw.usage", CATALOG, ["quantity", "added_by_somebody"]).unresolved == ("added_by_somebody",)


def test_what_is_known_is_not_read_again_until_the_model_or_what_it_reads_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    catalog = {**CATALOG, ("marts", "m"): {"q": "DECIMAL(18,6)"}}
    path = tmp_path / "dbt" / "column_lineage.json"

    def of(sql: str, catalog: Catalog = catalog) -> tuple[Column, ...]:
        model = BuiltModel("model.m", ("marts", "m"), sql, (("raw", "usage"), ("marts", "m")))
        return KnownLineage(path).of([model], catalog)["model.m"].columns["q"]

    assert of("select quantity as q from raw.usage where day in ('2026-01-01', '2026-01-02')") == (QUANTITY,)
    monkeypatch.setattr("dagster_project.dbt.model_lineage.column_origins", None)
    assert of("select quantity as q from raw.usage where day in ('2026-03-01')") == (QUANTITY,), "other days are the same query"
    for sql, changed in (
        ("select quantity * 2 + id as q from raw.usage", catalog),
        ("select quantity as q from raw.usage where day in ('2026-03-01')", {**catalog, ("raw", "usage"): {"other": "VARCHAR"}}),
    ):
        with pytest.raises(TypeError):
            of(sql, changed)
    path.write_text("not what was written")
    with pytest.raises(TypeError):
        of("select quantity as q from raw.usage where day in ('2026-03-01')")


def test_two_relations_of_one_asset_give_a_column_of_one_name_once() -> None:
    def source(name: str) -> dict[str, object]:
        return {"schema": "register", "name": name, "resource_type": "source", "source_name": "register_issued", "meta": {}, "config": {"meta": {}}}

    manifest = {"nodes": {}, "sources": {name: source(name) | {"unique_id": name} for name in ("documents", "transitions")}}
    node = {"columns": {}, "depends_on": {"nodes": ["documents", "transitions"]}}
    origins = Origins({"state": (("register", "documents", "at"), ("register", "transitions", "at"))}, ())
    metadata = column_metadata(node, origins, {"state": "VARCHAR"}, manifest, OneAsset())
    assert [dep.column_name for dep in metadata["dagster/column_lineage"].deps_by_column["state"]] == ["at"]
    assert "| state | [register/issued](/assets/register/issued) at |" in metadata["columns_from"].value


class OneAsset(TieoutTranslator):
    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        return dg.AssetKey(["register", "issued"])
