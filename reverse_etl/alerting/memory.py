"""The memory of what was sent: an append-only SQLite file in the home folder, for any number of processes.

A message is written down before it is sent and again when its fate is known, so that a process that dies in between leaves an attempt without an
outcome. What such an attempt told is told once more, by whoever comes next, and then never again.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from reverse_etl.alerting.alert import Alert
from reverse_etl.alerting.digest import Event, News
from reverse_etl.alerting.policy import Told
from reverse_etl.errors import TieoutError

BUSY_SECONDS = 10.0
SENT, FAILED = "sent", "failed"
_APPEND_ONLY = "\n".join(
    f"create trigger if not exists {table}_{event} before {event} on {table} begin select raise(abort, '{table} only grows'); end;"
    for table in ("attempts", "news", "outcomes", "observations")
    for event in ("update", "delete")
)
_SCHEMA = f"""
create table if not exists attempts (attempt integer primary key, at text not null, channel text not null, delivery text not null);
create table if not exists news (
    attempt integer not null, channel text not null, identity text not null, event text not null, alert text not null, primary key (attempt, identity)
) without rowid;
create table if not exists outcomes (attempt integer primary key, at text not null, outcome text not null, told text not null, retry_at text);
create table if not exists observations (
    position integer primary key, at text not null, topic text not null, subject text not null, holds integer not null
);
create index if not exists news_of_channel on news (channel, identity, attempt);
create index if not exists attempts_of_channel on attempts (channel, attempt);
create index if not exists observations_of_topic on observations (topic, subject, position);
{_APPEND_ONLY}
"""


class AlertMemoryError(TieoutError):
    """The memory cannot be read or written."""


@dataclass(frozen=True, slots=True)
class ChannelHistory:
    """How a channel fared. ``failures``: in a row, until now; ``last_failure``: why the last one, None after a success."""

    last_sent_at: datetime | None = None
    messages_sent: int = 0
    failures: int = 0
    failing_since: datetime | None = None
    last_failure: str | None = None
    retry_at: datetime | None = None


class Memory:
    """Every method is one transaction and raises ``AlertMemoryError`` where the file cannot be read or written."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def told(self, channel: str) -> dict[str, Told]:
        """Identity -> what the channel was last told, of every alert that it takes to hold."""
        statement = """
            select news.identity, news.event, attempts.at, outcomes.outcome, news.attempt
            from news join attempts on attempts.attempt = news.attempt left join outcomes on outcomes.attempt = news.attempt
            where news.channel = ? order by news.attempt
        """
        with self._reading() as connection:
            if connection is None:
                return {}
            standing = _standing(connection.execute(statement, (channel,)))
            return {
                identity: Told(Alert.from_record(json.loads(_alert(connection, attempt, identity))), datetime.fromisoformat(at))
                for identity, (attempt, at) in standing.items()
            }

    def begin(self, channel: str, delivery: str, news: Sequence[News], now: datetime) -> int:
        """Write down what is about to be sent; durable when it returns. The number of the attempt."""
        with self._transaction() as connection:
            attempt = connection.execute("insert into attempts (at, channel, delivery) values (?, ?, ?)", (_text(now), channel, delivery)).lastrowid
            rows = [(attempt, channel, one.alert.identity, one.event.value, json.dumps(one.alert.to_record())) for one in news]
            connection.executemany("insert into news (attempt, channel, identity, event, alert) values (?, ?, ?, ?, ?)", rows)
            return int(attempt or 0)

    def end(self, attempt: int, outcome: str, told: str, now: datetime, retry_at: datetime | None = None) -> None:
        """Write down what became of an attempt: ``sent`` or ``failed``, and what came back."""
        values = (attempt, _text(now), outcome, told, None if retry_at is None else _text(retry_at))
        with self._transaction() as connection:
            connection.execute("insert into outcomes (attempt, at, outcome, told, retry_at) values (?, ?, ?, ?, ?)", values)

    def history(self, channel: str) -> ChannelHistory:
        with self._reading() as connection:
            if connection is None:
                return ChannelHistory()
            sent = """
                select count(*), max(outcomes.at), max(outcomes.attempt) from outcomes join attempts using (attempt) where channel = ? and outcome = ?
            """
            messages, last_sent_at, last_sent = connection.execute(sent, (channel, SENT)).fetchone()
            failed = """
                select outcomes.at, told, retry_at from outcomes join attempts using (attempt)
                where channel = ? and outcome = ? and attempt > ? order by attempt
            """
            failures = connection.execute(failed, (channel, FAILED, last_sent or 0)).fetchall()
        return ChannelHistory(
            last_sent_at=_instant(last_sent_at),
            messages_sent=messages,
            failures=len(failures),
            failing_since=_instant(failures[0][0]) if failures else None,
            last_failure=failures[-1][1] if failures else None,
            retry_at=_instant(failures[-1][2]) if failures else None,
        )

    def observed(self, topic: str, subjects: Collection[str], now: datetime) -> Mapping[str, datetime]:
        """Since when each of ``subjects`` has held, for what has no time of its own; whatever else of the topic held before is over."""
        statement = """
            select subject, at from (
                select subject, at, holds, row_number() over (partition by subject order by position desc) as recency
                from observations where topic = ?
            ) where recency = 1 and holds = 1
        """
        with self._transaction() as connection:
            known = {subject: datetime.fromisoformat(at) for subject, at in connection.execute(statement, (topic,))}
            changes = [(subject, 1) for subject in sorted(set(subjects) - known.keys())] + [
                (subject, 0) for subject in sorted(known.keys() - set(subjects))
            ]
            rows = [(_text(now), topic, subject, holds) for subject, holds in changes]
            connection.executemany("insert into observations (at, topic, subject, holds) values (?, ?, ?, ?)", rows)
        return {subject: known.get(subject, now) for subject in subjects}

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection | None]:
        """As it stands; None where nothing was written yet. Whoever may only read makes nothing."""
        if not self._path.is_file():
            yield None
            return
        with self._connected(f"file:{quote(str(self._path))}?mode=ro") as connection:
            # The file of whoever is just making it is there before what it holds.
            yield connection if _is_made(connection) else None

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._connected(f"file:{quote(str(self._path))}") as connection:
            connection.execute("pragma synchronous = full")
            if not _is_made(connection):
                connection.executescript(f"begin immediate; {_SCHEMA} commit;")
            connection.execute("begin immediate")
            try:
                yield connection
            except BaseException:
                connection.rollback()
                raise
            connection.commit()

    @contextmanager
    def _connected(self, address: str) -> Iterator[sqlite3.Connection]:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(address, timeout=BUSY_SECONDS, isolation_level=None, uri=True)
            try:
                yield connection
            finally:
                connection.close()
        except (sqlite3.Error, OSError) as error:
            raise AlertMemoryError(
                f"the memory of alerts {self._path} cannot be used: {error}; make it writable, or move it away to begin anew"
            ) from error


def _is_made(connection: sqlite3.Connection) -> bool:
    return bool(connection.execute("select count(*) from sqlite_master").fetchone()[0])


def _standing(rows: Iterator[tuple[str, str, str, str | None, int]]) -> dict[str, tuple[int, str]]:
    """Identity -> (attempt, at) of what a channel takes to hold, from its whole history in order."""
    standing: dict[str, tuple[int, str]] = {}
    unknown: dict[str, str] = {}
    for identity, event, at, outcome, attempt in rows:
        if outcome == FAILED:
            continue
        if outcome is None and unknown.get(identity) != event:
            # Nobody knows whether it arrived: it is told once more.
            unknown[identity] = event
            continue
        unknown.pop(identity, None)
        if event == Event.OVER.value:
            standing.pop(identity, None)
        else:
            standing[identity] = (attempt, at)
    return standing


def _alert(connection: sqlite3.Connection, attempt: int, identity: str) -> str:
    return str(connection.execute("select alert from news where attempt = ? and identity = ?", (attempt, identity)).fetchone()[0])


def _text(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="microseconds")


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
