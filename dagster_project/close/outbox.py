"""The outbox as the warehouse proposes it: rows of the outbox relations, read into the types of the register."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from reverse_etl.documents import OutboxRow
from reverse_etl.errors import OutboxContractError
from reverse_etl.warehouse import Warehouse

OPENINGS = "outbox.outbox_openings"
CUSTOMERS, INVOICES = "outbox.outbox_customers", "outbox.outbox_invoices"
CREDIT_MEMOS = "outbox.outbox_credit_memos"
BILLING_RELATIONS = (CUSTOMERS, INVOICES, CREDIT_MEMOS)
USAGE_RELATIONS = (CUSTOMERS, "outbox.outbox_usage_reports")
PLANNED_RELATIONS = (*BILLING_RELATIONS, USAGE_RELATIONS[-1])
JOURNAL_RELATIONS = ("outbox.outbox_journal_entries",)
THRESHOLD = "threshold"
"""The cause of an invoice that is due before its service period ends."""


def proposed(warehouse: Warehouse, relations: Sequence[str], entity: str | None = None, period: str | None = None) -> list[OutboxRow]:
    """What the outbox relations propose for one entity and period (None: all), in an order that depends on nothing but the rows.

    Documents come by date and key, so that the numbers they are given do not depend on the engine.

    Raises:
        OutboxContractError: a row cannot be read as version 1 of the contract.
    """
    condition = "entity = coalesce(?, entity) and period = coalesce(?, period)"
    return [row for relation in relations for row in _rows(warehouse, relation, condition, [entity, period])]


def proposed_at_thresholds(warehouse: Warehouse, entity: str, period: str) -> list[OutboxRow]:
    """The invoices that are due because a threshold was reached, and the customers they go to, whatever period those are told in.

    Raises:
        OutboxContractError: a row cannot be read as version 1 of the contract.
    """
    invoices = [row for row in proposed(warehouse, [INVOICES], entity, period) if row.cause == THRESHOLD]
    needed = {key for row in invoices for key in row.depends_on}
    return [row for row in _rows(warehouse, CUSTOMERS, "entity = ?", [entity]) if row.business_key in needed] + invoices


def _rows(warehouse: Warehouse, relation: str, condition: str, parameters: Sequence[str | None]) -> list[OutboxRow]:
    query = f"select * from {relation} where {condition} order by system, document_type, document_date, natural_id, revision"
    return [_row(relation, record) for record in warehouse.read(query, parameters).to_pylist()]


def _row(relation: str, record: Mapping[str, Any]) -> OutboxRow:
    try:
        values = {**record, "depends_on": tuple(json.loads(record["depends_on"])), "payload": json.loads(record["payload"])}
        return OutboxRow(**values)
    except (KeyError, TypeError, ValueError) as error:
        raise OutboxContractError(
            f"{relation} row {record.get('business_key')}: {error}; the model must match version 1 of the outbox contract"
        ) from error
