"""Every request says in the header ``traceparent`` which run it belongs to, also where threads of a pool send it; nothing else of it changes."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest
from loopback import QuietHandler, listening
from traceparents import is_valid

from reverse_etl.correlation import correlated, current, in_this_context
from reverse_etl.transport import Answer, Request, Transport, tracing

RUN = "0D4B8A4E-3F0C-4A52-9D70-6F5A3A1B2C3D"


@pytest.mark.parametrize(
    ("correlation_id", "trace"),
    [
        (RUN, "0d4b8a4e3f0c4a529d706f5a3a1b2c3d"),
        ("0d4b8a4e3f0c4a529d706f5a3a1b2c3d", "0d4b8a4e3f0c4a529d706f5a3a1b2c3d"),
        ("close of January", hashlib.sha256(b"close of January").hexdigest()[:32]),
        ("00000000-0000-0000-0000-000000000000", "0" * 31 + "1"),
    ],
)
def test_the_trace_is_the_run(correlation_id: str, trace: str) -> None:
    assert tracing.trace_id(correlation_id) == trace
    with correlated(correlation_id):
        assert is_valid(tracing.traceparent())
        assert tracing.traceparent().split("-")[1] == trace


def test_outside_of_any_run_every_request_is_a_trace_of_its_own() -> None:
    first, second = tracing.traceparent(), tracing.traceparent()
    assert is_valid(first)
    assert first.split("-")[1] != second.split("-")[1]


def test_a_span_is_found_again_from_the_register_and_differs_by_attempt_and_run() -> None:
    once = tracing.span_id(RUN, [("key", 7)])
    assert once == tracing.span_id(RUN.lower(), [("key", 7)])
    assert len({once, tracing.span_id(RUN, [("key", 8)]), tracing.span_id("another", [("key", 7)]), tracing.span_id(RUN, [("other", 7)])}) == 4


def test_threads_of_a_pool_work_for_the_run_that_handed_them_the_work() -> None:
    with ThreadPoolExecutor(1) as threads:
        threads.submit(lambda: None).result()
        with correlated("first", entity="northlight_us"):
            first = threads.submit(in_this_context(current))
        with correlated("second"):
            second = threads.submit(in_this_context(current))
        assert (first.result().correlation_id, first.result().entity) == ("first", "northlight_us")
        assert (second.result().correlation_id, second.result().entity) == ("second", None)
        assert threads.submit(current).result().correlation_id == ""
    assert current().correlation_id == ""


def test_what_is_not_said_anew_stays_and_ends_with_its_block() -> None:
    with correlated("run", period="2026-01"):
        with correlated(entity="northlight_eu") as inside:
            assert (inside.correlation_id, inside.period, inside.entity) == ("run", "2026-01", "northlight_eu")
        assert current().entity is None


def test_the_header_is_the_only_thing_that_a_run_adds_to_a_request() -> None:
    received: list[tuple[dict[str, str], bytes]] = []

    class Handler(QuietHandler):
        def do_POST(self) -> None:
            received.append((dict(self.headers.items()), self.rfile.read(int(self.headers["Content-Length"]))))
            self.answer(204)

    with listening(Handler) as url, closing(Transport()) as transport:
        request = Request("POST", f"{url}/", {"Idempotency-Key": "k"}, b'{"amount":1}')
        for run in ("first", "second"):
            with correlated(run):
                answer: Any = transport.read(request, 60.0)
                assert isinstance(answer, Answer)
    headers = [{name: value for name, value in head.items() if name != "traceparent"} for head, _ in received]
    assert headers[0] == headers[1]
    assert received[0][1] == received[1][1] == b'{"amount":1}'
    assert received[0][0]["traceparent"] != received[1][0]["traceparent"]
