"""What the stand-in takes, and the whole description.

Names, types and enumerations are those of Stripe's published specification (https://github.com/stripe/openapi), cut to what the stand-in does.
"""

from __future__ import annotations

from reverse_etl.sandbox.openapi import BOOLEAN, TEXT, Schema, answers, array, describe, one_of, reference, taken
from reverse_etl.sandbox.stripe.credit_notes import REASONS
from reverse_etl.sandbox.stripe.description.answers import (
    ADDRESS,
    CREDIT_NOTE_LINE,
    CURRENCY,
    INTEGER,
    LINE_ITEM,
    METADATA,
    SCHEMAS,
    TIME,
    list_of,
)
from reverse_etl.sandbox.stripe.invoices import STATUSES

API_VERSION = "2026-10-28.endive"
DECIMAL: Schema = {"type": "string", "pattern": "^[0-9]{1,8}([.][0-9]{1,12})?$"}
PERCENTAGE: Schema = {"type": "string", "pattern": "^[0-9]{1,2}([.][0-9]{1,4})?$"}

_CUSTOMER = dict.fromkeys(("name", "email", "phone", "description"), TEXT) | {
    "address": taken(**dict.fromkeys(ADDRESS, TEXT)),
    "metadata": METADATA,
}
_INVOICE = {
    "auto_advance": BOOLEAN,
    "collection_method": one_of("charge_automatically", "send_invoice"),
    "days_until_due": INTEGER,
    "due_date": TIME,
    "effective_at": TIME,
    "metadata": METADATA,
} | dict.fromkeys(("number", "description", "footer"), TEXT)
_PERIOD = taken(("start", "end"), start=INTEGER, end=INTEGER)
_TAX_RATE_DATA = taken(("display_name", "percentage"), display_name=TEXT, percentage=PERCENTAGE, inclusive=BOOLEAN, country=TEXT, tax_type=TEXT)
_LINE = taken(
    ("amount",),
    amount=INTEGER,
    description=TEXT,
    discountable=BOOLEAN,
    metadata=METADATA,
    period=_PERIOD,
    tax_amounts=array(
        taken(
            ("amount", "taxable_amount", "tax_rate_data"),
            amount=INTEGER,
            taxable_amount=INTEGER,
            tax_rate_data=_TAX_RATE_DATA,
            taxability_reason=TEXT,
        ),
        20,
    ),
)
_CREDITED_LINE = taken(
    ("type",),
    type=one_of("custom_line_item", "invoice_line_item"),
    amount=INTEGER,
    description=TEXT,
    invoice_line_item=TEXT,
    metadata=METADATA,
    quantity=INTEGER,
    unit_amount=INTEGER,
    unit_amount_decimal=DECIMAL,
    tax_amounts=array(taken(("amount", "taxable_amount", "tax_rate"), amount=INTEGER, taxable_amount=INTEGER, tax_rate=TEXT), 20),
)
_TIER = taken(("up_to",), up_to={"type": "string", "pattern": "^(inf|[0-9]{1,9})$"}, unit_amount_decimal=DECIMAL, flat_amount_decimal=DECIMAL)
_PAGE: dict[str, Schema] = {"limit": {"type": "integer", "minimum": 1, "maximum": 100}, "starting_after": TEXT}
_CREATED: dict[str, Schema] = {"created": taken(gt=TIME, gte=TIME, lt=TIME, lte=TIME)}


def _operation(answer: Schema, query: dict[str, Schema] | None = None, body: Schema | None = None, *, member: bool = False) -> Schema:
    parameters: list[Schema] = [
        {"name": name, "in": "query", "schema": schema} | ({"style": "deepObject", "explode": True} if schema["type"] == "object" else {})
        for name, schema in (query or {}).items()
    ]
    statuses = {200: answer} | dict.fromkeys((400, 401, 402, 409, 429, 503), reference("error"))
    if member:
        parameters.append({"name": "id", "in": "path", "required": True, "schema": {"type": "string", "pattern": "^[a-z]+_[0-9a-f]{24}$"}})
        statuses[404] = reference("error")
    operation: Schema = {
        "parameters": parameters,
        "responses": answers(statuses),
    }
    if body is not None:
        parameters.append({"name": "Idempotency-Key", "in": "header", "schema": {"type": "string", "pattern": "^[0-9a-f]{8,32}$"}})
        nested = {
            name: {"style": "deepObject", "explode": True} for name, schema in body["properties"].items() if schema["type"] in ("object", "array")
        }
        content = {"application/x-www-form-urlencoded": {"schema": body, "encoding": nested}}
        operation["requestBody"] = {"required": bool(body["required"]), "content": content}
    return operation


def _get(kind: str) -> Schema:
    return _operation(reference(kind), member=True)


def _page_of(kind: str, **filters: Schema) -> Schema:
    return _operation(list_of(reference(kind)), filters | _PAGE | _CREATED)


def _post(kind: str, body: Schema, *, member: bool = False) -> Schema:
    return _operation(reference(kind), body=body, member=member)


def description() -> Schema:
    """The whole description."""
    customer, invoice = {"customer": TEXT}, {"invoice": TEXT}
    deleted = _operation(reference("deleted_invoice"), member=True)
    paths: dict[str, dict[str, Schema]] = {
        "/v1/customers": {"get": _page_of("customer", email=TEXT), "post": _post("customer", taken(**_CUSTOMER))},
        "/v1/customers/{id}": {"get": _get("customer"), "post": _post("customer", taken(**_CUSTOMER), member=True)},
        "/v1/customers/{id}/balance_transactions": {
            "get": _operation(list_of(reference("balance_transaction")), invoice | _PAGE | _CREATED, member=True),
            "post": _post(
                "balance_transaction",
                taken(("amount", "currency"), amount=INTEGER, currency=CURRENCY, description=TEXT, metadata=METADATA),
                member=True,
            ),
        },
        "/v1/invoices": {
            "get": _page_of("invoice", customer=TEXT, status=one_of(*STATUSES)),
            "post": _post(
                "invoice", taken(("customer",), customer=TEXT, currency=CURRENCY, pending_invoice_items_behavior=one_of("exclude"), **_INVOICE)
            ),
        },
        "/v1/invoices/{id}": {"get": _get("invoice"), "post": _post("invoice", taken(**_INVOICE), member=True), "delete": deleted},
        "/v1/invoices/{id}/lines": {"get": _operation(list_of(LINE_ITEM), _PAGE, member=True)},
        "/v1/invoices/{id}/add_lines": {"post": _post("invoice", taken(("lines",), lines=array(_LINE), invoice_metadata=METADATA), member=True)},
        "/v1/invoices/{id}/finalize": {"post": _post("invoice", taken(auto_advance=BOOLEAN), member=True)},
        "/v1/invoices/{id}/void": {"post": _post("invoice", taken(), member=True)},
        "/v1/invoices/{id}/pay": {"post": _post("invoice", taken(paid_out_of_band=BOOLEAN, payment_method=TEXT), member=True)},
        "/v1/invoice_payments": {"get": _page_of("invoice_payment", invoice=TEXT, status=one_of("open", "paid", "canceled"))},
        "/v1/credit_notes": {
            "get": _page_of("credit_note", **customer, **invoice),
            "post": _post(
                "credit_note",
                taken(
                    ("invoice", "lines"),
                    invoice=TEXT,
                    lines=array(_CREDITED_LINE),
                    memo=TEXT,
                    metadata=METADATA,
                    reason=one_of(*REASONS),
                    effective_at=TIME,
                    email_type=one_of("credit_note", "none"),
                    credit_amount=INTEGER,
                    refund_amount=INTEGER,
                    out_of_band_amount=INTEGER,
                ),
            ),
        },
        "/v1/credit_notes/{id}": {"get": _get("credit_note"), "post": _post("credit_note", taken(memo=TEXT, metadata=METADATA), member=True)},
        "/v1/credit_notes/{id}/lines": {"get": _operation(list_of(CREDIT_NOTE_LINE), _PAGE, member=True)},
        "/v1/billing/meters": {
            "get": _page_of("meter", status=one_of("active", "inactive")),
            "post": _post(
                "meter",
                taken(
                    ("display_name", "event_name", "default_aggregation"),
                    display_name=TEXT,
                    event_name=TEXT,
                    default_aggregation=taken(("formula",), formula=one_of("sum", "count")),
                ),
            ),
        },
        "/v1/billing/meters/{id}": {"get": _get("meter")},
        "/v1/billing/meters/{id}/event_summaries": {
            "get": _operation(list_of(reference("meter_event_summary")), {"customer": TEXT, "start_time": TIME, "end_time": TIME}, member=True)
        },
        "/v1/billing/meter_events": {
            "post": _post(
                "meter_event",
                taken(
                    ("event_name", "payload"),
                    event_name=TEXT,
                    identifier={"type": "string", "maxLength": 100},
                    payload=taken(("stripe_customer_id", "value"), stripe_customer_id=TEXT, value={"type": "string", "pattern": "^-?[0-9]{1,15}$"}),
                    timestamp=TIME,
                ),
            )
        },
        "/v1/prices": {
            "post": _post(
                "price",
                taken(
                    ("currency", "recurring"),
                    currency=CURRENCY,
                    metadata=METADATA,
                    product_data=taken(("name",), name=TEXT),
                    recurring=taken(("interval", "usage_type", "meter"), interval=one_of("month"), usage_type=one_of("metered"), meter=TEXT),
                    billing_scheme=one_of("per_unit", "tiered"),
                    tiers_mode=one_of("graduated", "volume"),
                    unit_amount_decimal=DECIMAL,
                    tiers=array(_TIER),
                ),
            )
        },
        "/v1/prices/{id}": {"get": _get("price")},
        "/v1/tax_rates": {
            "post": _post("tax_rate", taken(("display_name", "percentage"), display_name=TEXT, percentage=PERCENTAGE, inclusive=BOOLEAN))
        },
        "/v1/tax_rates/{id}": {"get": _get("tax_rate")},
        "/v1/subscriptions": {
            "get": _page_of("subscription", **customer),
            "post": _post(
                "subscription",
                taken(
                    ("customer", "items"),
                    customer=TEXT,
                    items=array(taken(("price",), price=TEXT)),
                    metadata=METADATA,
                    backdate_start_date=TIME,
                    days_until_due=INTEGER,
                    collection_method=one_of("charge_automatically", "send_invoice"),
                    default_tax_rates=array(TEXT),
                ),
            ),
        },
        "/v1/subscriptions/{id}": {"get": _get("subscription")},
    }
    return describe("A stand-in for Stripe's invoice API", API_VERSION, paths, SCHEMAS)
