"""Where Xero shows a document (https://developer.xero.com/documentation/api-guides/deep-link-xero). Pure.

Contacts are among what Xero publishes links for. Manual journals are not: theirs is what its own pages have in the address (docs/lineage.md).
"""

from __future__ import annotations

import re

from reverse_etl.errors import ConfigurationError
from reverse_etl.settings import SANDBOX_PAGES, SANDBOX_URL, Settings
from reverse_etl.systems.contract import DocumentUrl
from reverse_etl.systems.http_system import destination_url
from reverse_etl.systems.journal_entries import JOURNAL_ENTRY
from reverse_etl.systems.xero.rendering import CONTACTS, CUSTOMER, JOURNALS

PAGES = "https://go.xero.com"
IN_ORGANISATION = f"{PAGES}/organisationlogin/default.aspx?shortcode={{code}}&redirecturl="
PATHS = {JOURNAL_ENTRY: "/Journal/View.aspx?invoiceID=", CUSTOMER: "/Contacts/View/"}
KINDS = {JOURNAL_ENTRY: JOURNALS, CUSTOMER: CONTACTS}
SHORT_CODE = "short_code"
"""The option with Xero's own code of an entity's organisation (``!23eYt``), which opens a link in the right one of several."""
_IDENTIFIER = re.compile(r"[0-9A-Fa-f-]{36}")


def document_url(settings: Settings, name: str) -> DocumentUrl:
    """Raises ConfigurationError: the sandbox never ran."""
    is_sandbox = settings.destination(name).url == SANDBOX_URL
    services = destination_url(settings, name)
    destination = settings.destination(name)

    def url(entity: str, document_type: str, remote_id: str) -> str | None:
        if document_type not in PATHS or not _IDENTIFIER.fullmatch(remote_id):
            return None
        if is_sandbox:
            try:
                return f"{services}{SANDBOX_PAGES}/{settings.option(name, 'tenant', entity)}/{KINDS[document_type]}/{remote_id}"
            except ConfigurationError:
                return None
        code = {**destination.options, **destination.entities.get(entity, {})}.get(SHORT_CODE)
        organisation = IN_ORGANISATION.format(code=code) if code else PAGES
        return f"{organisation}{PATHS[document_type]}{remote_id}"

    return url
