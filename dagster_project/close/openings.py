"""What a former system leaves at cutover: looked at, asked for, and sealed before anything else once another user has approved it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from dagster_project.close.installation import Installation
from dagster_project.close.outbox import OPENINGS, proposed
from reverse_etl.documents import OutboxRow
from reverse_etl.errors import ApprovalError
from reverse_etl.register import ApprovalRequest, NewApprovalRequest, Register, SealReport
from reverse_etl.register.contract import CARRIED_OVER, OPENING
from reverse_etl.register.openings import opening_hash
from reverse_etl.register.records.approvals import APPROVED

_IS_BUILT = "select count(*) as tables from information_schema.tables where table_schema || '.' || table_name = ?"
_PLAN = """
    select plans.*, entities.functional_currency, entities.functional_exponent
    from cutover.opening_plans as plans
    inner join staging.stg_crm__legal_entities as entities on plans.entity = entities.entity
    where plans.entity = ?
"""
_TRIAL_BALANCE = """
    select account, currency, currency_exponent, document_count, opened_minor, opened_functional_minor, delivered_minor, delivered_functional_minor,
        is_compared, is_break
    from cutover.opening_trial_balance where entity = ? order by account, currency
"""
_HELD = """
    select documents.file_name, documents.line_number, documents.opening || ' ' || documents.natural_id as subject,
        documents.hold_reason as rule, reasons.what_to_do
    from cutover.opening_documents as documents
    left join constants.reasons as reasons on documents.hold_reason = reasons.reason
    where documents.entity = ? and documents.hold_reason is not null
    order by documents.file_name, documents.line_number
"""
_REFUSED = """
    select refused.file_name, refused.line_number, refused.subject, refused.violation as rule, rules.what_to_do
    from ({rows}) as refused
    left join constants.reference_rules as rules on refused.violation = rules.rule
    where refused.entity = ? and refused.violation is not null
    order by refused.file_name, refused.line_number
""".format(
    rows=" union all ".join(
        f"select entity, file_name, line_number, violation, '{subject} ' || {key} as subject from staging.stg_cutover__{name}"
        for name, subject, key in (
            ("open_items", "invoice", "number"),
            ("deferred_revenue", "deferral", "deferral_id"),
            ("billed_lines", "billed line", "line_key"),
            ("balances", "balance of", "account_code"),
        )
    )
)


@dataclass(frozen=True, slots=True)
class Opening:
    """What would open for a legal entity, as the warehouse was last built.

    ``accounts``: what opens beside the delivered trial balance, by account and currency. ``refused``: rows that keep it from being approved, with
    file, line and what to do. ``request``: the request for exactly this. ``is_sealed``: it is opened already, and stays as it was approved.
    """

    entity: str
    documents: tuple[OutboxRow, ...]
    content_hash: str
    accounts: tuple[Mapping[str, Any], ...]
    refused: tuple[Mapping[str, Any], ...]
    equity: str
    request: ApprovalRequest | None
    is_sealed: bool

    @property
    def breaks(self) -> tuple[Mapping[str, Any], ...]:
        return tuple(account for account in self.accounts if account["is_break"])


def opening_of(installation: Installation, entity: str) -> Opening:
    """Raises ``ApprovalError`` where no data of a former system is delivered for the entity."""
    warehouse = installation.warehouse
    plans = warehouse.read(_PLAN, [entity]).to_pylist()
    if not plans:
        raise ApprovalError(f"nothing of a former system is delivered for {entity}; deliver opening_invoices, opening_balances and the like")
    [plan] = plans
    documents = tuple(proposed(warehouse, [OPENINGS], entity))
    content_hash = opening_hash(documents)
    with closing(installation.open_register()) as register:
        request, sealed = _request(register, entity, content_hash), _is_sealed(register, entity)
    equity = Decimal(int(plan["equity_functional_minor"])).scaleb(-plan["functional_exponent"])
    return Opening(
        entity,
        documents,
        content_hash,
        tuple(warehouse.read(_TRIAL_BALANCE, [entity]).to_pylist()),
        tuple(warehouse.read(_REFUSED, [entity]).to_pylist() + warehouse.read(_HELD, [entity]).to_pylist()),
        f"{equity:,f} {plan['functional_currency']}",
        request,
        sealed,
    )


def ask_for_opening(installation: Installation, entity: str, reason: str, correlation_id: str = "") -> ApprovalRequest:
    """Ask for the approval of what would open; the same content is answered by the request that is there.

    Raises:
        ApprovalError: nothing would open, it is opened already, a row of it is refused, or it differs from the delivered trial balance.
    """
    opening = opening_of(installation, entity)
    if opening.is_sealed:
        raise ApprovalError(f"{entity} is opened already: what is sealed never changes; correct it with tieout adjust or tieout write-off")
    if opening.refused:
        raise ApprovalError(f"{len(opening.refused)} rows of the opening of {entity} cannot be opened; see tieout opening {entity} and correct them")
    if opening.breaks:
        accounts = ", ".join(f"{account['account']} in {account['currency']}" for account in opening.breaks)
        raise ApprovalError(f"what would open for {entity} differs from the delivered trial balance on {accounts}; correct the deliveries")
    evidence = f"{reason}: {len(opening.documents)} documents, {opening.equity} left on the opening equity"
    asked = NewApprovalRequest(OPENING, entity, entity, evidence, content_hash=opening.content_hash)
    with closing(installation.open_register()) as register:
        return register.ask(asked, installation.actor, correlation_id)


def seal_opening(installation: Installation, entity: str, correlation_id: str) -> SealReport | None:
    """Seal what two people approved of the opening, as it was built when they saw it; None where there is nothing, or nothing approved, to seal."""
    warehouse = installation.warehouse
    [built] = warehouse.read(_IS_BUILT, [OPENINGS]).to_pylist()
    documents = proposed(warehouse, [OPENINGS], entity) if built["tables"] else []
    if not documents:
        return None
    with closing(installation.open_register()) as register:
        request = _request(register, entity, opening_hash(documents))
        if request is None or request.status != APPROVED or _is_sealed(register, entity):
            return None
        return register.seal(documents, installation.actor, correlation_id)


def _request(register: Register, entity: str, content_hash: str) -> ApprovalRequest | None:
    found = [
        request for request in register.approval_requests() if (request.kind, request.entity, request.content_hash) == (OPENING, entity, content_hash)
    ]
    return found[-1] if found else None


def _is_sealed(register: Register, entity: str) -> bool:
    return bool(register.documents(system=CARRIED_OVER, entity=entity, document_type=OPENING))
