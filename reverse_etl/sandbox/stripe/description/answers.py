"""What the stand-in answers: objects with every member they have, and errors."""

from __future__ import annotations

from reverse_etl.sandbox.openapi import BOOLEAN, TEXT, Schema, array, nullable, one_of, shown
from reverse_etl.sandbox.stripe.credit_notes import REASONS
from reverse_etl.sandbox.stripe.invoices import STATUSES
from reverse_etl.sandbox.stripe.parameters import LARGEST_AMOUNT

INTEGER: Schema = {"type": "integer", "minimum": -LARGEST_AMOUNT, "maximum": LARGEST_AMOUNT}
COUNT: Schema = {"type": "integer", "minimum": 0}
TIME: Schema = {"type": "integer", "minimum": 0, "maximum": LARGEST_AMOUNT}
METADATA: Schema = {
    "type": "object",
    "maxProperties": 50,
    "propertyNames": {"pattern": "^[A-Za-z_]{1,40}$"},
    "additionalProperties": {"type": "string", "maxLength": 500},
}
CURRENCY: Schema = {"type": "string", "pattern": "^[a-z]{3}$"}


def list_of(items: Schema) -> Schema:
    return shown("list", data=array(items), has_more=BOOLEAN, url={"type": "string"})


ADDRESS = ("city", "country", "line1", "line2", "postal_code", "state")
TAX_SHOWN = shown(
    amount=INTEGER,
    tax_behavior=one_of("exclusive", "inclusive"),
    tax_rate_details=shown(tax_rate=TEXT),
    taxability_reason=TEXT,
    taxable_amount=INTEGER,
    type=one_of("tax_rate_details"),
)
BALANCES: Schema = {"type": "object", "additionalProperties": INTEGER}
PARENT: Schema = {"type": "object"}
TRANSITIONS = shown(**{name: nullable(TIME) for name in ("finalized_at", "marked_uncollectible_at", "paid_at", "voided_at")})
LINE_ITEM = shown(
    "line_item",
    ("pricing",),
    id=TEXT,
    amount=INTEGER,
    currency=CURRENCY,
    description=nullable(TEXT),
    discountable=BOOLEAN,
    discounts=array(TEXT),
    invoice=TEXT,
    livemode=BOOLEAN,
    metadata=METADATA,
    parent=PARENT,
    period=shown(start=INTEGER, end=INTEGER),
    pricing={"type": "object"},
    quantity=INTEGER,
    quantity_decimal=TEXT,
    subtotal=INTEGER,
    taxes=array(TAX_SHOWN),
)
CREDIT_NOTE_LINE = shown(
    "credit_note_line_item",
    id=TEXT,
    type=one_of("custom_line_item", "invoice_line_item"),
    invoice_line_item=nullable(TEXT),
    amount=INTEGER,
    description=nullable(TEXT),
    discount_amount=INTEGER,
    discount_amounts=array({}),
    livemode=BOOLEAN,
    metadata=METADATA,
    quantity=nullable(INTEGER),
    tax_rates=array({}),
    taxes=array(TAX_SHOWN),
    unit_amount=nullable(INTEGER),
    unit_amount_decimal=nullable(TEXT),
)
TOTALS = ("amount_due", "amount_paid", "amount_remaining", "subtotal", "subtotal_excluding_tax", "total", "total_excluding_tax")
NOTED = ("pre_payment_credit_notes_amount", "post_payment_credit_notes_amount")
SCHEMAS: dict[str, Schema] = {
    "error": shown(
        error=shown(
            None,
            ("code", "param"),
            type=one_of("api_error", "card_error", "idempotency_error", "invalid_request_error"),
            code=TEXT,
            message={"type": "string"},
            param={"type": "string"},
        )
    ),
    "customer": shown(
        "customer",
        id=TEXT,
        created=TIME,
        address=nullable(shown(**{name: nullable(TEXT) for name in ADDRESS})),
        balance=INTEGER,
        currency=nullable(CURRENCY),
        invoice_credit_balance=BALANCES,
        livemode=BOOLEAN,
        metadata=METADATA,
        **{name: nullable(TEXT) for name in ("name", "email", "phone", "description")},
    ),
    "balance_transaction": shown(
        "customer_balance_transaction",
        id=TEXT,
        created=TIME,
        customer=TEXT,
        currency=CURRENCY,
        amount=INTEGER,
        ending_balance=INTEGER,
        type=one_of("adjustment", "applied_to_invoice", "credit_note", "unapplied_from_invoice"),
        livemode=BOOLEAN,
        metadata=METADATA,
        **{name: nullable(TEXT) for name in ("invoice", "credit_note", "description")},
    ),
    "invoice": shown(
        "invoice",
        id=TEXT,
        created=TIME,
        customer=TEXT,
        currency=CURRENCY,
        status=one_of(*STATUSES),
        auto_advance=BOOLEAN,
        collection_method=nullable(one_of("charge_automatically", "send_invoice")),
        due_date=nullable(INTEGER),
        effective_at=nullable(INTEGER),
        livemode=BOOLEAN,
        automatic_tax={"type": "object"},
        billing_reason=TEXT,
        parent=nullable(PARENT),
        period_start=TIME,
        period_end=TIME,
        discounts=array({}),
        default_tax_rates=array({}),
        total_taxes=array(TAX_SHOWN),
        starting_balance=INTEGER,
        ending_balance=nullable(INTEGER),
        status_transitions=TRANSITIONS,
        metadata=METADATA,
        lines=list_of(LINE_ITEM),
        **dict.fromkeys((*TOTALS, *NOTED), INTEGER),
        **{name: nullable(TEXT) for name in ("number", "description", "footer")},
    ),
    "deleted_invoice": shown("invoice", id=TEXT, deleted={"const": True}),
    "invoice_payment": shown(
        "invoice_payment",
        id=TEXT,
        amount_paid=INTEGER,
        amount_requested=INTEGER,
        created=TIME,
        currency=CURRENCY,
        invoice=TEXT,
        is_default=BOOLEAN,
        livemode=BOOLEAN,
        payment={"type": "object"},
        status=one_of("open", "paid", "canceled"),
        status_transitions=shown(canceled_at=nullable(TIME), paid_at=nullable(TIME)),
    ),
    "credit_note": shown(
        "credit_note",
        id=TEXT,
        created=TIME,
        customer=TEXT,
        invoice=TEXT,
        currency=CURRENCY,
        status=one_of("issued", "void"),
        number=TEXT,
        memo=nullable(TEXT),
        metadata=METADATA,
        reason=nullable(one_of(*REASONS)),
        effective_at=INTEGER,
        type=one_of("pre_payment", "post_payment", "mixed"),
        total_taxes=array(TAX_SHOWN),
        out_of_band_amount=nullable(INTEGER),
        refunds=array({"type": "object"}),
        livemode=BOOLEAN,
        voided_at=nullable(TIME),
        lines=list_of(CREDIT_NOTE_LINE),
        **dict.fromkeys(
            ("amount", "subtotal", "subtotal_excluding_tax", "total", "total_excluding_tax", "pre_payment_amount", "post_payment_amount"), INTEGER
        ),
    ),
    "meter": shown(
        "billing.meter",
        id=TEXT,
        created=TIME,
        customer_mapping=shown(event_payload_key=TEXT, type=one_of("by_id")),
        default_aggregation=shown(formula=one_of("sum", "count")),
        display_name=TEXT,
        event_name=TEXT,
        livemode=BOOLEAN,
        status=one_of("active", "inactive"),
        value_settings=shown(event_payload_key=TEXT),
    ),
    "meter_event": shown(
        "billing.meter_event",
        created=TIME,
        event_name=TEXT,
        identifier={"type": "string", "maxLength": 100},
        livemode=BOOLEAN,
        payload={"type": "object", "additionalProperties": {"type": "string"}},
        timestamp=INTEGER,
    ),
    "meter_event_summary": shown(
        "billing.meter_event_summary",
        id=TEXT,
        aggregated_value={"type": "number"},
        meter=TEXT,
        livemode=BOOLEAN,
        start_time=INTEGER,
        end_time=INTEGER,
    ),
    "price": shown(
        "price",
        id=TEXT,
        active=BOOLEAN,
        billing_scheme=one_of("per_unit", "tiered"),
        created=TIME,
        currency=TEXT,
        livemode=BOOLEAN,
        metadata=METADATA,
        nickname=TEXT,
        product=TEXT,
        recurring={"type": "object"},
        tiers=nullable(array({"type": "object"})),
        tiers_mode=nullable(one_of("graduated", "volume")),
        type=one_of("recurring"),
        unit_amount_decimal=nullable(TEXT),
    ),
    "tax_rate": shown("tax_rate", ("country", "description", "jurisdiction", "jurisdiction_level", "state", "tax_type"), id=TEXT, active=BOOLEAN)
    | {"additionalProperties": True},
    "subscription": shown(
        "subscription",
        id=TEXT,
        collection_method=one_of("charge_automatically", "send_invoice"),
        created=TIME,
        currency=TEXT,
        customer=TEXT,
        days_until_due=nullable(INTEGER),
        default_tax_rates=array(TEXT),
        items={"type": "object"},
        livemode=BOOLEAN,
        metadata=METADATA,
        start_date=INTEGER,
        billed_periods=COUNT,
        status=one_of("active"),
    ),
}
