"""A slice of the crash matrix that dies at every crash point; ``make crash-matrix`` runs all of it."""

from __future__ import annotations

from crash_cases import CLASSES, PLANS, STORES, crashes, every_case, slice_of
from crash_matrix import results
from naive_pusher import NaivePusher


def test_no_document_is_there_twice_or_lost_wherever_a_poster_dies() -> None:
    counts = list(results(slice_of(every_case())))

    assert {counted.case: (counted.duplicates, counted.lost, counted.problems) for counted in counts if not counted.passed} == {}


def test_the_slice_dies_at_every_crash_point_on_both_stores_and_meets_every_plan_and_class() -> None:
    chosen = slice_of(every_case())

    assert {(case.store, case.crash) for case in chosen} == {(store, crash) for store in STORES for label in CLASSES for crash in crashes(label)}
    assert {case.plan.name for case in chosen} == {plan.name for plan in PLANS}
    assert {case.capability_class for case in chosen} == set(CLASSES)


def test_the_matrix_catches_a_pusher_that_retries_blindly_under_new_keys() -> None:
    cases = [case for case in every_case() if case.store == "sqlite" and case.capability_class == "A" and NaivePusher.comes_to(case)]

    counts = list(results(cases[::3], "naive"))

    assert sum(counted.duplicates for counted in counts) > 0
