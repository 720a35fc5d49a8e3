"""What a stand-in says that it was asked, and by whom."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from traceparents import is_valid

from reverse_etl.correlation import correlated

RUN = "0d4b8a4e-3f0c-4a52-9d70-6f5a3a1b2c3d"
TRACE = "0d4b8a4e3f0c4a529d706f5a3a1b2c3d"


@dataclass
class Traced:
    """The requests that arrived while a run was under way."""

    requests: list[dict[str, Any]] = field(default_factory=list)

    @property
    def paths(self) -> set[str]:
        return {request["path"] for request in self.requests}

    def assert_of_one_run(self, *parts: str) -> None:
        """Every request names the run; among them are some whose method and path hold these parts."""
        assert self.requests
        for request in self.requests:
            header = request["traceparent"] or ""
            assert is_valid(header), request
            assert header.split("-")[1] == TRACE, request
        asked = [f"{request['method']} {request['path']}" for request in self.requests]
        assert all(any(part in one for one in asked) for part in parts), (parts, asked)

    def spans(self, part: str) -> Sequence[str]:
        """The parent ids of the requests whose method and path hold this part."""
        return [request["traceparent"].split("-")[2] for request in self.requests if part in f"{request['method']} {request['path']}"]


@contextmanager
def traced(url: str) -> Iterator[Traced]:
    """What is done within belongs to one run."""
    httpx.delete(f"{url}/_requests", trust_env=False, timeout=120)
    found = Traced()
    with correlated(RUN):
        yield found
    found.requests = httpx.get(f"{url}/_requests", trust_env=False, timeout=120).json()


def page(url: str, *place: str) -> Any:
    """What the stand-in shows a person of a document."""
    answer = httpx.get(f"{url}/_documents/{'/'.join(place)}", trust_env=False, timeout=120)
    assert answer.status_code == 200, answer.text
    return answer.json()
