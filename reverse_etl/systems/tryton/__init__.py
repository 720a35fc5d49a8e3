"""Tryton 8.2 over JSON-RPC: customers become parties, journal entries become moves that are created and then posted.

Source: Tryton's client protocol (``POST /<database>/rpc/``), trytond 8.2 and the account module.
"""

from reverse_etl.systems.tryton.links import document_url
from reverse_etl.systems.tryton.system import MANIFEST, Tryton, open_system, open_tryton

__all__ = ["MANIFEST", "Tryton", "document_url", "open_system", "open_tryton"]
