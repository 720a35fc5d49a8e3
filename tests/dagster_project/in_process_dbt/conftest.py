"""A dbt project small enough to see through."""

from __future__ import annotations

from pathlib import Path

import pytest

PROJECT = {
    "dbt_project.yml": """
name: shop
version: "1.0"
profile: shop
model-paths: [models]
flags: {send_anonymous_usage_stats: false}
models:
  +materialized: table
""",
    "profiles.yml": """
shop:
  target: dev
  outputs:
    dev: {type: duckdb, path: "{{ env_var('TIEOUT_WAREHOUSE') }}", threads: 2, keep_open: false}
""",
    "models/sources.yml": """
sources:
  - name: raw_shop
    schema: raw
    tables: [{name: sales}]
  - name: register_opening
    schema: register
    tables: [{name: documents}, {name: mirror}]
""",
    "models/sales/sales.sql": """
select sale_id, amount_minor, {{ (run_query('select count(*) from raw.sales').rows[0][0] if execute else 0) }} as seen
from {{ source('raw_shop', 'sales') }}
""",
    "models/sales/sales.yml": """
models:
  - name: sales
    description: Sales as landed.
    columns:
      - name: sale_id
        data_tests: [not_null, unique]
      - name: amount_minor
        data_tests:
          - not_null: {config: {severity: warn}}
unit_tests:
  - name: sales_are_taken_as_they_are
    model: sales
    given: [{input: "source('raw_shop', 'sales')", rows: [{sale_id: 1, amount_minor: 1}]}]
    expect: {rows: [{sale_id: 999, amount_minor: 1, seen: 0}]}
""",
    "models/totals/totals.sql": "select sum(amount_minor) as total_minor from {{ ref('sales') }}",
    "models/totals/totals/unrelated.sql": """
select count(*) as documents from {{ source('register_opening', 'documents') }} cross join {{ source('register_opening', 'mirror') }}
""",
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a dbt project of three models and three tests, with a unit test that would fail if it ran."""
    folder = tmp_path_factory.mktemp("shop")
    for name, text in PROJECT.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder
