"""Xero: manual journals and contacts of the Accounting API (docs/xero.md)."""

from __future__ import annotations

from reverse_etl.systems.xero.links import document_url
from reverse_etl.systems.xero.system import MANIFEST, open_system

__all__ = ["MANIFEST", "document_url", "open_system"]
