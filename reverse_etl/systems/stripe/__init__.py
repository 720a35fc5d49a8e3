"""Stripe invoicing (https://docs.stripe.com/api, version 2026-10-28.endive): customers, invoices and credit notes.

Class A: a key is remembered for 24 hours, its stored answer may be an error; afterwards documents are found by listing.
Two Stripe accounts need two settings; several legal entities may share one account, told apart by ``metadata[tieout_entity]``.
"""

from reverse_etl.systems.stripe.links import document_url
from reverse_etl.systems.stripe.system import MANIFEST, StripeSystem, open_stripe, open_system

__all__ = ["MANIFEST", "StripeSystem", "document_url", "open_stripe", "open_system"]
