"""Where NetSuite's pages show a record: ``/app/...`` of the account's own domain, as the links of its saved searches have it. Pure."""

from __future__ import annotations

from urllib.parse import urlsplit

from reverse_etl.settings import SANDBOX_PAGES, SANDBOX_URL, Settings
from reverse_etl.systems.contract import DocumentUrl
from reverse_etl.systems.http_system import destination_url
from reverse_etl.systems.journal_entries import JOURNAL_ENTRY
from reverse_etl.systems.netsuite.rendering import CUSTOMER

SERVICES_DOMAIN, PAGES_DOMAIN = ".suitetalk.api.netsuite.com", ".app.netsuite.com"
PAGES = {JOURNAL_ENTRY: "/app/accounting/transactions/journal.nl", CUSTOMER: "/app/common/entity/custjob.nl"}
RECORD_TYPES = {JOURNAL_ENTRY: "journalEntry", CUSTOMER: "customer"}


def document_url(settings: Settings, name: str) -> DocumentUrl:
    """Raises ConfigurationError: the sandbox never ran."""
    is_sandbox = settings.destination(name).url == SANDBOX_URL
    host = urlsplit(destination_url(settings, name)).hostname or ""
    services = destination_url(settings, name)

    def url(entity: str, document_type: str, remote_id: str) -> str | None:
        if document_type not in PAGES or not (remote_id.isascii() and remote_id.isdigit()):
            return None
        if is_sandbox:
            return f"{services}{SANDBOX_PAGES}/{RECORD_TYPES[document_type]}/{remote_id}"
        if not host.endswith(SERVICES_DOMAIN):
            return None
        return f"https://{host.removesuffix(SERVICES_DOMAIN)}{PAGES_DOMAIN}{PAGES[document_type]}?id={remote_id}"

    return url
