"""What ``destinations/<name>.yaml`` may say of a destination, checked when it is read. Every message names the file and the place in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from reverse_etl.settings import Authorization
from reverse_etl.systems.contract import FOREVER
from reverse_etl.systems.http.fields import Amount, DocumentFields, Strict

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd])")


def duration(value: Any) -> Any:
    """``30s``, ``5m``, ``24h``, ``7d``, ``forever`` or 0."""
    if value == "forever":
        return FOREVER
    if isinstance(value, int | float) and not isinstance(value, bool) and value == 0:
        return timedelta(0)
    match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"{value!r} is no duration; write 30s, 5m, 24h, 7d, 0 or forever")
    return timedelta(seconds=float(match.group(1)) * UNITS[match.group(2)])


Duration = Annotated[timedelta, BeforeValidator(duration)]
Statuses = Annotated[tuple[int, ...], BeforeValidator(lambda value: (value,) if isinstance(value, int) else value)]


class Capabilities(Strict):
    """What the destination offers against a lost answer; what is not said is not offered. As in ``Manifest``."""

    key_retention: Duration = timedelta(0)
    look_up_lag: Duration | None = None
    send_deadline: Duration = timedelta(seconds=30)
    in_flight_bound: Duration = timedelta(seconds=60)
    replays_errors: bool = True
    refuses_changed_body: bool = False
    batch_is_atomic: bool = False


class Limits(Strict):
    requests_per_second: float | None = Field(default=None, gt=0)
    requests_per_day: int | None = Field(default=None, gt=0)
    concurrency: int = Field(default=4, gt=0)
    batch_size: int = Field(default=1, gt=0)
    look_up_batch_size: int = Field(default=1, gt=0)


class Condition(Strict):
    """What an answer, or an item of one, must be; everything that is stated must hold. ``path`` is dotted; ``.`` is the whole body."""

    status: Statuses | None = None
    header: str | None = None
    path: str | None = None
    equals: Any = Field(default=None, alias="is")
    among: tuple[Any, ...] | None = Field(default=None, alias="in")
    contains: str | None = None
    exists: bool | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        compared = {"equals", "among", "contains", "exists"} & self.model_fields_set
        if self.path is None and self.header is None:
            if compared or self.status is None:
                raise ValueError("state a status, or a header or path with one of is, in, contains, exists")
        elif self.path is not None and self.header is not None:
            raise ValueError("state a header or a path, not both")
        elif len(compared) > 1 or (self.path is not None and not compared):
            raise ValueError("a path goes with exactly one of is, in, contains, exists")
        return self


class Value(Strict):
    """Where a value is: at a dotted ``path`` of the body or in a ``header``; ``last_segment`` takes what follows the last slash."""

    path: str | None = None
    header: str | None = None
    last_segment: bool = False

    @model_validator(mode="before")
    @classmethod
    def _text_is_a_path(cls, value: Any) -> Any:
        return {"path": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.path is None) == (self.header is None):
            raise ValueError("state a path or a header")
        return self


class Identity(Strict):
    """Where the idempotency key of a call travels: in a header, in a member of the body, or in the query."""

    header: str | None = None
    field: str | None = None
    query: str | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if sum(place is not None for place in (self.header, self.field, self.query)) != 1:
            raise ValueError("state exactly one of header, field, query")
        return self


class Success(Strict):
    """What must hold for a call to have taken effect: status, conditions, and our reference where the answer repeats it."""

    status: Statuses = (200, 201)
    when: tuple[Condition, ...] = ()
    reference: str | None = None
    remote_id: Value
    reply: dict[str, Value] = Field(default_factory=dict)


class Duplicate(Strict):
    """Answers that say that the document is there already. Without ``remote_id`` the answer is ambiguous, and a look-up decides.

    ``reply``: where such an answer holds what later calls need; unstated, it is where a success holds it.
    """

    when: tuple[Condition, ...] = Field(min_length=1)
    remote_id: Value | None = None
    reply: dict[str, Value] | None = None


class Batch(Strict):
    """Several documents in one request: ``{items}`` in ``body`` is the list of their bodies; ``results`` the list of what became of each.

    ``reference`` finds each result's document; ``status`` is where a result states its own status; the conditions of the call hold per result.
    """

    method: str | None = None
    path: str | None = None
    body: Any = "{items}"
    accepted: Statuses = (200, 201, 202, 207)
    results: str = "."
    reference: str
    status: str | None = None


def _no_reserved_header(headers: Mapping[str, str]) -> Mapping[str, str]:
    for name in headers:
        if name.lower() in RESERVED_HEADERS:
            raise ValueError(f"{name} is not set by a description: {RESERVED_HEADERS[name.lower()]}")
    return headers


RESERVED_HEADERS = {
    "authorization": "state authorization, and name the secret in the settings",
    "host": "it is that of the url",
    "content-length": "it is that of the body",
    "transfer-encoding": "requests are sent whole",
    "connection": "connections are kept as long as that is safe",
    "traceparent": "every request names the run that it belongs to",
}
Headers = Annotated[dict[str, str], AfterValidator(_no_reserved_header)]


class CallSpecification(Strict):
    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    method: Literal["POST", "PUT", "PATCH", "DELETE"] = "POST"
    path: str
    query: dict[str, str] = Field(default_factory=dict)
    headers: Headers = Field(default_factory=dict)
    body: Any = None
    identity: Identity | None = None
    success: Success
    duplicate: Duplicate | None = None
    rejected: tuple[Condition, ...] = ()
    not_executed: tuple[Condition, ...] = ()
    batch: Batch | None = None


class Next(Strict):
    """How the next page is asked for: by the ``link`` in the answer, or by a ``cursor`` in the answer as ``parameter``, or by counting.

    Counting: ``page`` is the parameter, from ``first`` until a page is empty.
    """

    link: str | None = None
    cursor: str | None = None
    parameter: str | None = None
    page: str | None = None
    first: int = 1

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if sum(way is not None for way in (self.link, self.cursor, self.page)) != 1:
            raise ValueError("state exactly one of link, cursor, page")
        if (self.cursor is None) != (self.parameter is None):
            raise ValueError("cursor goes with parameter")
        return self


class Listing(Strict):
    """A list that is read page by page. ``count``: where the answer says how many items there are in all; the pages must add up to it."""

    method: Literal["GET", "POST"] = "GET"
    path: str
    query: dict[str, str] = Field(default_factory=dict)
    headers: Headers = Field(default_factory=dict)
    body: Any = None
    items: str = "."
    next: Next | None = None
    count: str | None = None
    absent: tuple[Condition, ...] = ()


class LookUp(Listing):
    """``completed``: which calls a found document proves, by conditions on it; one that is not named counts as done.

    ``replies``: what later calls need of it.
    """

    completed: dict[str, tuple[Condition, ...]] = Field(default_factory=dict)
    replies: dict[str, dict[str, Value]] = Field(default_factory=dict)


class Comparison(Strict):
    """What is compared when a document is verified; a posted document has the status ``posted``."""

    status: bool = True
    document_date: bool = True
    period: bool = True
    lines: tuple[Literal["account", "functional_minor", "currency", "amount_minor", "party", "tax_minor"], ...] = ()


class DocumentSpecification(Strict):
    """``document_url``: the page on which a person sees a document, such as ``https://erp.example.com/journals/{remote_id}``."""

    calls: tuple[CallSpecification, ...] = Field(min_length=1)
    update_calls: tuple[CallSpecification, ...] = ()
    found: DocumentFields | None = None
    look_up: LookUp | None = None
    compared: Comparison = Comparison()
    key_retention: Duration | None = None
    look_up_lag: Duration | None = None
    document_url: str | None = None

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [call.name for call in (*self.calls, *self.update_calls)]
        if len(set(names)) != len(names):
            raise ValueError(f"calls need different names, not {', '.join(names)}")
        return self

    @model_validator(mode="after")
    def _look_ups_say_what_is_found(self) -> Self:
        if self.look_up is not None and self.found is None:
            raise ValueError("look_up needs found: what of a document the answer tells")
        known = {call.name for call in (*self.calls, *self.update_calls)}
        for part in ("completed", "replies"):
            unknown = set(getattr(self.look_up, part, {})) - known
            if unknown:
                raise ValueError(f"look_up.{part} names no call: {', '.join(sorted(unknown))}")
        return self


class Movements(Listing):
    """What the ledger itself adds up per account in a period."""

    account: str
    debit: Amount
    credit: Amount


class ReadBack(Listing):
    """All documents of a period, ours or not; what of them is told is ``found`` of ``document``."""

    document: str = "journal_entry"
    movements: Movements | None = None


class Ping(Strict):
    path: str
    query: dict[str, str] = Field(default_factory=dict)


class Specification(Strict):
    """A whole destination."""

    capabilities: Capabilities = Capabilities()
    limits: Limits = Limits()
    authorization: Authorization | None = None
    headers: Headers = Field(default_factory=dict)
    rejected: tuple[Condition, ...] = ()
    not_executed: tuple[Condition, ...] = ()
    documents: dict[str, DocumentSpecification] = Field(min_length=1)
    read_back: ReadBack | None = None
    ping: Ping | None = None

    @model_validator(mode="after")
    def _claims_are_backed(self) -> Self:
        for name, document in self.documents.items():
            retention = self.capabilities.key_retention if document.key_retention is None else document.key_retention
            if timedelta(0) < retention < FOREVER and any(call.identity is None for call in (*document.calls, *document.update_calls)):
                raise ValueError(f"documents.{name}: key_retention promises a key, so every call needs an identity")
            if document.look_up is None and document.look_up_lag is not None:
                raise ValueError(f"documents.{name}: look_up_lag without look_up")
            for call in (*document.calls, *document.update_calls):
                if call.batch is not None and call.identity is not None and call.identity.field is None:
                    raise ValueError(f"documents.{name}.{call.name}: in a batch the key can only travel as identity.field")
                unsaid = set(call.success.reply) - set(call.success.reply if call.duplicate is None else call.duplicate.reply or call.success.reply)
                if unsaid:
                    raise ValueError(f"documents.{name}.{call.name}: duplicate.reply lacks {', '.join(sorted(unsaid))}")
                if call.duplicate is not None and call.duplicate.remote_id is None and document.look_up is None:
                    raise ValueError(f"documents.{name}.{call.name}: duplicate needs a remote_id, or the document a look_up")
        if self.capabilities.look_up_lag is not None and not any(document.look_up for document in self.documents.values()):
            raise ValueError("capabilities.look_up_lag promises look-ups, but no document has a look_up")
        if self.limits.batch_size > 1 and not any(call.batch for document in self.documents.values() for call in document.calls):
            raise ValueError("limits.batch_size is above 1, but no call has a batch")
        if self.read_back is not None and self._found_of(self.read_back.document) is None:
            raise ValueError(f"read_back needs documents.{self.read_back.document}.found")
        return self

    def _found_of(self, document_type: str) -> DocumentFields | None:
        document = self.documents.get(document_type)
        return None if document is None else document.found
