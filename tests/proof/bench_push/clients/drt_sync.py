"""drt-core, as its quickstart has it: a DuckDB table, a sync in YAML, ``drt run``.

Default: what the template of ``drt init`` leaves when its own limits are left out (10 requests per second, three attempts, ``on_error: fail``).
Tuned: no faster than the published limit, ``on_error: skip``, more attempts, and the native idempotency key.
"""

from __future__ import annotations

import os

import duckdb
from rows import arguments, measured, rows

SYNC = """
name: documents
model: ref('documents')
destination:
  type: rest_api
  url: "{url}/documents"
  method: POST
  headers:
    Content-Type: "application/json"
  body_template: |
    {{"document": "{{{{ row.document }}}}", "reference": "{{{{ row.reference }}}}", "amount_minor": {{{{ row.amount_minor }}}}, "currency": "USD"}}
"""
TUNED_DESTINATION = """  native_idempotency_key: "{{{{ row.reference }}}}"
"""
TUNED = """sync:
  mode: full
  batch_size: 10000
  on_error: skip
  rate_limit:
    requests_per_second: {rate}
  retry:
    max_attempts: 6
    initial_backoff: 0.2
"""


def main() -> None:
    given = arguments()
    project = given.folder
    (project / "syncs").mkdir(parents=True, exist_ok=True)
    (project / ".drt").mkdir(exist_ok=True)
    (project / "drt_project.yml").write_text("name: bench\nprofile: default\n")
    (project / ".drt" / "profiles.yml").write_text(f"default:\n  type: duckdb\n  database: {project / 'warehouse.duckdb'}\n")
    tuned = given.form == "tuned"
    text = SYNC + (TUNED_DESTINATION + TUNED if tuned else "sync:\n  mode: full\n")
    (project / "syncs" / "documents.yml").write_text(text.format(url=given.url, rate=given.limit or 1000))
    if not (project / "warehouse.duckdb").exists():
        with duckdb.connect(str(project / "warehouse.duckdb")) as connection:
            connection.execute("create table documents (document varchar, reference varchar, amount_minor bigint, currency varchar)")
            connection.executemany("insert into documents values (?, ?, ?, ?)", [list(row.values()) for row in rows(given.documents)])
    # The credentials' profiles are looked for in the home folder of the user.
    os.environ.update(HOME=str(project), DO_NOT_TRACK="1", NO_PROXY="127.0.0.1")
    os.chdir(project)
    from drt.cli.main import app

    with measured(project):
        try:
            app(["run"], standalone_mode=False)
        except SystemExit as stopped:
            if stopped.code:
                raise RuntimeError(f"drt run ended with {stopped.code}") from stopped


if __name__ == "__main__":
    main()
