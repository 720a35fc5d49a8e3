"""Where Tryton's web client shows a document: ``#<database>/model/<model>/<id>``, as the client itself writes it into the address. Pure."""

from __future__ import annotations

from urllib.parse import quote

from reverse_etl.settings import SANDBOX_PAGES, SANDBOX_URL, Settings
from reverse_etl.systems.contract import DocumentUrl
from reverse_etl.systems.http_system import destination_url
from reverse_etl.systems.journal_entries import JOURNAL_ENTRY
from reverse_etl.systems.tryton.delivery import MOVE, PARTY
from reverse_etl.systems.tryton.rendering import CUSTOMER

MODELS = {JOURNAL_ENTRY: MOVE, CUSTOMER: PARTY}
WEB_CLIENT = "web_client"
"""The option with the web client's URL, where that is not the server's own."""


def document_url(settings: Settings, name: str) -> DocumentUrl:
    """Raises ConfigurationError: the sandbox never ran."""
    destination = settings.destination(name)
    if destination.url == SANDBOX_URL:
        pages = f"{destination_url(settings, name)}{SANDBOX_PAGES}"
        return lambda entity, document_type, remote_id: _page(pages, document_type, remote_id)
    server = destination.options.get(WEB_CLIENT) or destination_url(settings, name)
    client = f"{server.rstrip('/')}/#{quote(destination.database or 'erp', safe='')}/model"
    return lambda entity, document_type, remote_id: _page(client, document_type, remote_id)


def _page(pages: str, document_type: str, remote_id: str) -> str | None:
    model = MODELS.get(document_type)
    return f"{pages}/{model}/{remote_id}" if model and remote_id.isascii() and remote_id.isdigit() else None
