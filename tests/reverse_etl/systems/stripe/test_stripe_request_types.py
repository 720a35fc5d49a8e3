"""Every request that is rendered has the types of Stripe's own library for this version of the API: nothing unknown, nothing of another type."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache
from typing import Any

import pytest
import stripe
import stripe_documents as build
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic_core import core_schema
from stripe import params
from stripe._request_options import RequestOptions
from stripe._stripe_object import UntypedStripeObject
from stripe.params import billing
from typing_extensions import is_typeddict

from reverse_etl.documents import SealedDocument
from reverse_etl.systems.contract import Dependency, RenderContext
from reverse_etl.systems.stripe.client import API_VERSION
from reverse_etl.systems.stripe.rendering import call_names, line_calls, render

TYPES: Mapping[str, type] = {
    "/v1/customers": params.CustomerCreateParams,
    "/v1/customers/{id}": params.CustomerUpdateParams,
    "/v1/customers/{id}/balance_transactions": params.CustomerBalanceTransactionCreateParams,
    "/v1/invoices": params.InvoiceCreateParams,
    "/v1/invoices/{id}/add_lines": params.InvoiceAddLinesParams,
    "/v1/invoices/{id}/finalize": params.InvoiceFinalizeInvoiceParams,
    "/v1/credit_notes": params.CreditNoteCreateParams,
    "/v1/billing/meter_events": billing.MeterEventCreateParams,
}
# The library takes its own objects where it takes dictionaries; pydantic has to be told what they are.
UntypedStripeObject.__get_pydantic_core_schema__ = classmethod(lambda cls, source, handler: core_schema.is_instance_schema(cls))  # type: ignore[attr-defined]
MINOR = st.integers(1, 10**9)
LINES = st.lists(
    st.builds(
        build.line,
        st.uuids().map(str),
        st.integers(-(10**9), 10**9),
        st.integers(0, 10**6),
        st.sampled_from(["0.19", "0.07", "0.0825"]),
        tax_treatment=st.sampled_from([None, "taxed"]),
        customer_id=st.sampled_from([None, "C1", "C2"]),
        quantity=st.sampled_from([None, "12.5", "1e3"]),
    ),
    min_size=1,
    max_size=4,
)


@cache
def strict(path: str) -> TypeAdapter[Any]:
    """The library's type of a request, with its nested types, all of them closed."""
    wanted = TYPES[path]
    for found in vars(inspect.getmodule(wanted)).values():
        if is_typeddict(found):
            found.__pydantic_config__ = ConfigDict(extra="forbid", strict=True, arbitrary_types_allowed=True)
    adapter = TypeAdapter(wanted)
    # What the options of a request inherit is named in a module of its own.
    adapter.rebuild(_types_namespace={"StripeContext": str, "Mapping": Mapping, **vars(inspect.getmodule(wanted))})
    return adapter


def requests(document: SealedDocument, dependencies: Mapping[str, Dependency]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Call, path without ids, and form of each call of a posting."""
    lines = {line["line_key"]: {"id": "il_1"} for line in document.payload.get("lines", ())}
    replies = {"create": {"id": "in_1"}} | ({name: {"lines": lines} for name in line_calls(document)} if lines else {})
    for name in call_names(document):
        content = json.loads(render(RenderContext(document, replies, dependencies), name))
        yield name, re.sub(r"/[a-z]+_\w*\d+(?=/|$)", "/{id}", content["path"]), content["form"]


def _with_numbers(value: Any) -> Any:
    """The form with its one number that is no integer as the library has it, a float: it travels as exact text, for a form knows text only."""
    if isinstance(value, dict):
        return {name: float(inner) if name == "percentage" else _with_numbers(inner) for name, inner in value.items()}
    return [_with_numbers(inner) for inner in value] if isinstance(value, list) else value


def postings() -> st.SearchStrategy[tuple[SealedDocument, Mapping[str, Dependency]]]:
    owner = build.customer("C1")
    posted = {owner.business_key: Dependency("cus_1", {})}
    invoices = st.builds(
        build.invoice, st.just(owner), st.uuids().map(str), LINES, st.sampled_from(["USD", "EUR", "JPY"]), st.just(date(2026, 1, 31)), MINOR
    )
    reports = st.builds(
        lambda value, at: build.sealed(
            "usage_report", "U1", {"event_name": "calls", "value": str(value), "timestamp": at}, depends_on=(owner.business_key,)
        ),
        st.integers(-(10**14), 10**14),
        st.integers(1, 2 * 10**9),
    )
    customers = st.builds(build.customer, st.uuids().map(str), revision=st.integers(1, 2), name=st.text(min_size=1, max_size=9))
    return st.builds(
        lambda document: (document, posted | {document.business_key: Dependency("cus_2", {})}), customers | reports | invoices
    ) | st.builds(_credited, invoices, st.sampled_from([None, "credit"]), MINOR, MINOR, MINOR, st.booleans())


def _credited(
    invoice: SealedDocument, disposition: str | None, restored: int, refunded: int, returned: int, custom: bool
) -> tuple[SealedDocument, Mapping[str, Dependency]]:
    known = {line["line_key"]: {"id": "il_1", "tax_rate": "txr_1", "percentage": "19"} for line in invoice.payload["lines"]}
    lines = [
        build.line(f"c{place}", line["amount_minor"], 0 if custom else line["tax_minor"], None if custom else line["tax_rate"])
        | ({} if custom else {"corrects_line_key": line["line_key"]})
        for place, line in enumerate(invoice.payload["lines"])
    ]
    memo = build.credit_memo(invoice, "CM-1", lines, restored=restored, disposition=disposition, refunded=refunded, returned=returned)
    return memo, {invoice.business_key: Dependency("in_1", {"add_lines": {"lines": known}})}


def test_the_library_speaks_the_version_of_the_api_that_is_asked_for() -> None:
    assert stripe.api_version == API_VERSION


@settings(max_examples=60, deadline=None)
@given(postings())
def test_every_rendered_form_has_the_types_of_the_library(posting: tuple[SealedDocument, Mapping[str, Dependency]]) -> None:
    for _, path, form in requests(*posting):
        strict(path).validate_python(_with_numbers(form))
        assert not form.keys() & RequestOptions.__annotations__.keys(), "options of a request are no parameters"


def test_the_types_cover_every_call_of_every_kind_of_document() -> None:
    owner = build.customer("C1")
    document = build.invoice(owner, "INV-1", [build.line(str(place), 100, 19, "0.19") for place in range(120)], applied=50)
    memo, of_memo = _credited(document, "credit", 1, 0, 0, False)
    usage = build.sealed("usage_report", "U1", {"event_name": "calls", "value": "1", "timestamp": 1}, depends_on=(owner.business_key,))
    posted = {owner.business_key: Dependency("cus_1", {})}

    rendered = [
        (of.document_type, name, path)
        for of, dependencies in ((owner, posted), (build.customer("C1", revision=2), posted), (document, posted), (memo, of_memo), (usage, posted))
        for name, path, _ in requests(of, dependencies)
    ]

    assert {path for _, _, path in rendered} == TYPES.keys()
    assert {name for kind, name, _ in rendered if kind == "invoice"} == {"create", "add_lines", "add_lines_2", "apply_credit", "finalize"}


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        ("/v1/customers", {"nmae": "Ada"}),
        ("/v1/customers", {"address": {"cuontry": "US"}}),
        ("/v1/invoices/{id}/add_lines", {"lines": [{"amount": "100"}]}),
        ("/v1/invoices/{id}/add_lines", {"lines": [{"amount": 100, "tax_amounts": [{"amount": 1, "taxable_amount": 1, "tax_rate_data": {}}]}]}),
        ("/v1/invoices/{id}/add_lines", {}),
        ("/v1/credit_notes", {"invoice": "in_1", "lines": [{"type": "custom_line_item", "unit_amount": 1.5}]}),
    ],
)
def test_what_the_library_does_not_know_would_be_noticed(path: str, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        strict(path).validate_python(wrong)
