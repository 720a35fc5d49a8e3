"""A target made with singer-sdk. Default: a ``RecordSink`` that posts each record, as its documentation shows.

Tuned: a ``BatchSink`` whose batches are posted by 32 threads, with a key for each document, retries, and refused documents left behind.
"""

from __future__ import annotations

import io
import json
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

os.environ.setdefault("NO_PROXY", "127.0.0.1")

import requests
from rows import CONCURRENCY, arguments, measured, patiently, rows
from singer_sdk import typing as th
from singer_sdk.sinks import BatchSink, RecordSink
from singer_sdk.target_base import Target

session = requests.Session()
session.mount("http://", requests.adapters.HTTPAdapter(pool_connections=1, pool_maxsize=CONCURRENCY))


class EachRecord(RecordSink):
    def process_record(self, record: dict[str, Any], context: dict[str, Any]) -> None:
        session.post(f"{self.config['url']}/documents", json=record).raise_for_status()


class InBatches(BatchSink):
    max_size = 1000

    def process_batch(self, context: dict[str, Any]) -> None:
        def post(record: dict[str, Any]) -> None:
            patiently(lambda: session.post(f"{self.config['url']}/documents", json=record, headers={"Idempotency-Key": record["reference"]}))

        with ThreadPoolExecutor(CONCURRENCY) as threads:
            list(threads.map(post, context["records"]))


class DocumentsTarget(Target):
    name = "target-documents"
    config_jsonschema = th.PropertiesList(th.Property("url", th.StringType, required=True)).to_dict()
    default_sink_class = EachRecord


class TunedTarget(DocumentsTarget):
    default_sink_class = InBatches


def main() -> None:
    given = arguments()
    properties = {name: {"type": "integer" if name == "amount_minor" else "string"} for name in rows(1)[0]}
    schema = {"type": "SCHEMA", "stream": "documents", "schema": {"properties": properties}, "key_properties": ["reference"]}
    messages = [schema, *({"type": "RECORD", "stream": "documents", "record": row} for row in rows(given.documents))]
    lines = io.StringIO("".join(json.dumps(message) + "\n" for message in messages))
    target = (TunedTarget if given.form == "tuned" else DocumentsTarget)(config={"url": given.url})
    with measured(given.folder):
        target.listen(lines)


if __name__ == "__main__":
    main()
