"""Rounds over channels that really listen: nothing is told twice, whatever happens to the process or to a channel."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sqlite3
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alert_examples import HELD, NOON, PARKED
from scripted_server import Connection, ScriptedServer, answering, serving

from reverse_etl.alerting import Alert
from reverse_etl.alerting.memory import AlertMemoryError
from reverse_etl.alerting.policy import Holding
from reverse_etl.alerting.sending import channel_states, memory_of, send, send_test
from reverse_etl.errors import ConfigurationError
from reverse_etl.settings import Settings

MINUTE = timedelta(minutes=1)
# Forked from a process without threads that has imported everything once.
Processes = multiprocessing.get_context("forkserver")
Processes.set_forkserver_preload(["alert_examples", "scripted_server", "reverse_etl.alerting.sending"])


def settings(home: Path, **urls: str) -> Settings:
    (home / "secret").write_text("a signing secret")
    channels = {name: {"kind": "webhook", "url": url, "signing_secret": {"file": "secret"}, "deadline_seconds": 60} for name, url in urls.items()}
    return Settings.model_validate({"home": home, "alerts": {"channels": channels}})


def told(server: ScriptedServer) -> list[list[tuple[str, str]]]:
    """Each message as (event, subject)."""
    records = [json.loads(request.partition(b"\r\n\r\n")[2]) for request in server.requests]
    return [[(alert["event"], alert["subject"]) for alert in record["alerts"]] for record in records]


def outcomes(chosen: Settings, *alerts: Alert, at: datetime = NOON) -> dict[str, str]:
    return {report.channel: report.outcome for report in send(chosen, Holding(alerts, {}), at)}


def test_an_alert_is_told_once_reminded_of_and_told_to_be_over_once(tmp_path: Path) -> None:
    with serving(answering((200, b"", ""))) as server:
        chosen = settings(tmp_path, finance=server.url)
        for alerts, hours in (((PARKED,), 0), ((PARKED,), 1), ((PARKED, HELD), 2), ((PARKED, HELD), 25), ((), 26), ((), 27)):
            send(chosen, Holding(alerts, {}), NOON + timedelta(hours=hours))
        assert told(server) == [
            [("raised", PARKED.subject)],
            [("raised", HELD.subject)],
            [("reminder", PARKED.subject)],
            [("over", PARKED.subject), ("over", HELD.subject)],
        ]


def test_what_returns_after_it_was_over_is_told_anew(tmp_path: Path) -> None:
    with serving(answering((200, b"", ""))) as server:
        chosen = settings(tmp_path, finance=server.url)
        for alerts in ((PARKED,), (), (PARKED,)):
            send(chosen, Holding(alerts, {}), NOON)
        deliveries = {json.loads(request.partition(b"\r\n\r\n")[2])["delivery"] for request in server.requests}
        assert told(server) == [[("raised", PARKED.subject)], [("over", PARKED.subject)], [("raised", PARKED.subject)]]
        assert len(deliveries) == 3


def test_a_dead_channel_neither_stops_the_others_nor_is_forgotten(tmp_path: Path) -> None:
    with serving(answering((200, b"", ""))) as alive, serving(answering((503, b"down", ""))) as dead:
        chosen = settings(tmp_path, alive=alive.url, dead=dead.url)
        assert outcomes(chosen, PARKED) == {"alive": "sent", "dead": "failed"}
        assert outcomes(chosen, PARKED, at=NOON + 0.5 * MINUTE) == {"alive": "up_to_date", "dead": "waiting"}
        assert outcomes(chosen, PARKED, at=NOON + MINUTE) == {"alive": "up_to_date", "dead": "failed"}
        assert len(dead.requests) == 2
        state = channel_states(chosen)[1]
        assert (state.name, state.problem, state.history.failures, state.history.failing_since) == ("dead", None, 2, NOON)
        assert state.history.last_failure == "HTTP 503: down"
        assert state.history.retry_at == NOON + 3 * MINUTE


def test_a_channel_that_is_back_is_told_what_holds_then(tmp_path: Path) -> None:
    with serving(answering((503, b"", ""), (200, b"", ""))) as server:
        chosen = settings(tmp_path, finance=server.url)
        outcomes(chosen, PARKED)
        assert outcomes(chosen, HELD, at=NOON + MINUTE) == {"finance": "sent"}
        assert told(server)[1] == [("raised", HELD.subject)]
        assert channel_states(chosen)[0].history.failures == 0


def test_a_channel_without_its_secret_is_named_and_the_others_go_on(tmp_path: Path) -> None:
    with serving(answering((200, b"", ""))) as server:
        whole = settings(tmp_path, finance=server.url)
        channels = {**whole.alerts.channels, "chat": {"kind": "slack", "url": {"environment": "NOT_SET"}}}
        chosen = Settings.model_validate({"home": tmp_path, "alerts": {"channels": channels}})
        assert outcomes(chosen, PARKED) == {"chat": "unusable", "finance": "sent"}
        assert channel_states(chosen)[0].problem == "alerts.channels.chat: no url: set NOT_SET"


def test_without_channels_nothing_is_written(tmp_path: Path) -> None:
    chosen = Settings(home=tmp_path)
    assert send(chosen, Holding((PARKED,), {}), NOON) == ()
    assert not chosen.alerts_folder.exists()


def test_a_test_alert_is_sent_whatever_was_told_and_is_not_remembered(tmp_path: Path) -> None:
    with serving(answering((202, b"thanks", ""))) as server:
        chosen = settings(tmp_path, finance=server.url)
        assert [send_test(chosen, "finance", NOON, "ada") for _ in range(2)] == ["HTTP 202: thanks"] * 2
        assert told(server) == [[("raised", "finance")]] * 2
        assert channel_states(chosen)[0].history.messages_sent == 0
    with pytest.raises(ConfigurationError, match="no channel named 'other'; there are finance"):
        send_test(chosen, "other", NOON, "ada")


# Processes


def _round(home: Path, url: str, barrier: Any = None) -> None:
    if barrier is not None:
        barrier.wait()
    send(settings(home, finance=url), Holding((PARKED,), {}), NOON)


def _killed(home: Path, url: str, until: Callable[[], bool]) -> None:
    """One round in a process of its own, which dies at once when ``until`` holds."""
    process = Processes.Process(target=_round, args=(home, url))
    process.start()
    deadline = time.monotonic() + 120
    while not until():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()


def test_processes_that_send_at_the_same_time_tell_it_once(tmp_path: Path) -> None:
    def slow(connection: Connection) -> None:
        while connection.receive() is not None:
            time.sleep(0.3)
            connection.answer(200)

    with serving(slow) as server:
        barrier = Processes.Barrier(3)
        processes = [Processes.Process(target=_round, args=(tmp_path, server.url, barrier)) for _ in range(3)]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        assert [process.exitcode for process in processes] == [0, 0, 0]
        assert told(server) == [[("raised", PARKED.subject)]]


def test_what_a_killed_process_told_is_told_once_more_under_the_same_name_and_then_never_again(tmp_path: Path) -> None:
    def silent(connection: Connection) -> None:
        while connection.receive() is not None:
            time.sleep(60)

    with serving(silent) as server:
        _killed(tmp_path, server.url, lambda: len(server.requests) == 1)
        _killed(tmp_path, server.url, lambda: len(server.requests) == 2)
        # Two were sent and nobody knows what became of them: a third would be one too many, however often a process dies.
        assert outcomes(settings(tmp_path, finance=server.url), PARKED) == {"finance": "up_to_date"}
    assert told(server) == [[("raised", PARKED.subject)]] * 2
    assert len({json.loads(request.partition(b"\r\n\r\n")[2])["delivery"] for request in server.requests}) == 1


def test_after_a_kill_the_next_round_tells_it_and_remembers(tmp_path: Path) -> None:
    position = iter(range(10))

    def silent_at_first(connection: Connection) -> None:
        while connection.receive() is not None:
            if next(position) == 0:
                time.sleep(60)
            connection.answer(200)

    with serving(silent_at_first) as server:
        _killed(tmp_path, server.url, lambda: len(server.requests) == 1)
        chosen = settings(tmp_path, finance=server.url)
        assert [outcomes(chosen, PARKED)["finance"] for _ in range(3)] == ["sent", "up_to_date", "up_to_date"]
        assert len(server.requests) == 2


# Memory


def test_since_when_something_holds_is_remembered_until_it_does_not(tmp_path: Path) -> None:
    memory = memory_of(Settings(home=tmp_path))
    assert memory.observed("breaks", ["K7"], NOON) == {"K7": NOON}
    assert memory.observed("breaks", ["K7", "K8"], NOON + MINUTE) == {"K7": NOON, "K8": NOON + MINUTE}
    assert memory.observed("other", ["K7"], NOON + 2 * MINUTE) == {"K7": NOON + 2 * MINUTE}
    memory.observed("breaks", ["K8"], NOON + 3 * MINUTE)
    assert memory.observed("breaks", ["K7", "K8"], NOON + 4 * MINUTE) == {"K7": NOON + 4 * MINUTE, "K8": NOON + MINUTE}


def test_whoever_only_looks_makes_nothing(tmp_path: Path) -> None:
    chosen = settings(tmp_path, finance="http://127.0.0.1:9/")
    assert channel_states(chosen)[0].history.messages_sent == 0
    assert memory_of(chosen).told("finance") == {}
    assert not chosen.alerts_folder.exists()


def test_a_memory_that_somebody_is_just_making_holds_nothing_yet(tmp_path: Path) -> None:
    chosen = settings(tmp_path, finance="http://127.0.0.1:9/")
    chosen.alerts_folder.mkdir()
    (chosen.alerts_folder / "memory.sqlite").touch()
    assert memory_of(chosen).told("finance") == {}
    assert channel_states(chosen)[0].history.messages_sent == 0
    assert memory_of(chosen).observed("breaks", ["K7"], NOON) == {"K7": NOON}


def test_the_memory_only_grows(tmp_path: Path) -> None:
    chosen = Settings(home=tmp_path)
    memory_of(chosen).observed("breaks", ["K7"], NOON)
    connection = sqlite3.connect(chosen.alerts_folder / "memory.sqlite")
    for statement in ("update observations set at = ''", "delete from observations"):
        with pytest.raises(sqlite3.IntegrityError, match="observations only grows"):
            connection.execute(statement)
    connection.close()


def test_a_memory_that_cannot_be_read_is_named_and_sends_nothing_twice(tmp_path: Path) -> None:
    with serving(answering((200, b"", ""))) as server:
        chosen = settings(tmp_path, finance=server.url)
        chosen.alerts_folder.mkdir()
        (chosen.alerts_folder / "memory.sqlite").write_text("no database at all, and longer than its header would be" * 30)
        [report] = send(chosen, Holding((PARKED,), {}), NOON)
        assert report.outcome == "unusable"
        assert "move it away to begin anew" in report.told
        assert server.requests == []
        with pytest.raises(AlertMemoryError):
            channel_states(chosen)


def test_the_last_words_about_an_alert_are_those_it_was_told_with(tmp_path: Path) -> None:
    with serving(answering((200, b"", ""))) as server:
        chosen = settings(tmp_path, finance=server.url)
        send(chosen, Holding((PARKED,), {}), NOON)
        send(chosen, Holding((replace(PARKED, cause="another cause", count=9),), {}), NOON + 10 * MINUTE)
        send(chosen, Holding((), {}), NOON + 20 * MINUTE)
        last = json.loads(server.requests[-1].partition(b"\r\n\r\n")[2])["alerts"][0]
        assert (last["event"], last["cause"], last["count"]) == ("over", "another cause", 9)
