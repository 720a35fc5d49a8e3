"""Meters and the usage they count: https://docs.stripe.com/api/billing/meter, .../meter-event, .../meter-event-summary.

An event is checked twice, as Stripe does it: its identifier, value and timestamp at once, its meter and customer afterwards, where a failure
is an error report (``GET /_state``) and no answer.
"""

from __future__ import annotations

import json
import re

from reverse_etl.sandbox.stripe.errors import invalid_parameter, missing, refused
from reverse_etl.sandbox.stripe.listing import page_of
from reverse_etl.sandbox.stripe.parameters import Parameters
from reverse_etl.sandbox.stripe.store import MeterEvent, Object, Store, new_id

URL = "/v1/billing/meters"
KIND = "billing.meter"
FORMULAS = ("sum", "count")
SECONDS_BACK = 35 * 86400
SECONDS_AHEAD = 300
SECONDS_UNIQUE = 86400
"""Stripe promises that an identifier is unique "within a rolling period of at least 24 hours": after that the same event counts again."""
SECONDS_PER_MINUTE = 60
LONGEST_IDENTIFIER = 100
_VALUE = re.compile(r"^-?\d{1,15}$", re.ASCII)


def create(store: Store, parameters: Parameters) -> str:
    name, event_name = parameters.required_text("display_name"), parameters.required_text("event_name")
    aggregation = parameters.child("default_aggregation")
    if aggregation is None:
        raise invalid_parameter("Missing required param: default_aggregation.", "default_aggregation", "parameter_missing")
    formula = aggregation.choice("formula", FORMULAS)
    parameters.finish()
    if store.find_meter(event_name) is not None:
        raise refused(f"A meter with event_name '{event_name}' already exists.", param="event_name")
    meter: Object = {
        "id": new_id("mtr"),
        "object": KIND,
        "created": int(store.now()),
        "customer_mapping": {"event_payload_key": "stripe_customer_id", "type": "by_id"},
        "default_aggregation": {"formula": formula or "sum"},
        "display_name": name,
        "event_name": event_name,
        "livemode": False,
        "status": "active",
        "value_settings": {"event_payload_key": "value"},
    }
    store.insert(meter)
    return store.text(meter, URL)


def retrieve(store: Store, parameters: Parameters, identifier: str) -> str:
    parameters.finish()
    return store.text(require_meter(store, identifier), URL)


def list_page(store: Store, parameters: Parameters) -> str:
    return page_of(store, parameters, KIND, URL, {"status = ?": parameters.choice("status", ("active", "inactive"))})


def record_event(store: Store, parameters: Parameters) -> str:
    event_name, identifier = parameters.required_text("event_name"), parameters.text("identifier", LONGEST_IDENTIFIER) or new_id("evt")
    payload, timestamp, now = parameters.metadata("payload"), parameters.integer("timestamp"), int(store.now())
    parameters.finish()
    at = now if timestamp is None else timestamp
    if at < now - SECONDS_BACK:
        raise invalid_parameter("The timestamp must be within the past 35 calendar days.", "timestamp", "timestamp_too_far_in_past")
    if at > now + SECONDS_AHEAD:
        raise invalid_parameter("The timestamp must be at most 5 minutes in the future.", "timestamp", "timestamp_in_future")
    for name in ("stripe_customer_id", "value"):
        if name not in payload:
            raise invalid_parameter(f"The payload lacks the key {name}.", f"payload[{name}]", "parameter_missing")
    if not _VALUE.match(payload["value"]):
        raise invalid_parameter(f"Invalid value: {payload['value']}; whole numbers of at most 15 digits.", "payload[value]")
    if store.has_meter_event(identifier, SECONDS_UNIQUE):
        raise invalid_parameter(f"An event already exists with identifier {identifier}.", "identifier")
    store.add_meter_event(
        MeterEvent(identifier, event_name, payload["stripe_customer_id"], int(payload["value"]), at, _error_of(store, event_name, payload))
    )
    answer = {"object": "billing.meter_event", "created": now, "event_name": event_name, "identifier": identifier, "livemode": False}
    return json.dumps(answer | {"payload": payload, "timestamp": at})


def list_summaries(store: Store, parameters: Parameters, identifier: str) -> str:
    customer = parameters.required_text("customer")
    start, end = parameters.required_integer("start_time"), parameters.required_integer("end_time")
    parameters.integer("limit")
    parameters.finish()
    for name, bound in (("start_time", start), ("end_time", end)):
        if bound % SECONDS_PER_MINUTE:
            raise invalid_parameter("The time must be aligned with minute boundaries.", name)
    meter = require_meter(store, identifier)
    counted = counted_usage(store, meter, customer, start, end)
    summary = {"id": new_id("mtrsum"), "object": "billing.meter_event_summary", "aggregated_value": counted, "meter": identifier, "livemode": False}
    data = [] if counted is None else [summary | {"start_time": start, "end_time": end}]
    return json.dumps({"object": "list", "data": data, "has_more": False, "url": f"{URL}/{identifier}/event_summaries"})


def counted_usage(store: Store, meter: Object, customer: str, start: int, end: int) -> int | None:
    """What the meter counted of the customer from ``start`` up to ``end``; None without an event."""
    values = store.meter_values(meter["event_name"], customer, start, end)
    if not values:
        return None
    return len(values) if meter["default_aggregation"]["formula"] == "count" else sum(values)


def require_meter(store: Store, identifier: str, param: str | None = None) -> Object:
    meter = store.find(KIND, identifier)
    if meter is None:
        raise missing("billing meter", identifier, param)
    return meter


def _error_of(store: Store, event_name: str, payload: dict[str, str]) -> str | None:
    if store.find_meter(event_name) is None:
        return "no_meter"
    return None if store.find("customer", payload["stripe_customer_id"]) else "meter_event_customer_not_found"
