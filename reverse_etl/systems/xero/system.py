"""The ``System`` for Xero."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from reverse_etl.documents import SealedDocument
from reverse_etl.settings import SANDBOX_URL, Authorization, Settings
from reverse_etl.systems.contract import FOREVER, Call, Manifest, Outcome, Particular, RemoteDocument, RenderContext
from reverse_etl.systems.http_system import HttpMapping, HttpRequest, HttpSystem, Reading, Record, destination_url, open_http_system
from reverse_etl.systems.journal_entries import JOURNAL_ENTRY, differences, journal_entry
from reverse_etl.systems.registry import adjusted
from reverse_etl.systems.xero import answers, reading, rendering
from reverse_etl.systems.xero.options import Options, options_of
from reverse_etl.systems.xero.rendering import CUSTOMER
from reverse_etl.transport import Answer

SYSTEM = "xero"
KEY_RETENTION = timedelta(minutes=6)
TOKEN_URL = "https://identity.xero.com/connect/token"

# Nothing of a manual journal is unique. A key counts for the whole request and six minutes: of a batch, which is not put together the same way
# again, it promises nothing. So a lost answer is looked up. Contacts are one per number.
# Limits are published per organisation (60 a minute, 5 at once, 5,000 a day); kept for all organisations together here.
MANIFEST = Manifest(
    system=SYSTEM,
    key_retention=timedelta(0),
    look_up_lag=timedelta(seconds=5),
    send_deadline=timedelta(seconds=30),
    in_flight_bound=timedelta(seconds=60),
    replays_errors=True,
    requests_per_second=1.0,
    concurrency=5,
    batch_size=50,
    document_types=(CUSTOMER, JOURNAL_ENTRY),
    look_up_batch_size=30,
    particulars={CUSTOMER: Particular(FOREVER, timedelta(seconds=5), replays_errors=False)},
    refuses_changed_body=True,
    requests_per_day=5000,
)


class XeroMapping(HttpMapping):
    """Manual journals in batches, looked up by their narration."""

    def __init__(self, options: Options) -> None:
        self._options = options

    def call_names(self, document: SealedDocument) -> tuple[str, ...]:
        return rendering.call_names(document)

    def render(self, context: RenderContext, call: str) -> bytes:
        return rendering.render(self._options, context, call)

    def request(self, calls: Sequence[Call]) -> HttpRequest:
        return rendering.request(self._options, calls)

    def outcomes(self, calls: Sequence[Call], answer: Answer) -> Mapping[str, Outcome]:
        return answers.outcomes_of(calls, answer)

    def look_up(self, documents: Sequence[SealedDocument], remote_ids: Mapping[str, str]) -> Reading[Mapping[str, RemoteDocument]]:
        """The hints are not needed."""
        return reading.look_up(self._options, documents)

    def differences(self, document: SealedDocument, number: str | None, remote: RemoteDocument) -> tuple[str, ...]:
        """``number`` plays no part: Xero has none for manual journals."""
        if document.document_type == CUSTOMER:
            held = remote.completed.get(rendering.SAVE, {}).get("name")
            return () if held == rendering.contact_name(document) else ("name: not the one that was sealed",)
        entry = journal_entry(document)
        return differences(entry, remote, account_code=lambda account: self._options.account_code(entry.entity, account))

    def read_back(self, entity: str, period: str) -> Reading[Iterable[Record]]:
        return reading.read_back(self._options, entity, period)

    def ping(self) -> Reading[None]:
        return reading.ping(self._options)


def open_system(settings: Settings, name: str) -> HttpSystem:
    """Xero as the settings have it; nothing is sent before it is used.

    Raises:
        ConfigurationError: an entity has no tenant, a secret is missing, or the URL cannot be used.
    """
    manifest = adjusted(MANIFEST, settings, name)
    if manifest.batch_size == 1:
        # Then a key is a document's own, and sending it again within six minutes is answered as the first time.
        manifest = replace(manifest, key_retention=KEY_RETENTION)
    url = destination_url(settings, name)
    # Xero's tokens come from another host; the stand-in gives them itself.
    token_url = f"{url}/connect/token" if settings.destination(name).url == SANDBOX_URL else TOKEN_URL
    usual = Authorization(method="refresh_token", token_url=token_url)
    return open_http_system(settings, name, manifest, XeroMapping(options_of(settings, name)), url, usual)
