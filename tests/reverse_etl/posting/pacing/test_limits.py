"""One destination's limits, shared by lanes and processes, over files in a folder of the test's own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from reverse_etl.posting.pacing import Limits, Pace
from reverse_etl.posting.pacing.state import StateFile
from reverse_etl.request_windows import RequestWindow, WindowUse

NOON = datetime.fromisoformat("2026-11-26T12:00:00+00:00").timestamp()
DAY = 86_400


def open_pace(folder: Path, rate: float | None = 1000.0, concurrency: int = 8, **more: object) -> Pace:
    windows = more.pop("windows", ())
    return Pace(folder, "books", Limits(rate, concurrency, windows), **more)  # type: ignore[arg-type]


def turns(pace: Pace, seconds: float, hold: float = 0.0) -> int:
    """How many turns one thread gets."""
    ends, count = time.monotonic() + seconds, 0
    while time.monotonic() < ends and pace.acquire(ends):
        time.sleep(hold)
        pace.release()
        count += 1
    return count


def run_together(*work: Callable[[], object]) -> None:
    threads = [threading.Thread(target=one) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def in_process(folder: Path, code: str) -> subprocess.Popen[str]:
    program = f"""
import time
from pathlib import Path
from reverse_etl.posting.pacing import Limits, Pace
folder = Path({str(folder)!r})
{textwrap.dedent(code)}
"""
    return subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[4])


def test_two_lanes_together_keep_the_rate_and_use_it_up(tmp_path: Path) -> None:
    def in_a_second(folder: Path) -> int:
        paces = [open_pace(folder, rate=100.0) for _ in range(2)]
        counts: list[int] = []
        run_together(*(lambda pace=pace: counts.append(turns(pace, 1.0)) for pace in paces for _ in range(4)))
        # A second's worth, and what an idle bucket may catch up.
        assert sum(counts) <= 120
        return sum(counts)

    # A machine that does something else meanwhile uses less of it: not every time.
    assert any(in_a_second(tmp_path / str(attempt)) >= 60 for attempt in range(10))


def test_another_process_keeps_to_the_same_rate_and_to_a_pause_that_was_asked_of_this_one(tmp_path: Path) -> None:
    pace = open_pace(tmp_path)
    began = time.time()
    pace.pause(0.8)

    other = in_process(tmp_path, "pace = Pace(folder, 'books', Limits(1000.0, 8)); print(pace.acquire(time.monotonic() + 60)); print(time.time())")
    granted, at = other.communicate(timeout=120)[0].split()

    assert granted == "True"
    assert float(at) >= began + 0.8


def test_after_a_pause_those_who_waited_do_not_start_together(tmp_path: Path) -> None:
    pace = open_pace(tmp_path, rate=50.0)
    began, starts = time.monotonic(), []
    pace.pause(0.3)

    def one() -> None:
        assert pace.acquire(time.monotonic() + 60)
        starts.append(time.monotonic() - began)
        pace.release()

    run_together(*[one] * 8)

    assert all(start >= 0.3 + place / 50 for place, start in enumerate(sorted(starts)))


def test_a_turn_that_comes_too_late_is_refused_at_once_and_costs_nobody_a_turn(tmp_path: Path) -> None:
    pace = open_pace(tmp_path)
    pace.pause(3_000)
    began = time.monotonic()

    assert not pace.acquire(time.monotonic() + 120)

    assert time.monotonic() - began < 60
    assert pace.state().lanes == {} or sum(lane.in_flight for lane in pace.state().lanes.values()) == 0


def test_lanes_share_the_places_and_a_small_one_is_not_starved(tmp_path: Path) -> None:
    def shares(folder: Path) -> tuple[int, int]:
        huge, small = (open_pace(folder, concurrency=4) for _ in range(2))
        counts: dict[str, list[int]] = {"huge": [], "small": []}
        of_huge, of_small = (
            lambda name=name, pace=pace: counts[name].append(turns(pace, 1.0, hold=0.02)) for name, pace in (("huge", huge), ("small", small))
        )
        run_together(*[of_huge] * 16, *[of_small] * 2)
        return sum(counts["huge"]), sum(counts["small"])

    # Two of four places each; a machine that does something else meanwhile may hold up the few threads of the small one: not every time.
    assert any(small >= 0.4 * huge for huge, small in (shares(tmp_path / str(attempt)) for attempt in range(10)))


def test_a_lane_alone_has_all_places(tmp_path: Path) -> None:
    pace, idle = (open_pace(tmp_path, concurrency=4) for _ in range(2))
    assert idle.acquire(time.monotonic() + 60)
    idle.release()

    assert [pace.acquire(time.monotonic() + 60) for _ in range(4)] == [True] * 4
    assert not pace.acquire(time.monotonic() + 0.1)


def test_the_places_of_a_killed_process_are_free_again(tmp_path: Path) -> None:
    code = "pace = Pace(folder, 'books', Limits(1000.0, 2)); print(pace.acquire(9e9), pace.acquire(9e9), flush=True); time.sleep(60)"
    other = in_process(tmp_path, code)
    assert other.stdout is not None
    assert other.stdout.readline() == "True True\n"
    pace = open_pace(tmp_path, concurrency=2)
    assert not pace.acquire(time.monotonic() + 0.7)

    os.kill(other.pid, signal.SIGKILL)
    other.communicate()

    assert pace.acquire(time.monotonic() + 60)
    pace.close()
    open_pace(tmp_path).close()
    assert list((tmp_path / "books.lanes").iterdir()) == []


def test_a_daily_quota_outlives_the_process_and_says_when_it_is_free_again(tmp_path: Path) -> None:
    quota = {"rate": None, "windows": (RequestWindow(requests=3, resets_at=datetime.min.time()),), "wall": lambda: NOON}
    first = open_pace(tmp_path, **quota)  # type: ignore[arg-type]
    assert [first.acquire(time.monotonic() + 60) for _ in range(4)] == [True, True, True, False]
    first.close()

    later = open_pace(tmp_path, **quota)  # type: ignore[arg-type]

    withheld = later.withheld()
    assert withheld is not None
    assert (withheld.kind, withheld.until) == ("quota", datetime.fromisoformat("2026-11-27T00:00:00+00:00"))
    assert later.used() == {"day from 00:00 UTC": 3}
    tomorrow = open_pace(tmp_path, **{**quota, "wall": lambda: NOON + DAY})  # type: ignore[arg-type]
    assert tomorrow.withheld() is None


def test_several_windows_hold_together(tmp_path: Path) -> None:
    pace = open_pace(tmp_path, windows=(RequestWindow(requests=2, seconds=0.5), RequestWindow(requests=3)), rate=None)
    began = time.monotonic()

    assert [pace.acquire(time.monotonic() + 60) for _ in range(3)] == [True] * 3

    assert 0.3 <= time.monotonic() - began < 60
    assert not pace.acquire(time.monotonic() + 1)


@pytest.mark.parametrize("seconds", [60.0, DAY])
def test_no_rolling_window_takes_more_than_it_declares(seconds: float) -> None:
    window, use, granted = RequestWindow(requests=10, seconds=seconds), WindowUse(), []
    now = NOON
    while now < NOON + 3 * seconds:
        if use.free_at(window, now) is None:
            use.count(window, now)
            granted.append(now)
        now += seconds / 97

    assert all(sum(at <= other < at + seconds for other in granted) <= 10 for at in granted)
    assert len(granted) >= 25


@pytest.mark.parametrize("window", [RequestWindow(requests=1), RequestWindow(requests=1, resets_at=datetime.min.time())])
def test_a_clock_that_was_ahead_and_is_set_right_costs_at_most_one_window(window: RequestWindow) -> None:
    use = WindowUse()
    use.count(window, NOON + 400 * DAY)

    free_at = use.free_at(window, NOON)

    assert free_at is not None
    assert NOON < free_at <= NOON + DAY * 26 / 24
    assert use.free_at(window, free_at + 1) is None


def test_a_wall_clock_that_jumps_back_stalls_nobody(tmp_path: Path) -> None:
    clock = [NOON]
    pace = open_pace(tmp_path, wall=lambda: clock[0])
    assert pace.acquire(time.monotonic() + 60)
    pace.release()
    clock[0] -= 30 * DAY

    assert pace.acquire(time.monotonic() + 60)


def test_after_a_restart_of_the_machine_a_pause_goes_on_and_no_longer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pace = open_pace(tmp_path)
    pace.pause(1_000)
    pace.close()
    monkeypatch.setattr("reverse_etl.posting.pacing.state.boot_id", lambda: "another")

    restarted = open_pace(tmp_path)

    assert 900 < restarted.paused_for() <= 1_000


def test_a_torn_state_counts_as_none(tmp_path: Path) -> None:
    pace = open_pace(tmp_path)
    pace.pause(1000)
    pace.close()
    path = tmp_path / "books.state"
    content = bytearray(path.read_bytes())
    content[20] ^= 0xFF
    path.write_bytes(content)

    assert open_pace(tmp_path).acquire(time.monotonic() + 60)
    assert StateFile(path).read().paused_until == 0.0


def test_an_undeclared_rate_rises_while_it_is_taken_falls_by_half_and_is_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reverse_etl.posting.pacing.pace.LOWERED_ONCE_WITHIN_SECONDS", 30.0)
    pace = open_pace(tmp_path, rate=None)
    start = pace.state().adapted.rate
    for _ in range(20):
        assert pace.acquire(time.monotonic() + 60)
        pace.release()
        pace.answered()
    risen = pace.state().adapted.rate
    pace.pause(0.01)
    pace.pause(0.01)
    fallen = pace.state().adapted.rate
    pace.close()

    assert risen > start + 10
    assert fallen == pytest.approx(risen / 2)
    assert open_pace(tmp_path, rate=None).state().adapted.rate == fallen


def test_a_declared_rate_does_not_adapt(tmp_path: Path) -> None:
    pace = open_pace(tmp_path, rate=100.0)
    pace.pause(0.2)

    pace.answered()

    assert pace.requests_per_second == 100.0
