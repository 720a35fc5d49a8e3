"""The doctor on what is outside: destinations, channels of alerts, the place of lineage events."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from doctor_findings import findings, settings_of, the_only
from loopback import QuietHandler, listening

from dagster_project.cli import run
from dagster_project.doctor import State
from dagster_project.open_lineage.undelivered import Undelivered
from reverse_etl.sandbox.processes import start_time
from reverse_etl.settings import load_settings


def test_a_destination_without_its_secret(home: Path) -> None:
    (home / "secrets" / "tryton_password").unlink()
    settings_of(home, "destinations: {tryton: {url: 'https://erp.example.com', secret_file: secrets/tryton_password, database: erp}}")
    found = the_only(home, "destination tryton")
    assert (found.state, found.where) == (State.PROBLEM, "https://erp.example.com")
    assert "no secret for destination tryton" in found.what


def test_a_destination_that_is_held_or_has_a_kind_that_nobody_knows(home: Path) -> None:
    assert run(["--home", str(home), "destinations", "mode", "tryton", "hold", "--reason", "year end"]) == 0
    assert "its mode is hold" in the_only(home, "destination tryton").what
    settings_of(home, "destinations: {books: {kind: sap}}")
    assert "no kind 'sap'" in the_only(home, "destination books").what


class Late(QuietHandler):
    """A server whose clock is an hour behind, and that refuses whoever asks."""

    def do_GET(self) -> None:
        self.send_response_only(401)
        self.send_header("Date", (datetime.now(UTC) - timedelta(hours=1)).strftime("%a, %d %b %Y %H:%M:%S GMT"))
        self.send_header("Content-Length", "0")
        self.end_headers()


@pytest.fixture
def late() -> Iterator[str]:
    with listening(Late) as url:
        yield url


def test_a_stand_in_that_runs_and_refuses_us_is_not_to_be_started_again(home: Path, late: str) -> None:
    settings_of(home, "destinations: {stripe: {url: sandbox, secret_file: secrets/stripe_api_key}}")
    (home / "sandbox").mkdir(exist_ok=True)
    runs = {"url": late, "pid": os.getpid(), "started": start_time(os.getpid()), "home": str(home.resolve())}
    (home / "sandbox" / "stripe.json").write_text(json.dumps(runs))
    refused = [one for one in findings(home, "destination stripe", asks=True) if "cannot be asked" in one.what]
    assert [str(one.fix).split(";")[0] for one in refused] == ["check its url, its secrets and the network"]
    (home / "sandbox" / "stripe.json").write_text(json.dumps(runs | {"started": "before"}))
    ended = [one for one in findings(home, "destination stripe", asks=True) if "cannot be asked" in one.what]
    assert [one.fix for one in ended] == ["tieout sandbox start"]


def test_a_destination_with_another_time_and_one_that_refuses_or_is_down(home: Path, late: str) -> None:
    settings_of(home, f"destinations: {{stripe: {{url: '{late}', secret_file: secrets/stripe_api_key, network: {{allow_private_addresses: true}}}}}}")
    skew, refused = findings(home, "destination stripe", asks=True)
    assert (skew.state, refused.state) == (State.WARNING, State.PROBLEM)
    assert skew.what in ("its clock is 3600 s behind ours", "its clock is 3601 s behind ours")
    assert refused.what.startswith("it cannot be asked")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings_of(home, f"destinations: {{stripe: {{url: 'http://127.0.0.1:{port}', secret_file: secrets/stripe_api_key}}}}")
    assert the_only(home, "destination stripe", asks=True).what.startswith("it cannot be asked")


def test_an_alert_channel_without_its_secret(home: Path) -> None:
    settings_of(home, "alerts: {channels: {finance: {kind: slack, url: {environment: NO_SUCH_VARIABLE}}}}")
    found = the_only(home, "alert channel finance")
    assert (found.what, found.fix) == ("its url is not there", "set NO_SUCH_VARIABLE")


def test_events_of_lineage_that_cannot_be_written_or_have_no_endpoint(home: Path) -> None:
    settings_of(home, "open_lineage: mappings")
    assert (found := the_only(home, "lineage events")).state is State.PROBLEM
    assert found.where == str(home / "mappings")
    settings_of(home, "open_lineage: logs/events.jsonl")
    assert findings(home, "lineage events") == []
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings_of(home, f"open_lineage: http://127.0.0.1:{server.getsockname()[1]}")
        assert findings(home, "lineage events", asks=True) == []
    assert the_only(home, "lineage events", asks=True).what.startswith("the endpoint cannot be reached")
    (home / "logs").mkdir(exist_ok=True)
    where = load_settings(home).open_lineage.url
    (home / "logs" / "open_lineage.json").write_text(json.dumps({"where": where, "dropped": 3, "problem": "503", "since": "2026-01-01"}))
    Undelivered(load_settings(home)).keep("{}")
    assert the_only(home, "lineage events").what == "they do not arrive since 2026-01-01: 503; 1 wait, 3 were dropped"
