"""Every relation that Tieout writes to: relation -> column -> SQL type, in types that each engine knows.

``raw``: deliveries and read-backs, append-only. ``register``: the mirror of the register, appended by position.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from reverse_etl.landing.register_relations import REGISTER_RELATIONS

Columns = Mapping[str, str]

ORIGIN: Columns = {"file_name": "varchar", "line_number": "bigint", "landed_on": "date", "loaded_at": "timestamp"}
"""Where a landed row came from: path relative to the inbox, 1-based line or row, partition, load time in UTC."""

EVENT_ATTRIBUTES = ("specversion", "id", "source", "type", "subject", "time", "data")
"""The CloudEvents 1.0 attributes that are landed as columns; ``data`` is the text of a JSON object."""

_REFERENCE: Mapping[str, tuple[str, ...]] = {
    "raw.legal_entities": (
        "entity_id",
        "name",
        "country",
        "functional_currency",
        "cutover_on",
        "tax_rounding",
        "inclusive_tax_rounding",
        "posting_granularity",
        "ledger",
    ),
    "raw.customers": (
        "customer_id",
        "name",
        "email",
        "country",
        "entity_id",
        "currency",
        "time_zone",
        "tax_id",
        "payment_term_days",
        "parent_customer_id",
    ),
    "raw.key_aliases": ("kind", "old_key", "new_key", "effective_from"),
    "raw.meters": (
        "meter",
        "unit",
        "aggregation",
        "description",
        "dimensions",
        "counted_attribute",
        "amount_attribute",
        "bucket",
        "largest_quantity",
        "reported_as",
        "reported_scale",
    ),
    "raw.plans": ("plan_id", "name", "description", "anchor", "period_unit", "period_count"),
    "raw.plan_patterns": ("plan_id", "rated_by", "effective_from"),
    "raw.charges": (
        "charge_id",
        "plan_id",
        "kind",
        "charge_model",
        "meter",
        "billing_timing",
        "product",
        "tax_code",
        "description",
        "grouped_by",
        "applies_to",
    ),
    "raw.prices": (
        "price_id",
        "price_version",
        "charge_id",
        "currency",
        "effective_from",
        "effective_to",
        "tier_up_to",
        "unit_price",
        "flat_fee",
        "tier_from",
        "rate_percent",
        "block_size",
        "customer_id",
        "dimensions",
    ),
    "raw.price_terms": ("price_id", "price_version", "term", "value"),
    "raw.subscriptions": (
        "subscription_id",
        "version",
        "customer_id",
        "plan_id",
        "starts_on",
        "ends_on",
        "anchor_on",
        "trial_ends_on",
        "starts_at",
        "ends_at",
    ),
    "raw.tax_rates": ("entity_id", "country", "tax_code", "rate", "effective_from", "effective_to", "tax_component"),
    "raw.exchange_rates": ("rate_date", "from_currency", "to_currency", "rate"),
    "raw.accounts": (
        "entity_id",
        "account_code",
        "name",
        "account_type",
        "is_receivable",
        "is_active",
        "currency",
        "required_dimensions",
    ),
    "raw.account_mappings": (
        "mapping_id",
        "entity_id",
        "role",
        "product",
        "account_code",
        "effective_from",
        "mapping_version",
        "event",
        "country",
        "dimensions",
        "effective_to",
    ),
    "raw.intercompany_agreements": ("entity_id", "product", "selling_entity_id", "transfer_share", "effective_from"),
    "raw.books": ("entity_id", "book", "fee_recognition"),
    "raw.credit_grants": (
        "grant_id",
        "customer_id",
        "currency",
        "amount",
        "kind",
        "granted_on",
        "expires_on",
        "priority",
        "credit_rate",
        "product",
    ),
    "raw.tax_exemptions": (
        "exemption_id",
        "customer_id",
        "entity_id",
        "country",
        "tax_code",
        "reason",
        "certificate",
        "effective_from",
        "effective_to",
    ),
    "raw.tax_registrations": ("registration_id", "customer_id", "tax_id", "effective_from", "effective_to"),
    "raw.control_totals": ("source", "sent_on", "file", "row_count", "quantity", "is_last_day"),
    "raw.foreign_entries": ("entity_id", "entry_number", "posting_date", "amount", "reason", "owner", "status"),
    "raw.payments": ("payment_id", "entity_id", "invoice", "currency", "amount", "paid_on", "status", "method", "functional_amount"),
    "raw.opening_invoices": (
        "entity_id",
        "number",
        "customer_id",
        "document_date",
        "due_on",
        "currency",
        "open_amount",
        "functional_amount",
        "exchange_rate",
    ),
    "raw.opening_deferred_revenue": (
        "entity_id",
        "deferral_id",
        "customer_id",
        "product",
        "currency",
        "service_period_start",
        "service_period_end",
        "remaining_amount",
        "functional_amount",
        "exchange_rate",
    ),
    "raw.opening_billed_lines": (
        "entity_id",
        "subscription_id",
        "charge_id",
        "dimensions",
        "service_period_start",
        "service_period_end",
        "currency",
        "amount",
        "quantity",
    ),
    "raw.opening_balances": ("entity_id", "account_code", "currency", "amount", "functional_amount", "exchange_rate"),
}

CHECKED_COLUMNS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"raw.tax_registrations": ("checked_tax_id", "checked_country", "tax_id_violation")}
)
"""The columns that the landing adds to delivered rows: what it found when it checked them."""

_DELIVERIES: Mapping[str, Columns] = {
    "raw.usage_events": {
        "record": "varchar",
        **dict.fromkeys(EVENT_ATTRIBUTES, "varchar"),
        "parse_error": "varchar",
        **ORIGIN,
    },
    **{relation: {**dict.fromkeys((*columns, *CHECKED_COLUMNS.get(relation, ())), "varchar"), **ORIGIN} for relation, columns in _REFERENCE.items()},
}

_LANDING: Mapping[str, Columns] = {
    "raw.landed_files": {
        "position": "bigint",
        "source": "varchar",
        "relation": "varchar",
        "file_name": "varchar",
        "landed_on": "date",
        "content_hash": "varchar",
        "byte_count": "bigint",
        "row_count": "bigint",
        "excluded_count": "bigint",
        "repeated_count": "bigint",
        "loaded_at": "timestamp",
    },
    "raw.excluded_rows": {"source": "varchar", "reason": "varchar", "remedy": "varchar", "record": "varchar", **ORIGIN},
    "raw.landing_problems": {
        "source": "varchar",
        "file_name": "varchar",
        "line_number": "bigint",
        "reason": "varchar",
        "remedy": "varchar",
        "seen_at": "timestamp",
    },
}

_READ: Columns = {"read_id": "bigint", "entity": "varchar", "period": "varchar", "remote_id": "varchar"}

_READ_BACKS: Mapping[str, Columns] = {
    "raw.read_backs": {
        "read_id": "bigint",
        "system": "varchar",
        "entity": "varchar",
        "period": "varchar",
        "completed_at": "timestamp",
        "document_count": "bigint",
    },
    "raw.stripe_invoices": {
        **_READ,
        "reference": "varchar",
        "number": "varchar",
        "status": "varchar",
        "currency": "varchar",
        "document_date": "date",
        "subtotal_minor": "bigint",
        "tax_minor": "bigint",
        "total_minor": "bigint",
        "customer_remote_id": "varchar",
        "credited_minor": "bigint",
        "amount_due_minor": "bigint",
    },
    "raw.stripe_invoice_lines": {**_READ, "line_key": "varchar", "amount_minor": "bigint", "tax_minor": "bigint", "description": "varchar"},
    "raw.stripe_credit_notes": {
        **_READ,
        "reference": "varchar",
        "number": "varchar",
        "status": "varchar",
        "currency": "varchar",
        "document_date": "date",
        "invoice_remote_id": "varchar",
        "subtotal_minor": "bigint",
        "tax_minor": "bigint",
        "total_minor": "bigint",
    },
    "raw.stripe_credit_note_lines": {**_READ, "line_key": "varchar", "amount_minor": "bigint", "tax_minor": "bigint", "description": "varchar"},
    "raw.platform_invoices": {
        **_READ,
        "number": "varchar",
        "status": "varchar",
        "currency": "varchar",
        "document_date": "date",
        "subtotal_minor": "bigint",
        "tax_minor": "bigint",
        "total_minor": "bigint",
        "customer_remote_id": "varchar",
        "subscription_remote_id": "varchar",
        "subscription_id": "varchar",
        "finalized_on": "date",
        "voided_on": "date",
        "period_start": "date",
        "period_end": "date",
        "amount_remaining_minor": "bigint",
    },
    "raw.platform_invoice_lines": {
        **_READ,
        "remote_line_id": "varchar",
        "subscription_id": "varchar",
        "charge_id": "varchar",
        "usage_type": "varchar",
        "quantity": "varchar",
        "amount_minor": "bigint",
        "tax_minor": "bigint",
        "tax_percentage": "varchar",
        "period_start": "date",
        "period_end": "date",
        "description": "varchar",
    },
    "raw.platform_credit_notes": {
        **_READ,
        "number": "varchar",
        "status": "varchar",
        "currency": "varchar",
        "document_date": "date",
        "subtotal_minor": "bigint",
        "tax_minor": "bigint",
        "total_minor": "bigint",
        "invoice_remote_id": "varchar",
        "voided_on": "date",
    },
    "raw.platform_credit_note_lines": {
        **_READ,
        "remote_line_id": "varchar",
        "invoice_line_remote_id": "varchar",
        "amount_minor": "bigint",
        "tax_minor": "bigint",
        "description": "varchar",
    },
    "raw.platform_payments": {
        **_READ,
        "invoice_remote_id": "varchar",
        "status": "varchar",
        "currency": "varchar",
        "amount_minor": "bigint",
        "paid_on": "date",
        "method": "varchar",
        "payment_remote_id": "varchar",
    },
    "raw.platform_usage": {
        **_READ,
        "customer_remote_id": "varchar",
        "event_name": "varchar",
        "window_start": "bigint",
        "window_end": "bigint",
        "counted": "varchar",
    },
    "raw.ledger_moves": {
        **_READ,
        "reference": "varchar",
        "number": "varchar",
        "state": "varchar",
        "posting_date": "date",
        "erp_period": "varchar",
        "description": "varchar",
        "cancels_remote_id": "varchar",
        "written_at": "timestamp",
    },
    "raw.ledger_move_lines": {
        **_READ,
        "remote_line_id": "varchar",
        "line_key": "varchar",
        "account_code": "varchar",
        "debit_minor": "bigint",
        "credit_minor": "bigint",
        "currency": "varchar",
        "amount_minor": "bigint",
        "party_code": "varchar",
    },
    "raw.ledger_account_movements": {
        "read_id": "bigint",
        "entity": "varchar",
        "period": "varchar",
        "account_code": "varchar",
        "debit_minor": "bigint",
        "credit_minor": "bigint",
    },
}

RELATIONS: Mapping[str, Columns] = MappingProxyType({**_DELIVERIES, **_LANDING, **_READ_BACKS, **REGISTER_RELATIONS})

RENAMED_RELATIONS: Mapping[str, str] = MappingProxyType(
    {f"raw.tryton_{name}": f"raw.ledger_{name}" for name in ("moves", "move_lines", "account_movements")}
)
"""What installations made before a ledger could be any ERP have under an older name."""

DELIVERED_COLUMNS: Mapping[str, tuple[str, ...]] = MappingProxyType({"raw.usage_events": EVENT_ATTRIBUTES, **_REFERENCE})
"""The columns a delivery may fill, per relation; the others are landing's own."""
