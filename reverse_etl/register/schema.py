"""The register's relations. Facts are append-only and keyed by their position in the log; the rest is a projection of them.

How a database comes to have them is in ``store/migrations.py``.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, MetaData, String, Table, Text

metadata = MetaData()


def _position() -> Column[int]:
    return Column("position", BigInteger, primary_key=True, autoincrement=False)


register = Table(
    "register",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("schema_version", Integer, nullable=False),
    Column("incarnation", String, nullable=False),
    Column("incarnation_number", Integer, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("head_hash", String, nullable=False),
)

log = Table(
    "log",
    metadata,
    _position(),
    Column("kind", String, nullable=False),
    Column("at", String, nullable=False),
    Column("actor", String, nullable=False),
    Column("correlation_id", String, nullable=False),
    Column("hash", String, nullable=False),
)

incarnations = Table("incarnations", metadata, _position(), Column("incarnation", String, nullable=False), Column("reason", Text, nullable=False))

documents = Table(
    "documents",
    metadata,
    _position(),
    Column("contract_version", Integer, nullable=False),
    Column("system", String, nullable=False),
    Column("entity", String, nullable=False),
    Column("document_type", String, nullable=False),
    Column("natural_id", String, nullable=False),
    Column("business_key", String, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("operation", String, nullable=False),
    Column("series", String),
    Column("number", String),
    Column("document_date", String, nullable=False),
    Column("posting_date", String, nullable=False),
    Column("period", String, nullable=False),
    Column("currency", String, nullable=False),
    Column("total_minor", BigInteger, nullable=False),
    Column("depends_on", Text, nullable=False),
    Column("sensitivity", String, nullable=False),
    Column("cause", String, nullable=False),
    Column("subtracted_key", String, nullable=False),
    Column("register_head", BigInteger, nullable=False),
    Column("register_incarnation", String, nullable=False),
    Column("content_hash", String, nullable=False),
    Column("reference", String, nullable=False),
    Column("payload", Text, nullable=False),
    # Not unique, and the number neither: what replaces a cancelled document has its key and number, and often its content.
    Index("documents_by_business_key", "business_key", "revision"),
    Index("documents_by_subtracted_key", "subtracted_key", "position"),
    Index("documents_by_lane", "system", "entity", "period"),
    Index("documents_by_number", "number"),
)

transitions = Table(
    "transitions",
    metadata,
    _position(),
    Column("document_position", BigInteger, nullable=False),
    Column("state", String, nullable=False),
    Column("remote_id", String),
    Column("remote_number", String),
    Column("reason", Text),
    Index("transitions_by_document", "document_position", "position"),
)

calls = Table(
    "calls",
    metadata,
    _position(),
    Column("document_position", BigInteger, nullable=False),
    Column("call_name", String, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("idempotency_key", String, nullable=False),
    Column("request", LargeBinary, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Index("calls_by_document", "document_position", "position"),
)

call_results = Table(
    "call_results",
    metadata,
    _position(),
    Column("document_position", BigInteger, nullable=False),
    Column("call_position", BigInteger),
    Column("call_name", String, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("outcome", String, nullable=False),
    Column("reason", Text),
    Column("remote_id", String),
    Column("reply", Text),
    Index("call_results_by_document", "document_position", "position"),
)

periods = Table(
    "periods",
    metadata,
    _position(),
    Column("entity", String, nullable=False),
    Column("period", String, nullable=False),
    Column("status", String, nullable=False),
    Column("landing_position", BigInteger),
    Index("periods_by_entity", "entity", "period", "position"),
)

# What a period held when it closed: one fact per measure, those of one seal at one register position.
period_seals = Table(
    "period_seals",
    metadata,
    _position(),
    Column("entity", String, nullable=False),
    Column("period", String, nullable=False),
    Column("register_position", BigInteger, nullable=False),
    Column("measure", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("currency", String),
    Column("item_count", BigInteger, nullable=False),
    Column("total_minor", BigInteger),
    Column("functional_minor", BigInteger),
    Column("content_hash", String),
    Index("period_seals_by_entity", "entity", "period", "register_position"),
)

exceptions = Table(
    "exceptions",
    metadata,
    _position(),
    Column("kind", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("entity", String),
    Column("period", String),
    Column("source", String),
    Column("file_name", String),
    Column("line_number", BigInteger),
    Column("document_position", BigInteger),
    Index("exceptions_by_subject", "subject", "kind"),
)

resolutions = Table(
    "resolutions",
    metadata,
    _position(),
    Column("exception_position", BigInteger, nullable=False, unique=True),
    Column("resolution", Text, nullable=False),
)

# What a person is asked to decide, and what was decided: the maker and the checker are the actors of the log's entries.
approval_requests = Table(
    "approval_requests",
    metadata,
    _position(),
    Column("request_id", String, nullable=False, unique=True),
    Column("kind", String, nullable=False),
    Column("entity", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("line_key", String),
    Column("currency", String),
    Column("amount_minor", BigInteger),
    Column("basis", String),
    Column("disposition", String),
    Column("rebill", String),
    Column("reason", Text, nullable=False),
    Column("content_hash", String, nullable=False),
    Index("approval_requests_by_content", "kind", "subject", "content_hash"),
)

verdicts = Table(
    "verdicts",
    metadata,
    _position(),
    Column("request_position", BigInteger, nullable=False),
    Column("verdict", String, nullable=False),
    Column("content_hash", String, nullable=False),
    Column("four_eyes", String, nullable=False),
    Column("reason", Text),
    Index("verdicts_by_request", "request_position", "position"),
)

# Projections: rebuilt from the log's facts, changed in the transaction that appends them.

deliveries = Table(
    "deliveries",
    metadata,
    Column("document_position", BigInteger, primary_key=True, autoincrement=False),
    Column("state", String, nullable=False, index=True),
    Column("generation", Integer, nullable=False),
    Column("completed", Text, nullable=False),
    Column("written_ahead_at", String),
    Column("first_written_at", String),
    Column("doubt", Boolean, nullable=False),
    Column("resend_exhausted", Boolean, nullable=False),
    Column("believable_at", String),
    Column("resolutions", Integer, nullable=False),
    Column("next_attempt_at", String),
    Column("remote_id", String),
    Column("remote_number", String),
    Column("epoch", BigInteger, nullable=False),
    Column("reason", Text),
    Column("posted_at", String),
)

number_series = Table(
    "number_series",
    metadata,
    Column("entity", String, primary_key=True),
    Column("series", String, primary_key=True),
    Column("last_number", BigInteger, nullable=False),
)

lanes = Table(
    "lanes",
    metadata,
    Column("system", String, primary_key=True),
    Column("entity", String, primary_key=True),
    Column("epoch", BigInteger, nullable=False),
    Column("holder", String, nullable=False),
)

FACTS: dict[str, Table] = {
    "incarnation": incarnations,
    "document": documents,
    "transition": transitions,
    "call": calls,
    "call_result": call_results,
    "period": periods,
    "period_seal": period_seals,
    "exception": exceptions,
    "resolution": resolutions,
    "approval_request": approval_requests,
    "verdict": verdicts,
}
