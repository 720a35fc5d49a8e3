"""Pages of lists: https://docs.stripe.com/api/pagination."""

from __future__ import annotations

from collections.abc import Mapping

from reverse_etl.sandbox.stripe.errors import invalid_parameter, missing
from reverse_etl.sandbox.stripe.parameters import Parameters
from reverse_etl.sandbox.stripe.store import Store

_COMPARISONS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


def page_of(store: Store, parameters: Parameters, kind: str, url: str, filters: Mapping[str, str | None]) -> str:
    """One page of a kind of object, newest first; ``created`` filters included."""
    chosen: dict[str, object] = {condition: value for condition, value in filters.items() if value is not None}
    created = parameters.child("created")
    if created is not None:
        for name, comparison in _COMPARISONS.items():
            bound = created.integer(name)
            if bound is not None:
                chosen[f"created {comparison} ?"] = bound
    limit, after = _limit(parameters), parameters.text("starting_after")
    parameters.finish()
    page = store.page(kind, url, chosen, limit, after)
    if page is None:
        raise missing(kind, after or "", "starting_after")
    return page


def line_page_of(store: Store, parameters: Parameters, parent: str, url: str) -> str:
    limit, after = _limit(parameters), parameters.text("starting_after")
    parameters.finish()
    page = store.line_page(parent, url, limit, after)
    if page is None:
        raise missing("line item", after or "", "starting_after")
    return page


def _limit(parameters: Parameters) -> int:
    limit = parameters.integer("limit")
    if limit is not None and not 1 <= limit <= 100:
        raise invalid_parameter("Invalid integer: must be between 1 and 100", "limit")
    return 10 if limit is None else limit
