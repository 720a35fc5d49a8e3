"""Rates pricing cases: an installation of their own is filled with what the cases say, and the models that rate production are run on it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from dagster_project.close import Installation
from dagster_project.dbt.project import DbtPaths, invoke
from reverse_etl.cases import Case, CaseError, CaseResult, CompiledCase, RatedScenario, answer, compile_case, deliver
from reverse_etl.cases.scenario import Scenario
from reverse_etl.errors import TieoutError
from reverse_etl.landing import land
from reverse_etl.settings import Settings

MODELS = "+rated_lines"


class RatingFailedError(TieoutError):
    """The models did not run on the cases."""


def rate_cases(cases: Sequence[Case | CaseResult]) -> list[CaseResult]:
    """The answer of every case, in their order. A case that cannot be rated says why, and the others go on.

    Raises:
        RatingFailedError: the models could not be run at all.
    """
    compiled: dict[int, CompiledCase] = {}
    answered: dict[int, CaseResult] = {}
    for position, case in enumerate(cases):
        if isinstance(case, CaseResult):
            answered[position] = case
            continue
        try:
            compiled[position] = compile_case(case)
        except CaseError as error:
            answered[position] = CaseResult(case.id, None, str(error))
        except (AttributeError, TypeError, ValueError, KeyError) as error:
            answered[position] = CaseResult(case.id, None, f"the case does not have the form of its model {case.model}: {error}")
    scenarios = {_key(position, name): scenario for position, one in compiled.items() for name, scenario in one.scenarios.items()}
    rated = rate_scenarios(scenarios) if scenarios else {}
    for position, one in compiled.items():
        answered[position] = answer(one, {name: rated[_key(position, name)] for name in one.scenarios})
    return [answered[position] for position in range(len(cases))]


def _key(position: int, name: str) -> str:
    return f"case-{position}-{name}"


def rate_scenarios(scenarios: Mapping[str, Scenario]) -> dict[str, RatedScenario]:
    """What the models say of each scenario, all of them in one build.

    Raises:
        RatingFailedError: the models could not be run.
    """
    with TemporaryDirectory(prefix="tieout-rate-") as folder:
        settings = Settings(home=Path(folder), entities=("cases",))
        installation = Installation(settings)
        deliver(settings.inbox, scenarios)
        report = land(installation.warehouse, settings)
        if report.problems:
            problem = report.problems[0]
            raise RatingFailedError(f"the cases do not land: {problem.file_name}: {problem.reason}")
        outcome = invoke(DbtPaths.of(settings), ["build", "--select", MODELS, "--exclude-resource-type", "unit_test", "test", "--no-write-json"])
        if not outcome.success:
            results = getattr(outcome.result, "results", None) or ()
            failed = [f"{result.node.name}: {' '.join(str(result.message).split())}" for result in results if str(result.status) == "error"]
            raise RatingFailedError(f"the models do not run on the cases: {'; '.join(failed) or outcome.exception}")
        return _rated(installation, scenarios)


def _rated(installation: Installation, scenarios: Mapping[str, Scenario]) -> dict[str, RatedScenario]:
    read = installation.warehouse.read
    lines = _by_customer(
        read(
            """
            select
                rated_lines.*,
                currencies.exponent,
                usage_summaries.closing_level
            from rating.rated_lines as rated_lines
            left join constants.currencies as currencies on rated_lines.currency = currencies.currency
            left join usage.usage_summaries as usage_summaries on rated_lines.line_key = usage_summaries.usage_key
            """
        ).to_pylist()
    )
    tiers = _by_customer(
        read(
            """
            select charged_usage.customer_id, charged_usage.service_period_start, rated_tiers.amount_precise
            from rating.rated_tiers as rated_tiers
            inner join rating.charged_usage as charged_usage on rated_tiers.usage_key = charged_usage.usage_key
            where rated_tiers.tier_quantity > 0
            order by charged_usage.usage_key, rated_tiers.bucket, rated_tiers.tier_from
            """
        ).to_pylist()
    )
    events = _by_customer(
        read(
            """
            select customer_id, disposition, strftime(occurred_on, '%Y-%m') as month
            from usage.usage_event_dispositions order by length(event_id), event_id
            """
        ).to_pylist()
    )
    return {key: _scenario(scenario, lines[key], tiers[key], events[key]) for key, scenario in scenarios.items()}


def _by_customer(rows: Sequence[Mapping[str, Any]]) -> defaultdict[str, list[Mapping[str, Any]]]:
    grouped: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        grouped[row["customer_id"]].append(row)
    return grouped


def _scenario(
    scenario: Scenario, lines: Sequence[Mapping[str, Any]], tiers: Sequence[Mapping[str, Any]], events: Sequence[Mapping[str, Any]]
) -> RatedScenario:
    own = [line for line in lines if line["service_period_start"] == scenario.day]
    holds = sorted({line["hold_reason"] for line in own if line["hold_reason"]})
    counted = [event["disposition"] for event in events]
    return RatedScenario(
        amount_precise=sum((line["amount_precise"] or Decimal(0) for line in own), Decimal(0)),
        amount_minor=sum(line["amount_minor"] or 0 for line in own),
        exponent=own[0]["exponent"] if own and own[0]["exponent"] is not None else 2,
        quantity=sum((line["quantity"] for line in own), Decimal(0)),
        closing_level=next((line["closing_level"] for line in own if line["closing_level"] is not None), None),
        tier_amounts=[tier["amount_precise"] for tier in tiers if tier["service_period_start"] == scenario.day],
        months=[event["month"] for event in events],
        dispositions={disposition: counted.count(disposition) for disposition in counted},
        hold_reasons=holds or ([] if own else ["nothing was rated for the period"]),
    )
