"""dlt's custom destination. Default: the decorated function as documented, with dlt's own requests helper, which retries.

Tuned: many small files so that the loader works on them in parallel, a key for each document, and a refused document is left behind.
"""

from __future__ import annotations

import os
from typing import Any

from rows import CONCURRENCY, arguments, measured, patiently, rows


def main() -> None:
    given = arguments()
    tuned = given.form == "tuned"
    os.environ.update(RUNTIME__DLTHUB_TELEMETRY="false", RUNTIME__LOG_LEVEL="CRITICAL", NO_PROXY="127.0.0.1", DLT_DATA_DIR=str(given.folder / "dlt"))
    if tuned:
        os.environ.update(NORMALIZE__DATA_WRITER__FILE_MAX_ITEMS="16", LOAD__WORKERS=str(CONCURRENCY))
    import dlt
    import requests
    from dlt.sources.helpers import requests as dlt_requests

    session = requests.Session()
    session.mount("http://", requests.adapters.HTTPAdapter(pool_connections=1, pool_maxsize=CONCURRENCY))

    @dlt.destination(batch_size=10, name="documents_api", max_parallel_load_jobs=CONCURRENCY if tuned else None)  # type: ignore[misc]
    def documents_api(items: Any, table: Any) -> None:
        for row in items:
            if tuned:
                patiently(lambda row=row: session.post(f"{given.url}/documents", json=row, headers={"Idempotency-Key": row["reference"]}))
            else:
                dlt_requests.post(f"{given.url}/documents", json=row)

    pipeline = dlt.pipeline("bench", destination=documents_api, pipelines_dir=str(given.folder / "pipelines"))
    documents = rows(given.documents)
    with measured(given.folder):
        pipeline.run(documents, table_name="documents")


if __name__ == "__main__":
    main()
