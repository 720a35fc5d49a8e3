"""A plain loop over httpx. Default: one request after the other. Tuned: 32 threads, a key for each document, retries that heed Retry-After."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
from rows import CONCURRENCY, arguments, measured, patiently, rows


class BrokenConnectionError(OSError):
    """A connection that broke, as other libraries name it."""


def main() -> None:
    given = arguments()
    documents = rows(given.documents)
    limits = httpx.Limits(max_connections=CONCURRENCY, max_keepalive_connections=CONCURRENCY)
    with httpx.Client(base_url=given.url, trust_env=False, limits=limits, timeout=30) as client, measured(given.folder):
        if given.form == "default":
            for row in documents:
                client.post("/documents", json=row)
        else:

            def post(row: dict[str, Any]) -> httpx.Response:
                try:
                    return client.post("/documents", json=row, headers={"Idempotency-Key": row["reference"]})
                except httpx.TransportError as error:
                    raise BrokenConnectionError(str(error)) from error

            with ThreadPoolExecutor(CONCURRENCY) as threads:
                list(threads.map(lambda row: patiently(lambda: post(row)), documents))


if __name__ == "__main__":
    main()
