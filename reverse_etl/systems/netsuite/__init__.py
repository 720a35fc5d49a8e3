"""NetSuite: journal entries and customers over REST web services, by external id (docs/netsuite.md)."""

from __future__ import annotations

from reverse_etl.systems.netsuite.links import document_url
from reverse_etl.systems.netsuite.system import MANIFEST, NetSuite, open_system

__all__ = ["MANIFEST", "NetSuite", "document_url", "open_system"]
