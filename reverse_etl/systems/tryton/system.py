"""The ``System`` for Tryton."""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from reverse_etl.documents import SealedDocument
from reverse_etl.errors import DestinationError
from reverse_etl.settings import SANDBOX_URL, Settings
from reverse_etl.systems.contract import FOREVER, Ambiguous, Call, Manifest, NotExecuted, Outcome, Rejected, RemoteDocument, RenderContext
from reverse_etl.systems.journal_entries import JOURNAL_ENTRY
from reverse_etl.systems.registry import adjusted
from reverse_etl.systems.tryton import balances, comparison, periods, reading, rendering
from reverse_etl.systems.tryton.connection import Connection
from reverse_etl.systems.tryton.delivery import MOVE, Prepared, deliver
from reverse_etl.systems.tryton.directory import ADD_ON, CompanyDirectory, find_parties, has_unique_reference, load_company
from reverse_etl.systems.tryton.rendering import CREATE, CUSTOMER, WRITE
from reverse_etl.systems.tryton.wire import UnknownCodeError, move_values
from reverse_etl.transport import open_transport
from reverse_etl.transport.exchange import policy_of

SYSTEM = "tryton"

# No key and no unique external field: look-up only. Measured on one server: two clients at once are no faster than one, 100 moves
# per request are the quickest, and a commit after a client's time-out was visible within a second.
MANIFEST = Manifest(
    system=SYSTEM,
    key_retention=timedelta(0),
    look_up_lag=timedelta(seconds=2),
    send_deadline=timedelta(seconds=60),
    in_flight_bound=timedelta(seconds=60),
    replays_errors=False,
    requests_per_second=50.0,
    concurrency=2,
    batch_size=100,
    document_types=(CUSTOMER, JOURNAL_ENTRY),
    look_up_batch_size=1000,
)
UNIQUE_REFERENCE = "unique_reference"
"""The option that claims the add-on ``tieout_reference``, with which the server refuses a second move under our reference."""
LOG = logging.getLogger(__name__)


class Tryton:
    """A ``System``; safe for threads. Company ids, accounts and periods are read once per entity, and again when a code is unknown.

    ``claims_unique_reference``: the settings say that the server has the add-on; it counts once the server has confirmed it.
    """

    def __init__(self, manifest: Manifest, connection: Connection, entities: Sequence[str], *, claims_unique_reference: bool = False) -> None:
        self._declared = manifest
        self._claims = claims_unique_reference
        self._confirmed: bool | None = None
        self._doubted: Manifest | None = None
        self._connection = connection
        self._entities = tuple(entities)
        self._companies: dict[str, CompanyDirectory] = {}
        self._lock = threading.Lock()

    @property
    def manifest(self) -> Manifest:
        """What is declared; where the add-on is claimed, the first look asks the server, and a claim that is not confirmed counts as absent."""
        if self._doubted is not None:
            return self._doubted
        return replace(self._declared, key_retention=FOREVER) if self._is_unique() else self._declared

    @manifest.setter
    def manifest(self, manifest: Manifest) -> None:
        self._doubted = manifest

    def call_names(self, document: SealedDocument) -> tuple[str, ...]:
        return rendering.call_names(document)

    def render(self, context: RenderContext, call: str) -> bytes:
        """Raises OutboxContractError if the document does not hold what the call needs."""
        return rendering.render(context, call)

    def send(self, calls: Sequence[Call]) -> Mapping[str, Outcome]:
        begun = min(time.monotonic(), *(call.leave_before for call in calls))
        deadline = begun + self._declared.send_deadline.total_seconds()
        outcomes: dict[str, Outcome] = {}
        groups: defaultdict[tuple[str, str, str], list[tuple[Call, Mapping[str, Any]]]] = defaultdict(list)
        for call in calls:
            try:
                request = rendering.parse(call.request)
                groups[request["model"], request["method"], request["company"]].append((call, request))
            except (ValueError, TypeError, KeyError):
                outcomes[call.idempotency_key] = Rejected("the stored request is not one of Tryton's")
        for (model, method, entity), group in groups.items():
            outcomes.update(self._send_group(model, method, entity, group, deadline))
        return outcomes

    def look_up(self, documents: Sequence[SealedDocument], remote_ids: Mapping[str, str]) -> Mapping[str, RemoteDocument]:
        """The hints are not needed: references are searched in few requests."""
        found: dict[str, RemoteDocument] = {}
        customers = [document for document in documents if document.document_type == CUSTOMER]
        found.update(reading.look_up_parties(self._connection, customers))
        for entity in sorted({document.entity for document in documents if document.document_type == JOURNAL_ENTRY}):
            entries = [document for document in documents if document.document_type == JOURNAL_ENTRY and document.entity == entity]
            found.update(reading.look_up_moves(self._connection, self._company(entity), entries, unique=self._is_unique()))
        return found

    def differences(self, document: SealedDocument, number: str | None, remote: RemoteDocument) -> tuple[str, ...]:
        """``number`` plays no part: Tryton numbers moves itself."""
        return comparison.differences(document, remote)

    def read_back(self, entity: str, period: str) -> Iterable[tuple[str, Mapping[str, Any]]]:
        """Complete or an error: nothing is handed over before everything was read."""
        return list(reading.read_back(self._connection, self._company(entity), period))

    def trial_balance(self, entity: str, period_until: str) -> Mapping[str, tuple[int, int]]:
        """Tryton's own debit and credit per account code (functional minor units), all posted moves up to the end of ``YYYY-MM``."""
        return balances.account_sums(self._connection, self._company(entity), None, balances.month(period_until)[1])

    def receivables(self, entity: str) -> Mapping[str, int]:
        """What each party owes by Tryton's own reckoning (functional minor units), by party code."""
        return balances.receivables(self._connection, self._company(entity))

    def period_states(self, entity: str) -> Mapping[str, str]:
        """``open``, ``closed`` or ``locked`` by ``YYYY-MM``."""
        return periods.period_states(self._connection, self._company(entity))

    def bring_period(self, entity: str, period: str, *, is_open: bool) -> bool:
        """Close or reopen an accounting period in Tryton; False: it was so before. Raises ``DestinationError`` unless it is so afterwards."""
        return periods.bring_period(self._connection, self._company(entity), period, is_open)

    def ping(self) -> None:
        for entity in self._entities:
            self._company(entity, fresh=True)
        self._is_unique()

    def _is_unique(self) -> bool:
        with self._lock:
            if self._claims and self._confirmed is None:
                try:
                    self._confirmed = has_unique_reference(self._connection)
                except DestinationError as error:
                    LOG.warning("whether Tryton has the add-on %s could not be asked, so it counts as absent for now: %s", ADD_ON, error)
                    return False
                if not self._confirmed:
                    LOG.warning(
                        "the settings claim %s, but Tryton does not have the add-on %s: it counts as absent; activate it, or remove the option",
                        UNIQUE_REFERENCE,
                        ADD_ON,
                    )
            return self._confirmed is True

    def _send_group(
        self, model: str, method: str, entity: str, group: Sequence[tuple[Call, Mapping[str, Any]]], deadline: float
    ) -> Mapping[str, Outcome]:
        outcomes: dict[str, Outcome] = {}
        try:
            prepared, refused = self._prepare(model, method, entity, group)
        except DestinationError as error:
            return {call.idempotency_key: NotExecuted(f"nothing was sent: {error}") for call, _ in group}
        except (ValueError, TypeError, KeyError) as error:
            return {call.idempotency_key: Rejected(f"the stored request is not one of Tryton's: {error!r}") for call, _ in group}
        outcomes.update(refused)
        if prepared:
            try:
                outcomes.update(deliver(self._connection, prepared, deadline, unique=self._is_unique()))
            except Exception as error:
                # Whatever went wrong after a request may have left must not look like a failure to send.
                outcomes.update({item.key: Ambiguous(f"{type(error).__name__}: {error}") for item in prepared if item.key not in outcomes})
        return outcomes

    def _prepare(
        self, model: str, method: str, entity: str, group: Sequence[tuple[Call, Mapping[str, Any]]]
    ) -> tuple[list[Prepared], Mapping[str, Rejected]]:
        """Codes become ids; what the server has no code for is refused without sending it."""
        company = self._company(entity)
        parties = self._party_ids(model, method, group)
        prepared: list[Prepared] = []
        refused: dict[str, Rejected] = {}
        refreshed = False
        for call, request in group:
            reason = rendering.unbalanced(request["record"]) if model == MOVE and method == CREATE else None
            if reason is not None:
                refused[call.idempotency_key] = Rejected(f"not sent, for it does not balance: {reason}")
                continue
            try:
                prepared.append(_prepared(call, request, company, parties))
            except UnknownCodeError as error:
                # The code may be newer than what was read.
                if not refreshed:
                    refreshed, company = True, self._company(entity, fresh=True)
                try:
                    prepared.append(_prepared(call, request, company, parties))
                except UnknownCodeError:
                    refused[call.idempotency_key] = Rejected(f"not sent: {error}")
        return prepared, refused

    def _party_ids(self, model: str, method: str, group: Sequence[tuple[Call, Mapping[str, Any]]]) -> Mapping[str, int]:
        codes: set[str] = set()
        if model == MOVE and method == CREATE:
            codes = {line["party"] for _, request in group for line in request["record"]["lines"] if line["party"] is not None}
        elif method == WRITE:
            codes = {request["record"]["code"] for _, request in group}
        return {code: party["id"] for code, party in find_parties(self._connection, codes).items()}

    def _company(self, entity: str, *, fresh: bool = False) -> CompanyDirectory:
        with self._lock:
            if fresh or entity not in self._companies:
                self._companies[entity] = load_company(self._connection, entity)
            return self._companies[entity]


def _prepared(call: Call, request: Mapping[str, Any], company: CompanyDirectory, parties: Mapping[str, int]) -> Prepared:
    prepared = Prepared(call, request["model"], request["method"], company.context)
    if prepared.model == MOVE:
        if prepared.method == CREATE:
            return replace(prepared, values=move_values(request["record"], company, parties))
        return replace(prepared, record_id=request["id"])
    record = request["record"]
    if prepared.method == CREATE:
        return replace(prepared, values=record)
    if record["code"] not in parties:
        raise UnknownCodeError(f"Tryton has no party with the code {record['code']}: create it, then send the change again")
    return replace(prepared, record_id=parties[record["code"]], values=record)


def open_tryton(settings: Settings, url: str | None = None, manifest: Manifest = MANIFEST, name: str = SYSTEM) -> Tryton:
    """Tryton as the settings have it; ``sandbox`` is the server of ``tieout sandbox``. Nothing is sent before it is used.

    Raises:
        ConfigurationError: there is no password, or the sandbox was never started.
    """
    destination = settings.destination(name)
    if url is None and destination.url == SANDBOX_URL:
        from reverse_etl.sandbox.supervisor import endpoint_url

        url = endpoint_url(settings, SYSTEM)
    connection = Connection(
        url or destination.url,
        destination.database or "erp",
        destination.username or "admin",
        settings.secret(name),
        open_transport(settings, name),
        policy_of(settings, name),
    )
    claims = destination.options.get(UNIQUE_REFERENCE, "false").lower() == "true"
    return Tryton(adjusted(manifest, settings, name), connection, settings.entities, claims_unique_reference=claims)


def open_system(settings: Settings, name: str) -> Tryton:
    """The destination ``name``, of the kind tryton."""
    return open_tryton(settings, name=name)
