"""The outbox as the warehouse proposes it: rows of the outbox relations, read into the types of the register."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from reverse_etl.documents import OutboxRow
from reverse_etl.errors import OutboxContractError
from reverse_etl.warehouse import Warehouse

BILLING_RELATIONS = ("outbox.outbox_customers", "outbox.outbox_invoices", "outbox.outbox_credit_memos")
USAGE_RELATIONS = ("outbox.outbox_customers", "outbox.outbox_usage_reports")
PLANNED_RELATIONS = (*BILLING_RELATIONS, USAGE_RELATIONS[-1])
JOURNAL_RELATIONS = ("outbox.outbox_journal_entries",)


def proposed(warehouse: Warehouse, relations: Sequence[str], entity: str, period: str) -> list[OutboxRow]:
    """What the outbox relations propose for one entity and period, in an order that depends on nothing but the rows.

    Documents come by date and key, so that the numbers they are given do not depend on the engine.

    Raises:
        OutboxContractError: a row cannot be read as version 1 of the contract.
    """
    rows: list[OutboxRow] = []
    for relation in relations:
        table = warehouse.read(
            f"select * from {relation} where entity = ? and period = ? order by system, document_type, document_date, natural_id, revision",
            [entity, period],
        )
        rows.extend(_row(relation, record) for record in table.to_pylist())
    return rows


def _row(relation: str, record: Mapping[str, Any]) -> OutboxRow:
    try:
        values = {**record, "depends_on": tuple(json.loads(record["depends_on"])), "payload": json.loads(record["payload"])}
        return OutboxRow(**values)
    except (KeyError, TypeError, ValueError) as error:
        raise OutboxContractError(
            f"{relation} row {record.get('business_key')}: {error}; the model must match version 1 of the outbox contract"
        ) from error
