"""Where QuickBooks Online shows a document. Pure.

Intuit publishes no form for such links; this one is what its own pages have in the address (docs/lineage.md).
"""

from __future__ import annotations

from urllib.parse import urlencode, urlsplit

from reverse_etl.errors import ConfigurationError
from reverse_etl.settings import SANDBOX_PAGES, SANDBOX_URL, Settings
from reverse_etl.systems.contract import DocumentUrl
from reverse_etl.systems.http_system import destination_url
from reverse_etl.systems.journal_entries import JOURNAL_ENTRY
from reverse_etl.systems.quickbooks.companies import realm_of
from reverse_etl.systems.quickbooks.rendering import CUSTOMER

PRODUCTION, SANDBOX_COMPANIES = "https://app.qbo.intuit.com", "https://app.sandbox.qbo.intuit.com"
PAGES = {JOURNAL_ENTRY: ("/app/journal", "txnId"), CUSTOMER: ("/app/customerdetail", "nameId")}
KINDS = {JOURNAL_ENTRY: "JournalEntry", CUSTOMER: "Customer"}


def document_url(settings: Settings, name: str) -> DocumentUrl:
    """Raises ConfigurationError: the sandbox never ran."""
    is_sandbox = settings.destination(name).url == SANDBOX_URL
    services = destination_url(settings, name)
    pages = SANDBOX_COMPANIES if (urlsplit(services).hostname or "").startswith("sandbox-") else PRODUCTION

    def url(entity: str, document_type: str, remote_id: str) -> str | None:
        if document_type not in PAGES or not (remote_id.isascii() and remote_id.isdigit()):
            return None
        try:
            realm = realm_of(settings, name, entity)
        except ConfigurationError:
            return None
        if is_sandbox:
            return f"{services}{SANDBOX_PAGES}/{realm}/{KINDS[document_type]}/{remote_id}"
        page, parameter = PAGES[document_type]
        return f"{pages}{page}?{urlencode({parameter: remote_id, 'companyId': realm})}"

    return url
