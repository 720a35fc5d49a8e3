"""The ``System`` for QuickBooks Online: the frame, with what it has to read before it can send."""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from reverse_etl.documents import SealedDocument
from reverse_etl.errors import DestinationError
from reverse_etl.settings import SANDBOX_URL, Settings
from reverse_etl.settings import Authorization as AuthorizationSettings
from reverse_etl.systems.contract import Call, Manifest, NotExecuted, Outcome, RemoteDocument
from reverse_etl.systems.http_system import HttpSystem, Record, destination_url
from reverse_etl.systems.journal_entries import JOURNAL_ENTRY
from reverse_etl.systems.quickbooks import reading, rendering
from reverse_etl.systems.quickbooks.classification import BATCH_REFUSED
from reverse_etl.systems.quickbooks.companies import Company, company, realm_of
from reverse_etl.systems.quickbooks.mapping import QuickBooksMapping
from reverse_etl.systems.quickbooks.rendering import CUSTOMER, UPDATE
from reverse_etl.systems.registry import adjusted
from reverse_etl.transport import Authorization, Transport, open_authorization, open_transport
from reverse_etl.transport.addresses import checked_url
from reverse_etl.transport.exchange import policy_of

SYSTEM = "quickbooks"
TOKEN_URL = "https://oauth.platform.intuit.com/oauth2/v1/tokens/bearer"

# A request id replays the first answer, but nobody publishes for how long, and a batch has one for all: none is counted on. Requests end at the
# gateway after 120 seconds. 40 batches of 30 a minute are the quickest way, and 10 requests a second the limit of all others.
MANIFEST = Manifest(
    system=SYSTEM,
    key_retention=timedelta(0),
    look_up_lag=timedelta(seconds=5),
    send_deadline=timedelta(seconds=60),
    in_flight_bound=timedelta(seconds=120),
    replays_errors=False,
    requests_per_second=40 / 60,
    concurrency=4,
    batch_size=30,
    document_types=(CUSTOMER, JOURNAL_ENTRY),
    look_up_batch_size=300,
)
SINGLE_REQUESTS_PER_SECOND = 500 / 60


class QuickBooks(HttpSystem):
    """Chart and currency of a company are read once, and again when an account is unknown; versions of customers right before they are changed."""

    mapping: QuickBooksMapping

    def __init__(self, manifest: Manifest, mapping: QuickBooksMapping, url: str, transport: Transport, authorization: Authorization) -> None:
        super().__init__(manifest, mapping, url, transport, authorization)
        self._reading = threading.Lock()

    def send(self, calls: Sequence[Call]) -> Mapping[str, Outcome]:
        deadline = time.monotonic() + self.manifest.send_deadline.total_seconds()
        try:
            mapping = self._prepared(calls)
        except DestinationError as error:
            return {call.idempotency_key: NotExecuted(f"nothing was sent: {error}") for call in calls}
        except (LookupError, TypeError, ValueError, AttributeError):
            # A stored request that cannot be read: the frame says so of each.
            mapping = self.mapping
        told = self._sent(mapping, calls)
        refused = [outcome for outcome in told.values() if isinstance(outcome, NotExecuted) and outcome.reason.startswith(BATCH_REFUSED)]
        if len(calls) > 1 and len(refused) == len(calls):
            # One document may spoil a batch for all: each goes alone, and each refusal is proven by itself.
            alone: dict[str, Outcome] = {}
            for call in calls:
                if time.monotonic() < deadline:
                    alone.update(self._sent(mapping, [call]))
            return {**told, **alone}
        return told

    def look_up(self, documents: Sequence[SealedDocument], remote_ids: Mapping[str, str]) -> Mapping[str, RemoteDocument]:
        return HttpSystem.look_up(self._with(self._known({document.entity for document in documents})), documents, remote_ids)

    def read_back(self, entity: str, period: str) -> Iterable[Record]:
        """Complete or an error: nothing is handed over before everything was read."""
        return HttpSystem.read_back(self._with(self._known({entity}, fresh=True)), entity, period)

    def trial_balance(self, entity: str, period_until: str) -> Mapping[str, tuple[int, int]]:
        """By the general ledger report, of all documents up to the end of ``YYYY-MM``."""
        return self.read(reading.trial_balance(self._company(entity), period_until), "read the general ledger")

    def receivables(self, entity: str) -> Mapping[str, int]:
        """What each customer owes by QuickBooks' own reckoning (functional minor units), by our customer id."""
        return self.read(reading.receivables(self._company(entity)), "read customers")

    def _company(self, entity: str) -> Company:
        return self._known({entity}).companies[entity]

    def _sent(self, mapping: QuickBooksMapping, calls: Sequence[Call]) -> Mapping[str, Outcome]:
        return HttpSystem.send(self._with(mapping), calls)

    def _prepared(self, calls: Sequence[Call]) -> QuickBooksMapping:
        """The mapping with all that these calls need to know. Raises ``DestinationError``."""
        entity = calls[0].document.entity
        mapping = self._known({entity})
        if any(call.document.document_type == JOURNAL_ENTRY and mapping.refusal(call) is not None for call in calls):
            mapping = self._known({entity}, fresh=True)
        changed = [str(rendering.parse(call.request)["record"]["id"]) for call in calls if call.name == UPDATE]
        if not changed:
            return mapping
        return replace(mapping, tokens=self.read(reading.sync_tokens(mapping.realms[entity], changed), "read versions"))

    def _known(self, entities: Iterable[str], *, fresh: bool = False) -> QuickBooksMapping:
        """The mapping with the companies of these entities. Raises ``DestinationError``."""
        for entity in sorted(entities):
            with self._reading:
                if fresh or entity not in self.mapping.companies:
                    if entity not in self.mapping.realms:
                        raise DestinationError(f"{entity} is no legal entity of the settings")
                    read: Company = self.read(company(entity, self.mapping.realms[entity], self.mapping.ours.get(entity, {})), "read accounts")
                    self.mapping = replace(self.mapping, companies={**self.mapping.companies, entity: read})
        return self.mapping

    def _with(self, mapping: QuickBooksMapping) -> QuickBooks:
        other = copy.copy(self)
        other.mapping = mapping
        return other


def open_system(settings: Settings, name: str) -> QuickBooks:
    """The destination ``name``; nothing is sent before it is used.

    Raises:
        ConfigurationError: a realm, the client's id, or a secret is missing.
    """
    url = destination_url(settings, name)
    manifest = adjusted(MANIFEST, settings, name)
    if manifest.batch_size == 1 and settings.destination(name).requests_per_second is None:
        manifest = replace(manifest, requests_per_second=SINGLE_REQUESTS_PER_SECOND)
    mapping = QuickBooksMapping(
        realms={entity: realm_of(settings, name, entity) for entity in settings.entities},
        account_code=lambda entity, account: settings.account_code(name, entity, account),
        ours={entity: _ours(settings.destination(name).account_codes, entity) for entity in settings.entities},
    )
    is_sandbox = settings.destination(name).url == SANDBOX_URL
    usual = AuthorizationSettings(
        method="refresh_token",
        token_url=f"{url}/oauth2/v1/tokens/bearer" if is_sandbox else TOKEN_URL,
    )
    checked = checked_url(url, policy_of(settings, name), f"destination {name}")
    transport = open_transport(settings, name)
    return QuickBooks(manifest, mapping, checked, transport, open_authorization(settings, name, transport, usual))


def _ours(account_codes: Mapping[str, str], entity: str) -> Mapping[str, str]:
    """QuickBooks' account number -> our code, where exactly one of ours is mapped to it."""
    codes = {account: there for account, there in account_codes.items() if "/" not in account}
    codes |= {account.partition("/")[2]: there for account, there in account_codes.items() if account.startswith(f"{entity}/")}
    found: dict[str, list[str]] = {}
    for account, there in codes.items():
        found.setdefault(there, []).append(account)
    return {there: accounts[0] for there, accounts in found.items() if len(accounts) == 1}
