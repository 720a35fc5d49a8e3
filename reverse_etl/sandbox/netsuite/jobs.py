"""Asynchronous requests: jobs of one task, their idempotency keys and their results."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from reverse_etl.sandbox.netsuite.errors import NetSuiteError, invalid_content
from reverse_etl.sandbox.netsuite.records import RecordRequest, perform
from reverse_etl.sandbox.netsuite.store import Store
from reverse_etl.transport.content import read_json, write_json

JOB_PATH = "/services/rest/async/v1/job"
MOST_IN_BATCH = 100


def submit(store: Store, requests: Sequence[RecordRequest], batch: bool, key: str | None) -> int:
    """Queue a job; its id.

    Raises:
        NetSuiteError: the key was used before (``Location`` names that job), or there are too many records.
    """
    if not 1 <= len(requests) <= MOST_IN_BATCH:
        raise invalid_content(f"A batch request holds 1 to {MOST_IN_BATCH} records.", "items")
    earlier = None if key is None else store.row("select id from standin_jobs where key = ?", key)
    if earlier is not None:
        detail = 'A request with the same idempotency key is already submitted. See the "Location" header for a link to the previously submitted job'
        headers = {"Location": f"{JOB_PATH}/{earlier['id']}", "Preference-Applied": "respond-async"}
        raise NetSuiteError(400, "IDEMPOTENCY_ERROR", detail, title="Conflict", headers=headers)
    body = write_json(
        [[request.method, request.kind, request.identifier, request.record, request.replace_lines, request.strict] for request in requests]
    )
    query = "insert into standin_jobs (key, method, batch, body, started) values (?, ?, ?, ?, ?)"
    cursor = store.connection.execute(query, (key, requests[0].method, int(batch), body, store.stamp()))
    return int(cursor.lastrowid or 0)


def run(store: Store, identifier: int, url: str, closed_period: str) -> None:
    """Execute the records of a job, each for itself."""
    job = store.row("select body from standin_jobs where id = ? and result is null", identifier)
    if job is None:
        return
    results = []
    for method, kind, own, record, replace_lines, strict in read_json(job["body"]):
        try:
            answer = perform(store, RecordRequest(method, kind, own, record, replace_lines, strict=strict), url, closed_period)
            links = [{"rel": "self", "href": answer.location}]
            results.append({"status": answer.status, "links": links, "id": str(answer.location).rpartition("/")[2]})
        except NetSuiteError as error:
            results.append(error.body)
    store.connection.execute("update standin_jobs set result = ?, ended = ? where id = ?", (json.dumps(results), store.stamp(), identifier))


def shown(store: Store, identifier: str, part: str, url: str) -> Mapping[str, Any] | None:
    """A job, its tasks, its task or the task's result; None if there is no such thing (yet)."""
    job = store.row("select * from standin_jobs where id = ?", int(identifier)) if identifier.isdigit() and len(identifier) < 18 else None
    if job is None:
        return None
    own, done = f"{url}{JOB_PATH}/{job['id']}", job["result"] is not None
    state = {"completed": done, "progress": "succeeded" if done else "processing"}
    match part:
        case "":
            task = {"links": [{"rel": "self", "href": f"{own}/task"}]}
            return {"links": [{"rel": "self", "href": own}], "id": str(job["id"]), **state, "task": task}
        case "/task":
            return _collection([{"links": [{"rel": "self", "href": f"{own}/task/1"}], "id": "1"}], f"{own}/task")
        case "/task/1":
            links = [{"rel": "related", "href": f"{own}/task/1/result"}, {"rel": "self", "href": f"{own}/task/1"}]
            times = {"startTime": job["started"]} | ({"endTime": job["ended"]} if done else {})
            return {"links": links, "id": "1", **state, **times}
        case "/task/1/result" if done:
            results: list[Mapping[str, Any]] = json.loads(job["result"])
            return _collection(results, f"{own}/task/1/result") if job["batch"] else results[0]
    return None


def pending(store: Store) -> list[int]:
    """The jobs that have no result yet, oldest first."""
    return [row["id"] for row in store.rows("select id from standin_jobs where result is null order by id")]


def _collection(items: Sequence[Mapping[str, Any]], href: str) -> Mapping[str, Any]:
    return {
        "links": [{"rel": "self", "href": href}],
        "count": len(items),
        "hasMore": False,
        "items": list(items),
        "offset": 0,
        "totalResults": len(items),
    }
