"""The ``System`` for NetSuite."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

from reverse_etl.documents import SealedDocument
from reverse_etl.errors import ConfigurationError
from reverse_etl.settings import Authorization, Settings
from reverse_etl.systems.contract import FOREVER, Call, Manifest, Outcome, Particular, RemoteDocument, RenderContext
from reverse_etl.systems.http_system import HttpMapping, HttpRequest, HttpSystem, Reading, Record, destination_url, open_http_system
from reverse_etl.systems.journal_entries import JOURNAL_ENTRY, differences, journal_entry
from reverse_etl.systems.netsuite import answers, reading, rendering
from reverse_etl.systems.netsuite.options import Options, options_of
from reverse_etl.systems.netsuite.reading import month
from reverse_etl.systems.netsuite.rendering import CUSTOMER
from reverse_etl.systems.registry import adjusted
from reverse_etl.transport import Answer

SYSTEM = "netsuite"
SERVER_TIME_OUT = timedelta(minutes=15)

# An external id is unique for ever, so no upsert can make a second entry. But it would overwrite what a person has changed meanwhile: an entry is
# sent again only while nobody will have, and looked up from then on. Customers are ours to write.
# A request is given up by NetSuite itself after 15 minutes. No rate is published, only how many requests an account may have under way.
MANIFEST = Manifest(
    system=SYSTEM,
    key_retention=timedelta(minutes=20),
    look_up_lag=timedelta(seconds=5),
    send_deadline=timedelta(seconds=60),
    in_flight_bound=SERVER_TIME_OUT,
    replays_errors=False,
    requests_per_second=None,
    concurrency=5,
    batch_size=1,
    document_types=(CUSTOMER, JOURNAL_ENTRY),
    look_up_batch_size=100,
    particulars={CUSTOMER: Particular(FOREVER, timedelta(seconds=5), replays_errors=False)},
)
TOKEN_PATH = "/services/rest/auth/oauth2/v1/token"


class NetSuiteMapping(HttpMapping):
    """Upserts by external id, look-ups and read-backs by SuiteQL."""

    def __init__(self, options: Options) -> None:
        self._options = options

    @property
    def options(self) -> Options:
        return self._options

    def call_names(self, document: SealedDocument) -> tuple[str, ...]:
        return rendering.call_names(document)

    def render(self, context: RenderContext, call: str) -> bytes:
        return rendering.render(self._options, context, call)

    def request(self, calls: Sequence[Call]) -> HttpRequest:
        (call,) = calls
        return rendering.request(call.request)

    def outcomes(self, calls: Sequence[Call], answer: Answer) -> Mapping[str, Outcome]:
        (call,) = calls
        return {call.idempotency_key: answers.outcome_of(answer)}

    def look_up(self, documents: Sequence[SealedDocument], remote_ids: Mapping[str, str]) -> Reading[Mapping[str, RemoteDocument]]:
        """The hints are not needed."""
        return reading.look_up(self._options, documents)

    def differences(self, document: SealedDocument, number: str | None, remote: RemoteDocument) -> tuple[str, ...]:
        """``number`` plays no part: NetSuite numbers entries itself."""
        if document.document_type == CUSTOMER:
            held = remote.completed.get(rendering.UPSERT, {}).get("name")
            return () if held == rendering.customer_name(document) else ("name: not the one that was sealed",)
        entry = journal_entry(document)
        found = differences(entry, remote, account_code=lambda account: self._options.account_code(entry.entity, account))
        if remote.currency != entry.currency:
            found = (*found, f"currency: {remote.currency} instead of {entry.currency}")
        return found

    def read_back(self, entity: str, period: str) -> Reading[Iterable[Record]]:
        return reading.read_back(self._options, entity, period)

    def ping(self) -> Reading[None]:
        return reading.ping()


class NetSuite(HttpSystem):
    """The destination, with what NetSuite adds up by itself."""

    def trial_balance(self, entity: str, period_until: str) -> Mapping[str, tuple[int, int]]:
        """Debit and credit per account code (minor units), all that is posted up to the end of ``YYYY-MM``. Raises ``DestinationError``."""
        return self.read(reading.account_sums(self._options, entity, None, month(period_until)[1]), "read the trial balance")

    def receivables(self, entity: str) -> Mapping[str, int]:
        """What each customer owes (functional minor units), by our customer id. Raises ``DestinationError``."""
        return self.read(reading.receivables(self._options, entity), "read the receivables")

    @property
    def _options(self) -> Options:
        mapping = self.mapping
        assert isinstance(mapping, NetSuiteMapping)
        return mapping.options


def open_system(settings: Settings, name: str) -> NetSuite:
    """NetSuite as the settings have it; nothing is sent before it is used.

    Raises:
        ConfigurationError: an entity has no currency, a secret is missing, or the URL cannot be used.
    """
    url = destination_url(settings, name)
    usual = Authorization(method="token_based", token_url=url.rstrip("/") + TOKEN_PATH, scope="rest_webservices")
    own = settings.destination(name).authorization
    if own is None or (own.method in (None, usual.method) and not own.realm):
        raise ConfigurationError(f"destination {name}: set destinations.{name}.authorization.realm to the id of the NetSuite account")
    mapping = NetSuiteMapping(options_of(settings, name))
    return open_http_system(settings, name, adjusted(MANIFEST, settings, name), mapping, url, usual, NetSuite)
