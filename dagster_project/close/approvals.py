"""Asking for decisions and taking them, as the user whom the operating system has authenticated. Amounts are proposed by the models."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from decimal import Decimal
from typing import Any

from dagster_project.close.installation import Installation
from dagster_project.quantities import counted, in_units, number
from reverse_etl.documents import SealedDocument, State
from reverse_etl.errors import ApprovalError
from reverse_etl.register import ApprovalRequest, NewApprovalRequest, Register
from reverse_etl.register.records.approvals import ADJUSTMENT, GOODWILL, RUN_GATE, USAGE_SPIKE, VOID, WRITE_OFF

SHORTEST_PREFIX = 8

_STOPPED_GATES = """
    select
        entity, cause, subject, plan_hash, functional_currency, line_count, customer_count, line_limit, status,
        cast(document_month as varchar) as document_month,
        cast(gross_minor as varchar) as gross_minor, cast(gross_limit as varchar) as gross_limit,
        customer_id, is_over_norm, norm_months, norm_customers, cast(norm_minor as varchar) as norm_minor,
        exponent
    from approvals.run_gates
    inner join constants.currencies on functional_currency = currency
    where is_stopped and strftime(document_month, '%Y-%m') = ?
    order by entity, cause, customer_id
"""
_SPIKES = """
    select held.entity, spikes.line_key, spikes.fingerprint, spikes.meter, spikes.subscription_id, spikes.norm_periods,
        cast(spikes.quantity as varchar) as quantity, cast(spikes.norm_total as varchar) as norm_total
    from approvals.usage_spikes as spikes
    inner join invoicing.held_lines as held on spikes.line_key = held.line_key
    where held.hold_reason = 'usage_spike' and held.blocks_document and strftime(held.document_month, '%Y-%m') = ?
    order by held.entity, spikes.line_key
"""
_CUSTOMERS = "select entity, currency from staging.stg_crm__customers where customer_id = ?"
_ENTITIES = "select entity from staging.stg_crm__legal_entities order by entity"
_TAX_CODES = "select distinct tax_code from staging.stg_billing__charges where product = ? order by tax_code"
_EXPONENTS = "select exponent from constants.currencies where currency = ?"
_BALANCES = "select remaining_minor from canonical.invoice_balances where invoice_key = ?"


def stopped_gates(installation: Installation, period: str) -> list[Mapping[str, Any]]:
    """What the run gates stop in documents of a period, one row per legal entity and cause, as the warehouse was last built."""
    rows: list[Mapping[str, Any]] = installation.warehouse.read(_STOPPED_GATES, [period]).to_pylist()
    return rows


def ask_for_stopped(installation: Installation, entity: str, period: str, correlation_id: str = "") -> list[ApprovalRequest]:
    """Ask for the approval of every plan that a run gate stops and of every usage spike of a period; what was asked already stays as it is."""
    asked = [
        NewApprovalRequest(RUN_GATE, row["entity"], row["subject"], gate_evidence(row), content_hash=row["plan_hash"])
        for row in stopped_gates(installation, period)
        if row["entity"] == entity
    ]
    asked += [
        NewApprovalRequest(USAGE_SPIKE, row["entity"], row["line_key"], _spike_evidence(row), content_hash=row["fingerprint"])
        for row in installation.warehouse.read(_SPIKES, [period]).to_pylist()
        if row["entity"] == entity
    ]
    with closing(installation.open_register()) as register:
        return [register.ask(one, installation.actor, correlation_id) for one in asked]


def gate_evidence(row: Mapping[str, Any]) -> str:
    """What a gate stops and why, in words."""
    currency, exponent = row["functional_currency"], row["exponent"]
    gross, norm = (f"{currency} {number(in_units(row[name] or 0, exponent), exponent)}" for name in ("gross_minor", "norm_minor"))
    customers = counted(row["customer_count"], "customer")
    if row["is_over_norm"]:
        of = "all customers" if row["customer_id"] == "*" else f"customer {row['customer_id']}"
        months = "month" if row["norm_months"] == 1 else f"{row['norm_months']} months"
        return f"{row['cause']} of {of}: gross {gross} of {customers}; in the {months} before, {norm} of {row['norm_customers']}"
    limits = [f"{currency} {number(row['gross_limit'], exponent)}"] if row["gross_limit"] is not None else []
    limits += [counted(row["line_limit"], "line")] if row["line_limit"] is not None else []
    return f"{row['cause']}: {counted(row['line_count'], 'line')} of {customers}, gross {gross}; up to {' or '.join(limits)} goes on without approval"


def _spike_evidence(row: Mapping[str, Any]) -> str:
    quantities = [number(row[name]) for name in ("quantity", "norm_total")]
    return f"{row['meter']} of {row['subscription_id']}: {quantities[0]} used; {quantities[1]} in the {row['norm_periods']} periods before"


def ask_for_credit(
    installation: Installation,
    invoice: str,
    amount: Decimal,
    reason: str,
    line_key: str | None = None,
    disposition: str = "offset",
    before_discount: bool = False,
) -> ApprovalRequest:
    """Ask for a goodwill credit on an issued invoice, or on one of its lines.

    ``invoice`` is a number or a business key; ``amount`` is in units of its currency, net of tax, which comes on top.

    Raises:
        ApprovalError: no such invoice or line is issued, or the amount is not one of its currency.
    """
    with closing(installation.open_register()) as register:
        document = _issued_invoice(register, invoice)
        if line_key is not None and line_key not in {line["line_key"] for line in document.payload["lines"]}:
            raise ApprovalError(f"{document.number} has no line {line_key}; list its lines with 'tieout trace {document.number}'")
        asked = NewApprovalRequest(
            GOODWILL,
            document.entity,
            document.business_key,
            reason,
            line_key=line_key,
            currency=document.currency,
            amount_minor=_minor(amount, document.currency, int(document.payload["currency_exponent"])),
            basis="before_discount" if before_discount else "net",
            disposition=disposition,
        )
        return register.ask(asked, installation.actor)


def ask_for_void(installation: Installation, invoice: str, rebill: bool, reason: str, disposition: str = "offset") -> ApprovalRequest:
    """Ask for the reversal of all that is left of an issued invoice; with ``rebill`` its lines are billed again.

    Raises:
        ApprovalError: no such invoice is issued.
    """
    with closing(installation.open_register()) as register:
        document = _issued_invoice(register, invoice)
        asked = NewApprovalRequest(
            VOID,
            document.entity,
            document.business_key,
            reason,
            currency=document.currency,
            disposition=disposition,
            rebill="yes" if rebill else "no",
        )
        return register.ask(asked, installation.actor)


def ask_for_adjustment(
    installation: Installation,
    customer: str,
    product: str,
    period: str,
    amount: Decimal,
    reason: str,
    currency: str | None = None,
    entity: str | None = None,
) -> ApprovalRequest:
    """Ask to bill a customer an amount, net of tax, of a product and a month, beside what is rated.

    ``currency`` and ``entity`` are those of the customer where they are not given.

    Raises:
        ApprovalError: the customer, the product or the legal entity is unknown, the period is no month, or the amount is not above zero.
        DestinationError: nothing was computed yet that would know them.
    """
    if amount < 0:
        raise ApprovalError(f"{amount} would reduce what was billed: ask with 'tieout credit', which names the invoice that it reduces")
    customers = _published(installation, _CUSTOMERS, customer)
    if not customers:
        raise ApprovalError(f"there is no customer {customer}; give its id, as the CRM has it")
    owner, money = entity or customers[0]["entity"], currency or customers[0]["currency"]
    if owner is None or money is None:
        raise ApprovalError(f"customer {customer} has no {'legal entity' if owner is None else 'currency'} of its own: give one")
    entities = [row["entity"] for row in _published(installation, _ENTITIES)]
    if owner not in entities:
        raise ApprovalError(f"there is no legal entity {owner}; known are {', '.join(entities)}")
    codes = [row["tax_code"] for row in _published(installation, _TAX_CODES, product)]
    if len(codes) != 1:
        why = "on no charge" if not codes else "taxed in more than one way"
        raise ApprovalError(f"product {product} is {why}: name one that the charge file taxes")
    exponents = _published(installation, _EXPONENTS, money)
    if not exponents:
        raise ApprovalError(f"{money} is no currency that is known, such as USD")
    asked = NewApprovalRequest(
        ADJUSTMENT,
        owner,
        customer,
        reason,
        line_key=f"{product}/{period}",
        currency=money,
        amount_minor=_minor(amount, money, exponents[0]["exponent"]),
        basis="net",
    )
    with closing(installation.open_register()) as register:
        return register.ask(asked, installation.actor)


def ask_for_write_off(installation: Installation, invoice: str, reason: str, amount: Decimal | None = None) -> ApprovalRequest:
    """Ask to write an issued invoice off: ``amount`` with tax, or all that is open of it as the warehouse was last published.

    Raises:
        ApprovalError: no such invoice is issued, nothing of it is open, or the amount is not one of its currency.
        DestinationError: no balance was computed yet.
    """
    with closing(installation.open_register()) as register:
        document = _opened_invoice(register, invoice) or _issued_invoice(register, invoice)
        if amount is not None:
            minor = _minor(amount, document.currency, int(document.payload["currency_exponent"]))
        else:
            balances = _published(installation, _BALANCES, document.business_key)
            minor = balances[0]["remaining_minor"] if balances else 0
            if minor <= 0:
                raise ApprovalError(f"nothing is open of {invoice} as it was last computed; see canonical.invoice_balances, or give --amount")
        asked = NewApprovalRequest(
            WRITE_OFF, document.entity, document.business_key, reason, currency=document.currency, amount_minor=minor, basis="gross"
        )
        return register.ask(asked, installation.actor)


def _published(installation: Installation, statement: str, *parameters: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = installation.warehouse.read_published(statement, list(parameters)).to_pylist()
    return rows


def _minor(amount: Decimal, currency: str, exponent: int) -> int:
    minor = amount.scaleb(exponent)
    if minor != minor.to_integral_value() or minor <= 0:
        raise ApprovalError(f"{amount} is no amount of {currency}: above zero, with {exponent} decimals at most")
    return int(minor)


def approve(installation: Installation, identifier: str) -> ApprovalRequest:
    """Approve a request as it stands. ``identifier`` is the id of a request, a plan's hash, the first digits of either, or what the one request that
    is open about it is of.

    Raises:
        MakerIsCheckerError: the same person asked for it.
        ApprovalError: there is no such request, or it is decided.
    """
    with closing(installation.open_register()) as register:
        request = _one_request(register, identifier)
        four_eyes = installation.settings.approvals.four_eyes
        return register.approve(request.request_id, request.content_hash, installation.actor, four_eyes)


def reject(installation: Installation, identifier: str, reason: str) -> ApprovalRequest:
    """Reject a request, or withdraw one. Raises ``ApprovalError`` when there is no such request, or its document is sealed."""
    with closing(installation.open_register()) as register:
        request = _one_request(register, identifier)
        four_eyes = installation.settings.approvals.four_eyes
        return register.reject(request.request_id, request.content_hash, installation.actor, reason, four_eyes)


def _opened_invoice(register: Register, invoice: str) -> SealedDocument | None:
    """An open item of a former system, by its number there or its business key."""
    opened = [document for document in register.documents(document_type="opening") if document.payload["opening"] == "open_item"]
    found = [document for document in opened if invoice in (document.payload["number"], document.business_key)]
    return found[0] if len(found) == 1 else None


def _issued_invoice(register: Register, invoice: str) -> SealedDocument:
    given = {"business_key": invoice} if "/" in invoice else {"number": invoice}
    found = [document for document, delivery in register.deliveries(document_type="invoice", **given) if delivery.state is not State.CANCELLED]
    if not found:
        raise ApprovalError(f"no invoice {invoice} is issued; give its number, such as INV-ACME-000001, or its business key")
    return found[-1]


def _one_request(register: Register, identifier: str) -> ApprovalRequest:
    requests = register.approval_requests()
    exact = [request for request in requests if identifier in (request.request_id, request.content_hash)]
    found = exact or [
        request
        for request in requests
        if len(identifier) >= SHORTEST_PREFIX and (request.request_id.startswith(identifier) or request.content_hash.startswith(identifier))
    ]
    found = found or [request for request in requests if request.status == "open" and request.subject == identifier]
    if len(found) != 1:
        raise ApprovalError(f"{identifier} is {'no request' if not found else 'more than one request'}; list them with 'tieout approvals'")
    return found[0]
