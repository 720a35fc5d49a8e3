"""The small form of ``make soak``."""

from __future__ import annotations

from pathlib import Path

from soaking import soak


def test_intents_of_many_chunks_arrive_once_and_memory_stays_flat(tmp_path: Path) -> None:
    assert soak(tmp_path, 2_000, 0.0, f"sqlite:///{tmp_path / 'register.sqlite'}", chunk=300) == []
