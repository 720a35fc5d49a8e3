"""Links to documents at their destinations, for pages, tables and metadata that name documents of several destinations."""

from __future__ import annotations

from reverse_etl.settings import BILLING_PLATFORM, Settings
from reverse_etl.systems.contract import DocumentUrl
from reverse_etl.systems.registry import document_url_of

ISSUED_BY_PLATFORM = "platform"
"""What the warehouse calls the system of documents that the billing platform issued by itself."""


class DocumentLinks:
    """Each destination's settings are read once, and a page is never asked for: without a network, a link is as quick as text."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._of: dict[str, DocumentUrl] = {}

    def url(self, system: str, entity: str, document_type: str, remote_id: str | None) -> str | None:
        """Where a person sees the document; None where it is not delivered, or its destination has no page for it."""
        if not remote_id:
            return None
        name = BILLING_PLATFORM if system == ISSUED_BY_PLATFORM else system
        if name not in self._of:
            self._of[name] = document_url_of(self._settings, name)
        return self._of[name](entity, document_type, remote_id)
