"""``tieout alerts`` on an installation with nothing landed: trying a channel, sending, and what a dead channel looks like."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from scripted_server import ScriptedServer, answering, serving

from dagster_project.cli import run
from dagster_project.cli.installing.installation import initialize
from reverse_etl.posting.pacing import Modes
from reverse_etl.settings import load_settings


def installed(home: Path, **receivers: ScriptedServer) -> Path:
    """With tryton on hold, so that there is something to tell."""
    (home / "signing").write_text("a secret of the finance team")
    channels = {name: {"kind": "webhook", "url": server.url, "signing_secret": {"file": "signing"}} for name, server in receivers.items()}
    (home / "tieout.yaml").write_text(json.dumps({"alerts": {"channels": channels}, "first_period": "2099-01"}))
    settings = load_settings(home)
    initialize(settings)
    Modes(settings.pacing_folder / "modes.jsonl").set("tryton", "hold", actor="ada", reason="audit")
    return home


def told(server: ScriptedServer) -> list[tuple[str, str]]:
    bodies = [json.loads(request.partition(b"\r\n\r\n")[2]) for request in server.requests]
    return [(alert["event"], alert["subject"]) for body in bodies for alert in body["alerts"]]


def test_channels_are_tried_told_and_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(answering((200, b"ok", ""))) as alive, serving(answering((503, b"down", ""))) as dead:
        home = str(installed(tmp_path, alive=alive, dead=dead))

        assert run(["--home", home, "alerts", "test", "alive"]) == 0
        assert capsys.readouterr().out == "alive works: HTTP 200: ok\n"
        assert run(["--home", home, "alerts", "test", "dead"]) == 1
        assert capsys.readouterr().err == "Error: HTTP 503: down\n"
        assert run(["--home", home, "alerts", "test", "nobody"]) == 1
        assert "no channel named 'nobody'; there are alive, dead" in capsys.readouterr().err
        alive.requests.clear()

        assert run(["--home", home, "alerts", "send"]) == 1
        said = capsys.readouterr().out
        assert "alive told 1 piece of news (HTTP 200: ok)" in said
        assert "dead could not be told: HTTP 503: down; tried again after" in said
        assert told(alive) == [("raised", "tryton hold")]

        assert run(["--home", home, "alerts", "--json"]) == 0
        listed = json.loads(capsys.readouterr().out)
        assert [alert["subject"] for alert in listed["alerts"]] == ["tryton hold"]
        assert {channel["name"]: channel["history"]["failures"] for channel in listed["channels"]} == {"alive": 0, "dead": 1}

        assert run(["--home", home, "alerts"]) == 0
        shown = capsys.readouterr().out
        assert "audit" in shown
        assert "HTTP 503" in shown


def test_sending_without_a_channel_says_where_one_is_set_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = str(installed(tmp_path))
    assert run(["--home", home, "alerts", "send"]) == 1
    assert "add one under alerts.channels of" in capsys.readouterr().err
    assert run(["--home", home, "alerts"]) == 0
    assert "No channel is set up: nobody is told" in capsys.readouterr().out
