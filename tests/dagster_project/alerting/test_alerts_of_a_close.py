"""A close that a destination on hold stops: who is told what, by the command line and by Dagster's sensors, until it is over."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from scripted_server import ScriptedServer, answering, serving

from dagster_project.cli import run
from dagster_project.cli.installing.installation import initialize
from dagster_project.close.installation import operating_system_user
from dagster_project.defs.automation.alerting import alert_sensors
from dagster_project.runs.instance import open_instance
from reverse_etl.sandbox.sample import generate
from reverse_etl.sandbox.supervisor import start_sandbox, stop_sandbox
from reverse_etl.settings import Settings, load_settings

ENTITIES = ("northlight_eu", "northlight_us")


@dataclass
class Installed:
    settings: Settings
    receiver: ScriptedServer

    def tieout(self, *arguments: str) -> int:
        return run(["--home", str(self.settings.home), *arguments])

    def news(self) -> list[dict[str, Any]]:
        """What the channel was told since the last time."""
        bodies = [json.loads(request.partition(b"\r\n\r\n")[2]) for request in self.receiver.requests]
        self.receiver.requests.clear()
        return [alert for body in bodies for alert in body["alerts"]]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    home: Path = tmp_path_factory.mktemp("alerted")
    with serving(answering((200, b"ok", ""))) as receiver:
        (home / "secrets").mkdir()
        (home / "secrets" / "signing").write_text("a secret of the finance team")
        channel = {"kind": "webhook", "url": receiver.url, "signing_secret": {"file": "secrets/signing"}}
        (home / "tieout.yaml").write_text(json.dumps({"alerts": {"channels": {"finance": channel}}}))
        settings = load_settings(home)
        initialize(settings)
        generate(home, events=2_000, seed=11, customer_count=40)
        start_sandbox(settings)
        try:
            yield Installed(settings, receiver)
        finally:
            stop_sandbox(settings)


def of_kind(alerts: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return sorted((alert for alert in alerts if alert["kind"] == kind), key=lambda alert: str(alert["entity"]))


def test_a_close_that_a_hold_stops_is_told_with_its_cause_once_and_is_over_when_it_is_closed(
    installed: Installed, capsys: pytest.CaptureFixture[str]
) -> None:
    assert installed.tieout("destinations", "mode", "tryton", "hold", "--reason", "the auditors are in it") == 0
    assert installed.tieout("close", "2026-01") == 1
    told = installed.news()
    blocked = of_kind(told, "blocked_close")
    assert [(alert["event"], alert["entity"], alert["period"]) for alert in blocked] == [("raised", entity, "2026-01") for entity in ENTITIES]
    for alert in blocked:
        assert f"tryton is on hold since {alert['since'][:10]}" in alert["cause"]
        assert f"set by {operating_system_user()}: the auditors are in it" in alert["cause"]
        assert alert["next_command"] == "tieout destinations mode tryton normal --reason '...'"
        assert alert["at_risk"]
        assert len(alert["correlation_id"]) == 36
    [degraded] = of_kind(told, "degraded")
    assert (degraded["subject"], degraded["severity"]) == ("tryton hold", "warning")
    assert of_kind(told, "drift") == []

    capsys.readouterr()
    assert installed.tieout("alerts", "--json") == 0
    listed = json.loads(capsys.readouterr().out)
    assert {alert["identity"] for alert in told} <= {alert["identity"] for alert in listed["alerts"]}
    assert listed["blind"] == {}
    assert listed["channels"][0]["history"]["messages_sent"] == 1

    # What the close has told, Dagster's sensor does not tell again.
    with open_instance(installed.settings) as instance:
        sensor = alert_sensors(installed.settings)[0]
        assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
        ticked = sensor(dg.build_sensor_context(instance=instance))
        assert isinstance(ticked, dg.SkipReason)
        assert str(ticked.skip_message).endswith("finance knows it all")
    assert installed.news() == []

    assert installed.tieout("destinations", "mode", "tryton", "normal", "--reason", "the auditors have left") == 0
    assert installed.tieout("close", "2026-01") == 0
    ended = [(alert["kind"], alert["entity"]) for alert in installed.news() if alert["event"] == "over"]
    assert [("blocked_close", entity) for entity in ENTITIES] == sorted(one for one in ended if one[0] == "blocked_close")
    assert ("degraded", None) in ended
