"""The walk event <-> usage summary <-> invoice line <-> journal line <-> ERP document, read from the published warehouse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from reverse_etl.errors import TieoutError
from reverse_etl.systems.document_links import DocumentLinks
from reverse_etl.warehouse import Warehouse

Row = Mapping[str, Any]


class NothingToTraceError(TieoutError):
    """No event, invoice or ERP document has this identifier."""


@dataclass(frozen=True, slots=True)
class Walk:
    """Everything connected with one identifier, each stage in its own list; ``found_as`` names what the identifier is."""

    identifier: str
    found_as: str
    events: Sequence[Row]
    event_count: int
    usage_summaries: Sequence[Row]
    invoice_lines: Sequence[Row]
    documents: Sequence[Row]
    payments: Sequence[Row]
    journal_lines: Sequence[Row]
    journal_entries: Sequence[Row]

    def as_record(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


# What was billed, by the register and, once the journals of a month were computed, by the platform: each line with its document.
_REGISTER_LINES = """
    select lines.document_line_key, lines.line_key, lines.corrects_line_key, lines.kind, lines.description, lines.customer_id,
        lines.bill_to_customer_id, lines.amount_minor, lines.tax_minor, lines.service_period_start, lines.currency, documents.business_key,
        documents.document_type, documents.number, documents.entity, documents.period, documents.total_minor, documents.state,
        documents.reference, documents.system, documents.remote_id, documents.remote_number, documents.correlation_id, documents.document_position
    from staging.stg_register_closing__billing_lines as lines
    inner join staging.stg_register_closing__documents as documents on lines.document_position = documents.document_position
"""
_PLATFORM_LINES = """
    union all
    select lines.document_line_key, lines.line_key, lines.corrects_line_key, lines.kind, lines.description, lines.customer_id,
        lines.bill_to_customer_id, lines.amount_minor, lines.tax_minor, lines.service_period_start, lines.currency, documents.business_key,
        documents.document_type, documents.number, documents.entity, documents.period, abs(documents.total_minor),
        'issued by the platform', null, 'platform', documents.remote_id, null, null, null
    from canonical.canonical_document_lines as lines
    inner join canonical.canonical_documents as documents on lines.business_key = documents.business_key
    where documents.issued_by = 'platform'
"""
_SET_ASIDE = """
    select file_name || ' line ' || line_number as place, reason || ' (' || meaning || ')' as reason, what_to_do
    from usage.quarantined_usage_events where event_id = $1 order by file_name, line_number limit 1
"""
_ACCOUNTED = "select 1 from information_schema.tables where table_schema = 'accounting' and table_name = 'payment_postings'"

# Each start yields document line keys, or usage keys where nothing is issued yet.
_STARTS: tuple[tuple[str, str], ...] = (
    (
        "event",
        """
        select distinct null as document_line_key, claimed.usage_key
        from usage.usage_events as events
        inner join usage.claimed_daily_usage as claimed
            on events.customer_id = claimed.customer_id and events.meter = claimed.meter and events.occurred_on = claimed.occurred_on
        where events.event_id = $1 or events.event_key = $1
        """,
    ),
    (
        "usage summary or invoice line",
        """
        select document_line_key, line_key as usage_key from billed
        where document_line_key = $1 or line_key = $1
        union all
        select null, usage_key from usage.usage_summaries where usage_key = $1
        """,
    ),
    (
        "usage summary or invoice line under another key",
        """
        with resubscribed as (
            select coalesce(max_by(stable_key || substring($1, length(stated_key) + 1), length(stated_key)), $1) as line_key
            from staging.stg_crm__stable_keys where kind = 'subscription' and starts_with($1, stated_key || '/')
        ),
        renamed as (
            select coalesce(
                max_by(replace(resubscribed.line_key, '/' || stated_key || '/', '/' || stable_key || '/'), length(stated_key)), any_value(line_key)
            ) as line_key
            from resubscribed
            left join staging.stg_crm__stable_keys as charges
                on charges.kind = 'charge' and contains(resubscribed.line_key, '/' || charges.stated_key || '/')
        )
        select lines.document_line_key, lines.line_key as usage_key
        from staging.stg_register_closing__billing_lines as lines
        inner join renamed on lines.line_key = renamed.line_key
        union all
        select null, summaries.usage_key from usage.usage_summaries as summaries
        inner join renamed on summaries.usage_key = renamed.line_key
        """,
    ),
    (
        "line of a draft",
        """
        select null as document_line_key, usage_key from analytics.invoice_preview
        where state in ('draft', 'held') and usage_key is not null and $1 in (document_line_key, preview_id)
        """,
    ),
    (
        "invoice or credit memo",
        """
        select document_line_key, line_key as usage_key from billed
        where $1 in (number, business_key, reference, remote_id, remote_number)
        """,
    ),
    (
        "ERP document",
        """
        select distinct billed.document_line_key, billed.line_key as usage_key
        from staging.stg_register_closing__journal_lines as journal_lines
        inner join staging.stg_register_closing__documents as documents on journal_lines.document_position = documents.document_position
        inner join billed
            on billed.document_line_key = journal_lines.source_line_key
            or (journal_lines.source_line_key is null and billed.business_key = journal_lines.source_document)
        where $1 in (documents.business_key, documents.natural_id, documents.reference, documents.remote_id, documents.remote_number)
            or journal_lines.natural_id = $1
        """,
    ),
)

_EVENTS = """
    select events.event_source, events.event_id, events.customer_id, events.meter, events.quantity,
        cast(events.occurred_at as varchar) as occurred_at, events.is_late, events.file_name, events.line_number, claimed.usage_key,
        count(*) over () as event_count
    from usage.usage_events as events
    inner join usage.claimed_daily_usage as claimed
        on events.customer_id = claimed.customer_id and events.meter = claimed.meter and events.occurred_on = claimed.occurred_on
    where list_contains($1, claimed.usage_key) and ($2 is null or events.event_id = $2 or events.event_key = $2)
    order by events.occurred_at, events.event_key
    limit $3
"""

_SUMMARIES = """
    select summaries.usage_key, summaries.customer_id, summaries.meter, cast(summaries.service_period_start as varchar) as service_period_start,
        summaries.quantity, summaries.event_count, rated.price_version,
        rated.amount_precise, rated.amount_minor, rated.currency, rated.hold_reason
    from usage.usage_summaries as summaries
    left join rating.rated_lines as rated on summaries.usage_key = rated.line_key
    where list_contains($1, summaries.usage_key)
    order by summaries.usage_key
"""

# What corrects a line is connected with it, and what it corrects too.
_INVOICE_LINES = """
    select document_line_key, line_key as usage_key, document_type, number, kind, description, customer_id, bill_to_customer_id,
        amount_minor, tax_minor, currency, cast(service_period_start as varchar) as service_period_start, period
    from billed
    where list_contains($1, document_line_key)
        or list_contains($1, corrects_line_key)
        or document_line_key in (select corrects_line_key from billed where list_contains($1, document_line_key))
        or list_contains($2, line_key)
    order by document_position, document_line_key
"""

_DOCUMENTS = """
    select distinct business_key, document_type, number, entity, period, total_minor, currency, state, reference, system, remote_id, remote_number,
        correlation_id, document_position
    from billed
    where list_contains($1, document_line_key)
    order by document_position, business_key
"""

_PAYMENTS = """
    select payment_key, payment_id, source, invoice_key, amount_minor, currency, cast(paid_on as varchar) as paid_on, status, hold_reason
    from accounting.payment_postings
    where list_contains($1, invoice_key)
    order by paid_on, payment_key
"""
_PAYMENT_START = (
    "payment",
    """
    select billed.document_line_key, billed.line_key as usage_key
    from billed
    inner join accounting.payment_postings as payments on billed.business_key = payments.invoice_key
    where $1 in (payments.payment_id, payments.payment_key)
    """,
)

_JOURNAL_LINES = """
    select journal_lines.line_key, journal_lines.source_line_key, journal_lines.source_document, documents.business_key, journal_lines.account,
        journal_lines.side, journal_lines.amount_minor, journal_lines.currency, journal_lines.functional_minor,
        entities.functional_currency,
        cast(journal_lines.posting_date as varchar) as posting_date, journal_lines.period, documents.remote_number, documents.remote_id,
        move_lines.remote_line_id
    from staging.stg_register_closing__journal_lines as journal_lines
    inner join staging.stg_register_closing__documents as documents on journal_lines.document_position = documents.document_position
    left join staging.stg_crm__legal_entities as entities on documents.entity = entities.entity
    left join staging.stg_ledger__move_lines as move_lines
        on documents.entity = move_lines.entity and documents.remote_id = move_lines.remote_id and journal_lines.posted_line_key = move_lines.line_key
    where list_contains($1, journal_lines.source_line_key)
        or (list_contains($2, journal_lines.source_document) and journal_lines.source_line_key is null)
    order by documents.document_position, journal_lines.line_key
"""

_JOURNAL_ENTRIES = """
    select documents.business_key, documents.document_type, documents.entity, documents.period,
        cast(documents.posting_date as varchar) as posting_date, documents.state, documents.correlation_id,
        documents.reference, documents.system, documents.remote_id, documents.remote_number, documents.total_minor, documents.currency
    from staging.stg_register_closing__documents as documents
    where list_contains($1, documents.business_key)
    order by documents.document_position
"""


def trace(warehouse: Warehouse, identifier: str, event_limit: int = 10) -> Walk:
    """Walk from the id of an event or a payment, an invoice number or an ERP document number to everything connected with it.

    Raises:
        NothingToTraceError: nothing published carries the identifier.
    """

    # A plan is traced before any journal was ever computed.
    accounted = warehouse.read_published(_ACCOUNTED).num_rows > 0
    billed = f"with billed as ({_REGISTER_LINES}{_PLATFORM_LINES if accounted else ''})"
    starts = (*_STARTS, _PAYMENT_START) if accounted else _STARTS

    def rows(statement: str, *parameters: Any) -> list[Row]:
        selected = statement if statement.lstrip().startswith("with") else f"{billed} {statement}"
        result: list[Row] = warehouse.read_published(selected, parameters).to_pylist()
        return result

    found = next(((name, start) for name, statement in starts if (start := rows(statement, identifier))), None)
    if found is None:
        _require_not_set_aside(warehouse, identifier)
        raise NothingToTraceError(
            f"nothing published is called {identifier!r}; give the id of an event or a payment, an invoice number or an ERP document number, "
            "and see 'tieout exceptions' for events that were quarantined"
        )
    found_as, start = found
    line_keys = [row["document_line_key"] for row in start if row["document_line_key"] is not None]
    usage_keys = [row["usage_key"] for row in start if row["usage_key"] is not None]
    invoice_lines = rows(_INVOICE_LINES, line_keys, usage_keys if not line_keys else [])
    line_keys = [row["document_line_key"] for row in invoice_lines]
    documents = rows(_DOCUMENTS, line_keys)
    journal_lines = rows(_JOURNAL_LINES, line_keys, [row["business_key"] for row in documents])
    events = rows(_EVENTS, usage_keys, identifier if found_as == "event" else None, event_limit)
    return Walk(
        identifier=identifier,
        found_as=found_as,
        events=events,
        event_count=events[0]["event_count"] if events else 0,
        usage_summaries=rows(_SUMMARIES, usage_keys),
        invoice_lines=invoice_lines,
        documents=documents,
        payments=rows(_PAYMENTS, [row["business_key"] for row in documents]) if accounted else [],
        journal_lines=journal_lines,
        journal_entries=rows(_JOURNAL_ENTRIES, sorted({row["business_key"] for row in journal_lines})),
    )


def with_links(walk: Walk, links: DocumentLinks) -> Walk:
    """The walk, whose documents say where a person sees them (``url``, None where there is no page)."""

    def linked(rows: Sequence[Row]) -> list[Row]:
        return [{**row, "url": links.url(row["system"], row["entity"], row["document_type"], row["remote_id"])} for row in rows]

    return replace(walk, documents=linked(walk.documents), journal_entries=linked(walk.journal_entries))


def _require_not_set_aside(warehouse: Warehouse, identifier: str) -> None:
    """Raises ``NothingToTraceError`` with the reason of an event that was delivered, and that nothing follows from."""
    for event in warehouse.read_published(_SET_ASIDE, [identifier]).to_pylist():
        raise NothingToTraceError(
            f"event {identifier} is set aside, so that nothing follows from it: {event['place']}, {event['reason']}. {event['what_to_do']}"
        )
