"""Whole pushes under random faults, from a seed: no rule is broken, a seed repeats exactly, and planted mistakes are found."""

from __future__ import annotations

import pytest
from simulation import replay, simulate
from simulation_mistakes import MISTAKES, Mistake

SEEDS = range(300)
SEEDS_UNTIL_FOUND = 400


def test_no_history_breaks_a_rule() -> None:
    broken = {seed: history.broken for seed in SEEDS if (history := simulate(seed)).broken is not None}

    assert broken == {}


def test_a_key_that_only_the_registers_clock_takes_for_forgotten_does_not_hold_a_push_for_ever() -> None:
    assert simulate(33_552).broken is None


def test_a_seed_repeats_exactly_and_another_does_not() -> None:
    first, again, other = replay(7), replay(7), replay(8)

    assert first.trace == again.trace
    assert len(first.trace) > 20
    assert first.trace != other.trace


def test_histories_hold_what_they_are_about() -> None:
    told = "\n".join(line for seed in range(60) for line in replay(seed).trace)

    for happening in (
        "is killed",
        "stands still",
        "was superseded",
        "is restored from the backup",
        "jumps by",
        "closes 2026",
        "reversed and posted anew",
        "executes create of D",
        "late",
        "which does not stand",
        "NotExecuted",
        "Ambiguous",
        "parked",
        "rejected",
        "verifies",
    ):
        assert happening in told, happening


@pytest.mark.parametrize("mistake", MISTAKES, ids=[mistake.name for mistake in MISTAKES])
def test_a_planted_mistake_is_found(mistake: Mistake) -> None:
    with mistake.planted():
        found = next((seed for seed in range(SEEDS_UNTIL_FOUND) if simulate(seed).broken is not None), None)

    assert found is not None
