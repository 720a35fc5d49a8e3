"""Executes requests: the idempotency store around the operations (https://docs.stripe.com/api/idempotent_requests)."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass

from reverse_etl.sandbox.faults import delayed
from reverse_etl.sandbox.stripe import balances, credit_notes, customers, invoice_lines, invoices
from reverse_etl.sandbox.stripe.billing import meters, payments, prices, subscriptions
from reverse_etl.sandbox.stripe.errors import StripeError, internal_error, invalid_parameter, unrecognized
from reverse_etl.sandbox.stripe.faults import Fault
from reverse_etl.sandbox.stripe.parameters import Parameters, decode_form
from reverse_etl.sandbox.stripe.store import Store, StoredAnswer

Operation = Callable[[Store, Parameters], str]

_COLLECTIONS: dict[tuple[str, str], Operation] = {
    ("POST", "/v1/customers"): customers.create,
    ("GET", "/v1/customers"): customers.list_page,
    ("POST", "/v1/invoices"): invoices.create,
    ("GET", "/v1/invoices"): invoices.list_page,
    ("POST", "/v1/credit_notes"): credit_notes.create,
    ("GET", "/v1/credit_notes"): credit_notes.list_page,
    ("POST", "/v1/billing/meters"): meters.create,
    ("GET", "/v1/billing/meters"): meters.list_page,
    ("POST", "/v1/billing/meter_events"): meters.record_event,
    ("POST", "/v1/prices"): prices.create,
    ("POST", "/v1/tax_rates"): prices.create_tax_rate,
    ("POST", "/v1/subscriptions"): subscriptions.create,
    ("GET", "/v1/subscriptions"): subscriptions.list_page,
    ("GET", "/v1/invoice_payments"): payments.list_page,
}
_MEMBERS: dict[tuple[str, str, str], Callable[[Store, Parameters, str], str]] = {
    ("GET", "customers", ""): customers.retrieve,
    ("POST", "customers", ""): customers.update,
    ("POST", "customers", "balance_transactions"): balances.create,
    ("GET", "customers", "balance_transactions"): balances.list_page,
    ("GET", "invoices", ""): invoices.retrieve,
    ("POST", "invoices", ""): invoices.update,
    ("DELETE", "invoices", ""): invoices.delete,
    ("GET", "invoices", "lines"): invoices.list_lines,
    ("POST", "invoices", "add_lines"): invoice_lines.add_lines,
    ("POST", "invoices", "finalize"): invoices.finalize,
    ("POST", "invoices", "void"): invoices.void,
    ("POST", "invoices", "pay"): invoices.pay,
    ("GET", "credit_notes", ""): credit_notes.retrieve,
    ("POST", "credit_notes", ""): credit_notes.update,
    ("GET", "credit_notes", "lines"): credit_notes.list_lines,
    ("GET", "billing/meters", ""): meters.retrieve,
    ("GET", "billing/meters", "event_summaries"): meters.list_summaries,
    ("GET", "prices", ""): prices.retrieve,
    ("GET", "tax_rates", ""): prices.retrieve_tax_rate,
    ("GET", "subscriptions", ""): subscriptions.retrieve,
}
_MEMBER_PATH = re.compile(r"^/v1/((?:billing/)?\w+)/(\w+)(?:/(\w+))?$")

LONGEST_KEY = 255
DEFAULT_KEY_RETENTION_SECONDS = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: str
    replayed: bool = False


class Engine:
    def __init__(self, store: Store, key_retention_seconds: float = DEFAULT_KEY_RETENTION_SECONDS) -> None:
        self.store = store
        self._key_retention_seconds = key_retention_seconds
        self._keys_in_use: set[str] = set()

    def bill(self, finalize: bool) -> list[str]:
        """Invoice the periods that have ended, as the platform does at its own time."""
        with self.store.transaction():
            return subscriptions.bill(self.store, finalize)

    async def answer(self, method: str, path: str, form: bytes, key: str | None, fault: Fault | None) -> Answer:
        """The answer to an authenticated request.

        Raises:
            StripeError: nothing was executed, and no key remembers it.
        """
        if method != "POST" or key is None:
            await delayed(fault)
            return self._execute(method, path, form, None, fault)
        if not 1 <= len(key) <= LONGEST_KEY:
            raise invalid_parameter(f"Idempotency keys have at most {LONGEST_KEY} characters", "Idempotency-Key")
        fingerprint = hashlib.sha256(b"\n".join((method.encode(), path.encode(), form))).hexdigest()
        if key in self._keys_in_use:
            message = "There is currently another in-progress request using this Idempotent Key"
            raise StripeError(409, message, kind="idempotency_error", code="idempotency_key_in_use", stored=False)
        stored = self.store.recall(key, self._key_retention_seconds)
        if stored is not None:
            if stored.fingerprint != fingerprint:
                message = "Keys for idempotent requests can only be used with the same parameters they were first used with."
                raise StripeError(400, message, kind="idempotency_error", stored=False)
            return Answer(stored.status, stored.body, replayed=True)
        self._keys_in_use.add(key)
        try:
            await delayed(fault)
            return self._execute(method, path, form, (key, fingerprint), fault)
        finally:
            self._keys_in_use.discard(key)

    def _execute(self, method: str, path: str, form: bytes, key: tuple[str, str] | None, fault: Fault | None) -> Answer:
        operation = find_operation(method, path)
        if operation is None:
            raise unrecognized(method, path)
        try:
            parameters = Parameters(decode_form(form.decode()))
        except UnicodeDecodeError:
            raise invalid_parameter("Invalid encoding: the body is not UTF-8", "body") from None
        with self.store.transaction():
            try:
                with self.store.savepoint():
                    _fail_before(fault)
                    answer = Answer(200, operation(self.store, parameters))
            except StripeError as error:
                if not error.stored:
                    raise
                answer = Answer(error.status, json.dumps(error.body))
            if fault is not None and fault.kind == "accept_then_500":
                answer = Answer(500, json.dumps(internal_error().body))
            if key is not None:
                self.store.remember(key[0], StoredAnswer(key[1], answer.status, answer.body))
        return answer


def find_operation(method: str, path: str) -> Operation | None:
    collection = _COLLECTIONS.get((method, path))
    if collection is not None:
        return collection
    match = _MEMBER_PATH.match(path)
    member = _MEMBERS.get((method, match[1], match[3] or "")) if match else None
    if match is None or member is None:
        return None
    return lambda store, parameters: member(store, parameters, match[2])


def _fail_before(fault: Fault | None) -> None:
    if fault is not None and fault.kind == "fail_with_500":
        raise internal_error()
    if fault is not None and fault.kind == "refuse":
        raise StripeError(402, "The request was refused.", kind="card_error", code="card_declined")
