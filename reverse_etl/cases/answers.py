"""From what the models rated to the keys that a case asks for."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from reverse_etl.cases.case import Case, CaseError, CaseResult, plain
from reverse_etl.cases.compiling import MAIN, CompiledCase, amount_of
from reverse_etl.cases.rated import RatedScenario

_ROUNDED = re.compile(r"quantity_rounded_([0-9]|1[0-9])")


def answer(compiled: CompiledCase, rated: Mapping[str, RatedScenario]) -> CaseResult:
    """The keys of the case's ``expected``, or all that are known where it has none."""
    case = compiled.case
    try:
        return CaseResult(case.id, _result(compiled, rated))
    except CaseError as error:
        return CaseResult(case.id, None, str(error))
    except (ArithmeticError, AttributeError, LookupError, StopIteration, TypeError, ValueError) as error:
        return CaseResult(case.id, None, f"what was rated does not have the form of the model {case.model}: {type(error).__name__} {error}")


def _result(compiled: CompiledCase, rated: Mapping[str, RatedScenario]) -> dict[str, Any]:
    case = compiled.case
    for name, scenario in rated.items():
        refused = f"refused reference data: {', '.join(scenario.refusals)}" if scenario.refusals else ""
        if scenario.hold_reasons:
            held = f"{'the line' if name == MAIN else name} is held: {', '.join(scenario.hold_reasons)}"
            raise CaseError(f"{held}; {refused}" if refused else held)
        if refused:
            raise CaseError(refused)
    known = {key: say for key, say in _KNOWN.items() if (case.expected is None or key in case.expected) and key not in compiled.says}
    result = {key: value for key, say in known.items() if (value := say(case, rated)) is not None}
    for key, tell in compiled.says.items():
        if case.expected is None or key in case.expected:
            result[key] = tell(rated)
    for key in case.expected or ():
        if (places := _ROUNDED.fullmatch(key)) is not None and MAIN in rated:
            result[key] = plain(rated[MAIN].quantity.quantize(Decimal(1).scaleb(-int(places[1])), ROUND_HALF_UP))
    if missing := [key for key in case.expected or () if key not in result]:
        raise CaseError(f"the model {case.model} has no {', '.join(missing)}")
    return result


Say = Callable[[Case, Mapping[str, RatedScenario]], Any]


def _amount(case: Case, rated: Mapping[str, RatedScenario]) -> str | None:
    return amount_of(case, rated[MAIN]) if MAIN in rated else None


def _of_main(say: Callable[[RatedScenario], Any]) -> Say:
    return lambda _, rated: say(rated[MAIN]) if MAIN in rated else None


_KNOWN: Mapping[str, Say] = {
    "amount": _amount,
    "amounts": lambda case, rated: None if MAIN in rated else [amount_of(case, scenario) for scenario in rated.values()],
    "amount_precise": _of_main(lambda main: plain(main.amount_precise)),
    "amount_minor": _of_main(lambda main: str(main.amount_minor)),
    "amount_by_currency": lambda _, rated: {name: plain(scenario.amount_rounded) for name, scenario in rated.items() if name != MAIN},
    "quantity": _of_main(lambda main: plain(main.quantity)),
    "closing_level": _of_main(lambda main: None if main.closing_level is None else plain(main.closing_level)),
    "lines": _of_main(lambda main: [plain(amount) for amount in main.tier_amounts]),
    "periods": _of_main(lambda main: list(main.months)),
    "accepted": _of_main(lambda main: main.dispositions.get("kept", 0)),
    "duplicates": _of_main(lambda main: main.dispositions.get("duplicate", 0)),
    "conflicts": _of_main(lambda main: main.dispositions.get("quarantined", 0)),
}
