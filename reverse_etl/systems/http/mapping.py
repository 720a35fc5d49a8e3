"""The mapping of a destination that a specification describes: what is sent, what answers mean, how documents are found. Pure."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from reverse_etl.documents import SealedDocument, canonical_json
from reverse_etl.errors import ConfigurationError, DestinationError, OutboxContractError
from reverse_etl.systems.contract import Ambiguous, Call, NotExecuted, Outcome, RemoteDocument, RenderContext
from reverse_etl.systems.http import answers, scopes
from reverse_etl.systems.http.answers import Said
from reverse_etl.systems.http.reading import read_back_records, walked
from reverse_etl.systems.http.specification import Batch, CallSpecification, DocumentSpecification, Listing, LookUp, Specification
from reverse_etl.systems.http.templates import OMITTED, Template, TemplateError, at_path, compiled, placeholders, text_of
from reverse_etl.systems.http_system import HttpMapping, HttpRequest, Reading, Record, usual_outcome
from reverse_etl.systems.journal_entries import JOURNAL_ENTRY, journal_entry
from reverse_etl.transport import Answer, read_json, write_json

JSON = {"Content-Type": "application/json", "Accept": "application/json"}


@dataclass(frozen=True, slots=True)
class RequestTemplate:
    """The compiled templates of one request. Paths are encoded segment by segment, so that a value never adds one."""

    method: str
    where: str
    segments: Sequence[Template]
    query: Mapping[str, Template]
    headers: Mapping[str, Template]
    body: Template | None

    def rendered(self, scope: Mapping[str, Any]) -> dict[str, Any]:
        """Raises TemplateError."""
        query = {name: value for name, template in self.query.items() if (value := template.value(scope)) is not OMITTED}
        headers = {name: value for name, template in self.headers.items() if (value := template.value(scope)) is not OMITTED}
        body = None if self.body is None else write_json(self.body.value(scope)).decode()
        return {
            "method": self.method,
            "path": self._path(scope),
            "query": [[name, text_of(value)] for name, value in query.items()],
            "headers": {name: text_of(value) for name, value in headers.items()},
            "body": body,
        }

    def _path(self, scope: Mapping[str, Any]) -> str:
        parts = [quote(text_of(segment.value(scope)), safe=":@!$'()*,;=~") for segment in self.segments]
        if any(part in (".", "..") for part in parts):
            raise TemplateError(f"{self.where}.path: a segment of the path is {'/'.join(parts)!r}")
        return "/" + "/".join(parts)


class SpecifiedMapping(HttpMapping):
    """``options(entity)`` are the settings' options, ``account_code(entity, account)`` the destination's code of an account.

    Raises:
        ConfigurationError: a template of the specification is wrong; ``where`` (the file) is named.
    """

    def __init__(
        self,
        specification: Specification,
        where: str,
        options: Callable[[str], Mapping[str, str]],
        account_code: Callable[[str, str], str],
    ) -> None:
        self.specification = specification
        self._where = where
        self._options = options
        self._account_code = account_code
        self._calls: dict[tuple[str, str], tuple[CallSpecification, RequestTemplate]] = {}
        self._batches: dict[tuple[str, str], RequestTemplate] = {}
        self._look_ups: dict[str, RequestTemplate] = {}
        try:
            for name, document in specification.documents.items():
                self._compile(name, document)
            self._read_back = self._listing(specification.read_back, "read_back", scopes.PERIOD)
            movements = specification.read_back.movements if specification.read_back else None
            self._movements = self._listing(movements, "read_back.movements", scopes.PERIOD)
        except TemplateError as error:
            raise ConfigurationError(f"{where}: {error}") from error

    def needed_options(self) -> frozenset[str]:
        """The options that some template cannot do without."""
        templates = [[template for _, template in self._calls.values()], self._batches, self._look_ups, self._read_back, self._movements]
        needed = (place.path.split(".") for place in placeholders(templates) if not place.may_be_absent)
        return frozenset(parts[1] for parts in needed if parts[0] == "options" and len(parts) > 1)

    def call_names(self, document: SealedDocument) -> tuple[str, ...]:
        return tuple(call.name for call in self._calls_of(document))

    def render(self, context: RenderContext, call: str) -> bytes:
        document = context.document
        found = self._calls.get((document.document_type, call))
        if found is None or call not in self.call_names(document):
            raise OutboxContractError(f"{document.business_key}: no call {call!r} for a {document.document_type}")
        try:
            scope = scopes.rendering_scope(context, self._options(document.entity), self._account_of(document.entity))
            return canonical_json(found[1].rendered(scope))
        except (TemplateError, TypeError, ValueError) as error:
            raise OutboxContractError(f"{document.business_key}: {self._where}: {error}") from error

    def refusal(self, call: Call) -> str | None:
        if call.document.document_type != JOURNAL_ENTRY:
            return None
        reason = journal_entry(call.document).unbalanced()
        return f"it does not balance: {reason}" if reason else None

    def request(self, calls: Sequence[Call]) -> HttpRequest:
        first = calls[0]
        call, _ = self._calls[first.document.document_type, first.name]
        requests = [_identified(read_json(each.request), call, each.idempotency_key) for each in calls]
        if call.batch is None:
            if len(calls) != 1:
                raise ValueError(f"{call.name} takes one document at a time")
            return _request(requests[0], self._headers())
        items = [read_json(request["body"].encode()) for request in requests]
        scope = {"items": items, "options": self._options(first.document.entity), **scopes.document_names(first.document)}
        whole = self._batches[first.document.document_type, first.name].rendered(scope)
        return _request({**whole, "headers": {**requests[0]["headers"], **whole["headers"]}}, self._headers())

    def outcomes(self, calls: Sequence[Call], answer: Answer) -> Mapping[str, Outcome]:
        call, _ = self._calls[calls[0].document.document_type, calls[0].name]
        said = answers.said_by(answer)
        if call.batch is not None and answer.status in call.batch.accepted:
            return self._batch_outcomes(call, call.batch, calls, said)
        if len(calls) == 1:
            return {calls[0].idempotency_key: answers.outcome_of(self.specification, call, calls[0].document.reference, said)}
        # Of the whole request; a refusal of one document would be told in its result.
        usual = usual_outcome(answer)
        if usual is None and any(said.holds(condition) for condition in (*call.not_executed, *self.specification.not_executed)):
            usual = NotExecuted(said.shown)
        return {each.idempotency_key: usual or Ambiguous(said.shown) for each in calls}

    def look_up(self, documents: Sequence[SealedDocument], remote_ids: Mapping[str, str]) -> Reading[Mapping[str, RemoteDocument]]:
        found: dict[str, RemoteDocument] = {}
        for name in dict.fromkeys(document.document_type for document in documents):
            specification = self.specification.documents[name]
            if specification.look_up is None or specification.found is None:
                raise DestinationError(f"a {name} cannot be looked up")
            some = [document for document in documents if document.document_type == name]
            for entity in dict.fromkeys(document.entity for document in some):
                group = [document for document in some if document.entity == entity]
                found.update((yield from self._looked_up(specification, specification.look_up, group, remote_ids)))
        return found

    def differences(self, document: SealedDocument, number: str | None, remote: RemoteDocument) -> tuple[str, ...]:
        specification = self.specification.documents[document.document_type]
        return scopes.differences(document, remote, specification.compared, self._account_of(document.entity))

    def read_back(self, entity: str, period: str) -> Reading[Iterable[Record]]:
        listing = self.specification.read_back
        if listing is None or self._read_back is None:
            return []
        fields = self.specification.documents[listing.document].found
        if fields is None:
            return []
        options = self._options(entity)
        scope = scopes.period_scope(entity, period, options)
        items = yield from walked(listing, self._reading(self._read_back, scope))
        moved: Sequence[Any] = []
        if listing.movements is not None and self._movements is not None:
            moved = yield from walked(listing.movements, self._reading(self._movements, scope))
        return read_back_records(listing, fields, entity, period, items, moved, options.get("functional_currency"))

    def ping(self) -> Reading[None]:
        ping = self.specification.ping
        if ping is None:
            return
        answer = yield HttpRequest("GET", ping.path, tuple(ping.query.items()), self._headers())
        if answer.status != 200:
            raise DestinationError(answer.shown())

    def _looked_up(
        self, specification: DocumentSpecification, look_up: LookUp, documents: Sequence[SealedDocument], remote_ids: Mapping[str, str]
    ) -> Generator[HttpRequest, Answer, Mapping[str, RemoteDocument]]:
        assert specification.found is not None
        template = self._look_ups[documents[0].document_type]
        scope = scopes.look_up_scope(documents, remote_ids, self._options(documents[0].entity))
        items = yield from walked(look_up, self._reading(template, scope))
        exponents, functional = scopes.currencies_of(documents)
        wanted = {document.reference: document for document in documents}
        found: dict[str, RemoteDocument] = {}
        for item, remote in answers.documents_of(specification.found, items, exponents, functional):
            document = wanted.get(remote.reference)
            if document is None:
                continue
            if remote.reference in found:
                first = found[remote.reference]
                if remote.remote_id != first.remote_id:
                    found[remote.reference] = replace(first, duplicates=(*first.duplicates, remote.remote_id))
                continue
            found[remote.reference] = replace(remote, completed=self._completed(look_up, document, item))
        return found

    def _reading(self, template: RequestTemplate, scope: Mapping[str, Any]) -> HttpRequest:
        """Raises DestinationError: the scope does not hold what the template names."""
        try:
            return _request(template.rendered(scope), self._headers())
        except (TemplateError, TypeError) as error:
            raise DestinationError(f"{self._where}: {error}") from error

    def _completed(self, look_up: LookUp, document: SealedDocument, item: Any) -> Mapping[str, Mapping[str, Any]]:
        completed, said = {}, answers.said_of(item)
        for call in self._calls_of(document):
            if all(said.holds(condition) for condition in look_up.completed.get(call.name, ())):
                replies = {name: said.value(where) for name, where in look_up.replies.get(call.name, {}).items()}
                completed[call.name] = {name: value for name, value in replies.items() if value is not None}
        return completed

    def _batch_outcomes(self, call: CallSpecification, batch: Batch, calls: Sequence[Call], said: Said) -> Mapping[str, Outcome]:
        results: dict[str, list[Any]] = {}
        for result in answers.items_of(said.content, batch.results):
            results.setdefault(answers.text_at(result, batch.reference) or "", []).append(result)
        outcomes: dict[str, Outcome] = {}
        for each in calls:
            mine = results.get(each.document.reference, [])
            if len(mine) != 1:
                reason = f"mentions it {len(mine)} times" if mine else "does not mention it"
                outcomes[each.idempotency_key] = Ambiguous(f"the answer {reason}: {said.shown}")
                continue
            status = _status(at_path(mine[0], batch.status)) if batch.status else None
            result = Said(status, {}, mine[0], Answer(status or said.status or 0, {}, write_json(mine[0])).shown())
            outcomes[each.idempotency_key] = answers.outcome_of(self.specification, call, each.document.reference, result)
        return outcomes

    def _compile(self, name: str, document: DocumentSpecification) -> None:
        for group in (document.calls, document.update_calls):
            for call in group:
                where = f"documents.{name}.{call.name}"
                self._calls[name, call.name] = (call, _compiled(call.method, call, where, scopes.RENDERING))
                if call.batch is not None:
                    batch = call.batch
                    whole = call.model_copy(update={"path": batch.path or call.path, "body": batch.body, "query": {}, "headers": {}})
                    self._batches[name, call.name] = _compiled(batch.method or call.method, whole, f"{where}.batch", scopes.BATCH)
        if document.look_up is not None:
            self._look_ups[name] = _compiled(document.look_up.method, document.look_up, f"documents.{name}.look_up", scopes.LOOK_UP)

    @staticmethod
    def _listing(listing: Listing | None, where: str, roots: frozenset[str]) -> RequestTemplate | None:
        return None if listing is None else _compiled(listing.method, listing, where, roots)

    def _calls_of(self, document: SealedDocument) -> tuple[CallSpecification, ...]:
        specification = self.specification.documents.get(document.document_type)
        if specification is None:
            known = ", ".join(self.specification.documents)
            raise OutboxContractError(f"{document.business_key}: {self._where} takes {known}, not {document.document_type}")
        return specification.update_calls if document.operation == "update" and specification.update_calls else specification.calls

    def _account_of(self, entity: str) -> Callable[[str], str]:
        return lambda account: self._account_code(entity, account)

    def _headers(self) -> Mapping[str, str]:
        own = {name.lower() for name in self.specification.headers}
        return {**{name: value for name, value in JSON.items() if name.lower() not in own}, **self.specification.headers}


def _compiled(method: str, source: CallSpecification | Listing, where: str, roots: frozenset[str]) -> RequestTemplate:
    return RequestTemplate(
        method=method,
        where=where,
        segments=_segments(source.path, f"{where}.path", roots),
        query={name: compiled(value, f"{where}.query.{name}", roots) for name, value in source.query.items()},
        headers={name: compiled(value, f"{where}.headers.{name}", roots) for name, value in source.headers.items()},
        body=None if source.body is None else compiled(source.body, f"{where}.body", roots),
    )


def _segments(source: str, where: str, roots: frozenset[str]) -> Sequence[Template]:
    if not source.startswith("/") or "?" in source or "#" in source:
        raise TemplateError(f"{where}: {source!r} must begin with / and hold no query; state it under query")
    return [compiled(segment, where, roots) for segment in source[1:].split("/")]


def _request(stored: Mapping[str, Any], usual: Mapping[str, str]) -> HttpRequest:
    body = None if stored["body"] is None else stored["body"].encode()
    own = {name.lower() for name in stored["headers"]} | ({"content-type"} if body is None else set())
    headers = {**{name: value for name, value in usual.items() if name.lower() not in own}, **stored["headers"]}
    return HttpRequest(stored["method"], stored["path"], tuple((name, value) for name, value in stored["query"]), headers, body)


def _identified(stored: Any, call: CallSpecification, key: str) -> dict[str, Any]:
    """The stored request with its idempotency key, which is not known when it is rendered."""
    request: dict[str, Any] = dict(stored)
    identity = call.identity
    if identity is None:
        return request
    if identity.header is not None:
        return {**request, "headers": {**request["headers"], identity.header: key}}
    if identity.query is not None:
        return {**request, "query": [*request["query"], [identity.query, key]]}
    body = read_json((request["body"] or "{}").encode())
    place = body
    *parents, last = (identity.field or "").split(".")
    for parent in parents:
        place = place.setdefault(parent, {})
    place[last] = key
    return {**request, "body": write_json(body).decode()}


def _status(value: Any) -> int | None:
    if isinstance(value, str) and value.isdecimal() and len(value) < 5:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
