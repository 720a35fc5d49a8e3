"""When a destination is left alone, and what people set."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from reverse_etl.errors import ConfigurationError
from reverse_etl.maintenance import MaintenanceWindow, closed_until
from reverse_etl.posting.pacing import Limits, Modes, Pace
from reverse_etl.request_windows import RequestWindow


def window(**given: object) -> MaintenanceWindow:
    return MaintenanceWindow.model_validate(given)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("given", "now", "until"),
    [
        ({"start": "22:00", "end": "23:00"}, "2026-11-26T22:30:00+00:00", "2026-11-26T23:00:00+00:00"),
        ({"start": "22:00", "end": "23:00"}, "2026-11-26T23:00:00+00:00", None),
        ({"start": "23:00", "end": "01:00"}, "2026-11-27T00:30:00+00:00", "2026-11-27T01:00:00+00:00"),
        ({"start": "22:00", "end": "23:00", "time_zone": "America/New_York"}, "2026-11-27T03:30:00+00:00", "2026-11-27T04:00:00+00:00"),
        ({"weekday": "saturday", "start": "20:00", "end": "04:00"}, "2026-11-29T03:00:00+00:00", "2026-11-29T04:00:00+00:00"),
        ({"weekday": "saturday", "start": "20:00", "end": "04:00"}, "2026-11-28T03:00:00+00:00", None),
        ({"since": "2026-11-28T22:00:00+01:00", "until": "2026-11-29T06:00:00+01:00"}, "2026-11-28T21:00:00+00:00", "2026-11-29T05:00:00+00:00"),
        # 02:30 comes twice in this night; the window ends with the second.
        ({"start": "02:30", "end": "04:00", "time_zone": "Europe/Berlin"}, "2026-10-25T01:45:00+00:00", "2026-10-25T03:00:00+00:00"),
    ],
)
def test_a_window_says_when_it_ends(given: dict[str, object], now: str, until: str | None) -> None:
    assert closed_until([window(**given)], at(now)) == (at(until) if until else None)


def test_windows_that_touch_count_as_one() -> None:
    windows = [window(start="22:00", end="23:00"), window(start="23:00", end="00:30")]

    assert closed_until(windows, at("2026-11-26T22:10:00+00:00")) == at("2026-11-27T00:30:00+00:00")


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"start": "22:00"},
        {"start": "22:00", "end": "23:00", "time_zone": "Mars/Olympus"},
        {"since": "2026-11-28T22:00:00", "until": "2026-11-29T22:00:00"},
        {"since": "2026-11-29T22:00:00+00:00", "until": "2026-11-28T22:00:00+00:00"},
        {"start": "22:00", "end": "23:00", "since": "2026-11-28T22:00:00+00:00", "until": "2026-11-29T22:00:00+00:00"},
    ],
)
def test_what_is_no_window_is_refused(given: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        window(**given)


def test_a_mode_is_set_with_actor_and_reason_and_holds_for_everybody_who_asks_later(tmp_path: Path) -> None:
    modes, limits = Modes(tmp_path / "modes.jsonl"), Limits(10.0, 4)
    running = Pace(tmp_path, "erp", limits)
    assert running.withheld() is None

    modes.set("erp", "hold", actor="ada", reason="migration of the chart of accounts")

    withheld = Pace(tmp_path, "erp", limits).withheld(sending=False)
    assert withheld is not None
    assert (withheld.kind, withheld.until) == ("hold", None)
    assert "ada" in withheld.reason
    assert "migration" in withheld.reason
    assert Pace(tmp_path, "billing", limits).withheld() is None
    modes.set("erp", "normal", actor="ada", reason="done")
    assert Pace(tmp_path, "erp", limits).withheld() is None
    assert [mode.mode for mode in modes.history("erp")] == ["hold", "normal"]


def test_verify_only_looks_and_does_not_send(tmp_path: Path) -> None:
    Modes(tmp_path / "modes.jsonl").set("erp", "verify_only", actor="ada", reason="audit")
    pace = Pace(tmp_path, "erp", Limits(10.0, 4))

    assert not pace.acquire(9e9)
    assert pace.acquire(9e9, sending=False)


def test_throttled_is_a_fraction_of_every_limit(tmp_path: Path) -> None:
    Modes(tmp_path / "modes.jsonl").set("erp", "throttled", actor="ada", reason="month end of others", fraction=0.1)

    limits = Pace(tmp_path, "erp", Limits(50.0, 5, (RequestWindow(requests=1000),))).limits

    assert (limits.requests_per_second, limits.concurrency, limits.windows[0].requests) == (5.0, 1, 100)


@pytest.mark.parametrize(("mode", "reason", "fraction"), [("stop", "x", None), ("hold", " ", None), ("hold", "x", 0.5), ("throttled", "x", 1.5)])
def test_a_mode_that_is_none_is_refused_and_changes_nothing(tmp_path: Path, mode: str, reason: str, fraction: float | None) -> None:
    modes = Modes(tmp_path / "modes.jsonl")

    with pytest.raises(ConfigurationError, match="erp"):
        modes.set("erp", mode, actor="ada", reason=reason, fraction=fraction)

    assert modes.of("erp").mode == "normal"


def test_a_line_that_was_never_finished_counts_for_nothing_and_swallows_nothing(tmp_path: Path) -> None:
    path = tmp_path / "modes.jsonl"
    Modes(path).set("erp", "hold", actor="ada", reason="first")
    with path.open("a") as file:
        file.write('{"destination": "erp", "mode": "nor')

    assert Modes(path).of("erp").mode == "hold"
    Modes(path).set("erp", "verify_only", actor="bob", reason="second")
    assert Modes(path).of("erp").mode == "verify_only"
    assert [json.loads(line)["actor"] for line in path.read_text().splitlines()] == ["ada", "bob"]


def test_a_file_that_somebody_broke_lets_nothing_through(tmp_path: Path) -> None:
    path = tmp_path / "modes.jsonl"
    path.write_text("hold everything please\n")

    with pytest.raises(ConfigurationError, match="line 1"):
        Pace(tmp_path, "erp", Limits(10.0, 4)).withheld()
