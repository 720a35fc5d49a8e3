"""Requests from a stand-in's own OpenAPI description: each is answered, never with a 500, and as described."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode, SerializationContext
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance, status_code_conformance

from reverse_etl.systems.stripe.forms import encode_form

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@schemathesis.serializer("application/x-www-form-urlencoded")
def in_brackets(context: SerializationContext, value: Any) -> bytes:
    """Lists and objects of a form as ``lines[0][period][start]=1``, which OpenAPI has no word for beyond one level."""
    return encode_form(value) if isinstance(value, dict) else str(value).encode()


def fuzz(url: str, headers: Mapping[str, str], known: Mapping[str, Sequence[str]], examples: int) -> dict[int, int]:
    """Send so many examples of every described operation, as described and against it; how many answers had which status.

    ``known``: by the name of a parameter or a member, values that exist at the server; half of the requests carry them, so that more than
    refusals is seen. The same description gives the same requests.
    """
    counts: dict[int, int] = {}
    description = schemathesis.openapi.from_url(f"{url}/openapi.json")
    with requests.Session() as session:
        session.trust_env = False
        for result in description.get_all_operations():
            operation = result.ok()
            modes = operation.as_strategy() | operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)

            @settings(
                max_examples=examples,
                deadline=None,
                database=None,
                derandomize=True,
                suppress_health_check=list(HealthCheck),
                phases=[Phase.generate],
            )
            @given(case=modes, data=st.data())
            def is_answered_as_described(case: Case, data: st.DataObject) -> None:
                if data.draw(st.booleans()):
                    _with_known(case, known, data)
                answer = case.call(base_url=url, session=session, headers=dict(headers))
                counts[answer.status_code] = counts.get(answer.status_code, 0) + 1
                case.validate_response(answer, checks=CHECKS)

            is_answered_as_described()
    return counts


def _with_known(case: Case, known: Mapping[str, Sequence[str]], data: st.DataObject) -> None:
    for place in (case.path_parameters, case.query, case.body):
        for owner, name in list(_members(place)):
            if name in known:
                owner[name] = data.draw(st.sampled_from(known[name]))


def _members(value: Any) -> Iterator[tuple[dict[str, Any], str]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield value, name
            yield from _members(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _members(inner)
