"""From a case to the scenarios that answer it. Every model of a case is a word of the file format; what it means is said here, once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from reverse_etl.cases.case import Case, CaseError, plain
from reverse_etl.cases.deliverable import check_deliverable
from reverse_etl.cases.rated import RatedScenario
from reverse_etl.cases.scenario import Scenario

Say = Callable[[Mapping[str, RatedScenario]], Any]


@dataclass(frozen=True, slots=True)
class Answered:
    """Scenarios, and how the keys that only this model has are told from what was rated."""

    scenarios: Mapping[str, Scenario]
    says: Mapping[str, Say]


Compile = Callable[[Case], Mapping[str, Scenario] | Answered]
COMPILERS: dict[str, Compile] = {}
MAIN = "main"
"""The name of the only scenario of a case that has one."""


# What only says where a case comes from, or again what follows from the rest of it.
INFORMATIVE = ("source_", "exponent", "numerator_days", "denominator_days", "group", "usage_total_minor", "note")


@dataclass(frozen=True, slots=True)
class CompiledCase:
    """``scenarios`` by a name that is unique within the case."""

    case: Case
    scenarios: Mapping[str, Scenario]
    says: Mapping[str, Say] = field(default_factory=dict)


def compiles(*models: str) -> Callable[[Compile], Compile]:
    def register(function: Compile) -> Compile:
        COMPILERS.update(dict.fromkeys(models, function))
        return function

    return register


def compile_case(case: Case) -> CompiledCase:
    """Raises ``CaseError`` for a model or a policy that is unknown or refused, and for terms that are missing or no numbers."""
    if case.model not in COMPILERS:
        raise CaseError(f"the model {case.model!r} is not known")
    try:
        compiled = COMPILERS[case.model](case)
    except (ArithmeticError, AttributeError, TypeError, ValueError, LookupError) as error:
        raise CaseError(f"the case does not have the form of its model {case.model}: {error}") from error
    if ignored := sorted(name for name in case.params.unread() if not name.startswith(INFORMATIVE)):
        raise CaseError(f"params has {', '.join(ignored)}, which the model {case.model} does not know")
    answered = compiled if isinstance(compiled, Answered) else Answered(compiled, {})
    for scenario in answered.scenarios.values():
        check_deliverable(scenario)
    return CompiledCase(case, answered.scenarios, answered.says)


def amount_of(case: Case, scenario: RatedScenario) -> str:
    """In a currency that the case names it is rounded; without one it has all its digits."""
    return plain(scenario.amount_rounded if case.params.get("currency") else scenario.amount_precise)


ROUNDINGS = {"up": "up", "ceil": "up", "ceiling": "up", "down": "down", "floor": "down", "round": "half_up", "half_up": "half_up"}
"""The words of cases about rounding, each with that of a price term."""


def rounding_word(value: Any) -> str:
    if str(value) not in ROUNDINGS:
        raise CaseError(f"the rounding {value!r} is not known; known are {', '.join(ROUNDINGS)}")
    return ROUNDINGS[str(value)]


def stated(terms: Mapping[str, Any]) -> dict[str, str]:
    """Only the terms that a case states, as text."""
    return {term: format(value, "f") if isinstance(value, Decimal) else str(value) for term, value in terms.items() if value is not None}
