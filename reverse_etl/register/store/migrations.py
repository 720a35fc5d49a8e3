"""The register's schema as a list of numbered steps, the same for both databases. To change the schema, append a step here and say the same in
``schema.py``; what is in the list never changes again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, inspect, text

from reverse_etl.errors import RegisterError
from reverse_etl.register.store.store import Store

BYTES = {"sqlite": "blob", "postgresql": "bytea"}


@dataclass(frozen=True, slots=True)
class Migration:
    """``statements`` bring a register of the version before to ``version``; ``{bytes}`` stands for the database's type of bytes."""

    version: int
    brings: str
    statements: tuple[str, ...]

    def apply(self, connection: Connection) -> None:
        for statement in self.statements:
            connection.execute(text(statement.format(bytes=BYTES[connection.dialect.name])))


MIGRATIONS = (
    Migration(
        1,
        "documents, deliveries, periods and exceptions",
        (
            "create table register (id integer not null primary key, schema_version integer not null, incarnation varchar not null,"
            " incarnation_number integer not null, position bigint not null, head_hash varchar not null)",
            "create table log (position bigint not null primary key, kind varchar not null, at varchar not null, actor varchar not null,"
            " correlation_id varchar not null, hash varchar not null)",
            "create table incarnations (position bigint not null primary key, incarnation varchar not null, reason text not null)",
            "create table documents (position bigint not null primary key, contract_version integer not null, system varchar not null,"
            " entity varchar not null, document_type varchar not null, natural_id varchar not null, business_key varchar not null,"
            " revision integer not null, operation varchar not null, series varchar, number varchar, document_date varchar not null,"
            " posting_date varchar not null, period varchar not null, currency varchar not null, total_minor bigint not null,"
            " depends_on text not null, sensitivity varchar not null, cause varchar not null, subtracted_key varchar not null,"
            " register_head bigint not null, register_incarnation varchar not null, content_hash varchar not null, reference varchar not null,"
            " payload text not null)",
            "create index documents_by_business_key on documents (business_key, revision)",
            "create index documents_by_subtracted_key on documents (subtracted_key, position)",
            "create index documents_by_lane on documents (system, entity, period)",
            "create index documents_by_number on documents (number)",
            "create table transitions (position bigint not null primary key, document_position bigint not null, state varchar not null,"
            " remote_id varchar, remote_number varchar, reason text)",
            "create index transitions_by_document on transitions (document_position, position)",
            "create table calls (position bigint not null primary key, document_position bigint not null, call_name varchar not null,"
            " generation integer not null, idempotency_key varchar not null, request {bytes} not null, epoch bigint not null)",
            "create index calls_by_document on calls (document_position, position)",
            "create table call_results (position bigint not null primary key, document_position bigint not null, call_position bigint,"
            " call_name varchar not null, generation integer not null, outcome varchar not null, reason text, remote_id varchar, reply text)",
            "create index call_results_by_document on call_results (document_position, position)",
            "create table periods (position bigint not null primary key, entity varchar not null, period varchar not null,"
            " status varchar not null, landing_position bigint)",
            "create index periods_by_entity on periods (entity, period, position)",
            "create table exceptions (position bigint not null primary key, kind varchar not null, subject varchar not null,"
            " reason text not null, action text not null, entity varchar, period varchar, source varchar, file_name varchar,"
            " line_number bigint, document_position bigint)",
            "create index exceptions_by_subject on exceptions (subject, kind)",
            "create table resolutions (position bigint not null primary key, exception_position bigint not null unique, resolution text not null)",
            "create table deliveries (document_position bigint not null primary key, state varchar not null, generation integer not null,"
            " completed text not null, written_ahead_at varchar, first_written_at varchar, doubt boolean not null,"
            " resend_exhausted boolean not null, believable_at varchar, resolutions integer not null, next_attempt_at varchar,"
            " remote_id varchar, remote_number varchar, epoch bigint not null, reason text, posted_at varchar)",
            "create index ix_deliveries_state on deliveries (state)",
            "create table number_series (entity varchar not null, series varchar not null, last_number bigint not null,"
            " primary key (entity, series))",
            "create table lanes (system varchar not null, entity varchar not null, epoch bigint not null, holder varchar not null,"
            " primary key (system, entity))",
        ),
    ),
    Migration(
        2,
        "requests for decisions and their verdicts",
        (
            "create table approval_requests (position bigint not null primary key, request_id varchar not null unique, kind varchar not null,"
            " entity varchar not null, subject varchar not null, line_key varchar, currency varchar, amount_minor bigint, basis varchar,"
            " disposition varchar, rebill varchar, reason text not null, content_hash varchar not null)",
            "create index approval_requests_by_content on approval_requests (kind, subject, content_hash)",
            "create table verdicts (position bigint not null primary key, request_position bigint not null, verdict varchar not null,"
            " content_hash varchar not null, four_eyes varchar not null, reason text)",
            "create index verdicts_by_request on verdicts (request_position, position)",
        ),
    ),
    Migration(
        3,
        "the seals of closed periods",
        (
            "create table period_seals (position bigint not null primary key, entity varchar not null, period varchar not null,"
            " register_position bigint not null, measure varchar not null, subject varchar not null, currency varchar,"
            " item_count bigint not null, total_minor bigint, functional_minor bigint, content_hash varchar)",
            "create index period_seals_by_entity on period_seals (entity, period, register_position)",
        ),
    ),
)
NEWEST = MIGRATIONS[-1].version


def bring_up_to_date(store: Store, found: Callable[[Connection], None]) -> None:
    """Make the store one of the newest version: a step and its version number in one transaction, each step once whoever else is at it.

    ``found`` records the first facts of a new register, in the transaction that creates it.

    Raises:
        RegisterError: a newer Tieout has written it.
    """
    with store.reading() as connection:
        version = version_of(connection)
    if version == 0:
        with store.writing() as connection:
            if version_of(connection) == 0:
                for migration in MIGRATIONS:
                    migration.apply(connection)
                found(connection)
        with store.reading() as connection:
            version = version_of(connection)
    while version < NEWEST:
        with store.writing() as connection:
            # Asked again under the lock: another process may have been faster.
            version = version_of(connection)
            if version < NEWEST:
                step = next(migration for migration in MIGRATIONS if migration.version == version + 1)
                step.apply(connection)
                connection.execute(text("update register set schema_version = :version"), {"version": step.version})
                version = step.version
    if version > NEWEST:
        raise RegisterError(f"the register {store.url} has schema version {version}, this Tieout knows {NEWEST}; install the newer one that wrote it")


def version_of(connection: Connection) -> int:
    """0 where there is no register yet."""
    if not inspect(connection).has_table("register"):
        return 0
    return int(connection.execute(text("select schema_version from register")).scalar() or 0)
