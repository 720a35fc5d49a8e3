"""Rates pricing cases: an installation of their own is filled with what the cases say, and the models that rate production are run on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from dagster_project.close import Installation
from dagster_project.close.approvals import approve, ask_for_credit
from dagster_project.close.outbox import proposed
from dagster_project.close.steps import mirror_register
from dagster_project.dbt.project import WITHOUT_HOLDS, DbtPaths, invoke, parsed_project
from reverse_etl.cases import Case, CaseError, CaseResult, CompiledCase, RatedScenario, answer, compile_case, deliver
from reverse_etl.cases.apart import moved_apart
from reverse_etl.cases.rated import RatedRun
from reverse_etl.cases.reading import read_run, read_scenarios
from reverse_etl.cases.scenario import Scenario
from reverse_etl.documents import SealedDocument
from reverse_etl.errors import TieoutError
from reverse_etl.landing import land
from reverse_etl.settings import Settings

LINES = ("+rated_lines",)
DOCUMENTS = ("+outbox_invoices", "+outbox_credit_memos", "+journal_lines")
FAILURES = 30
PROPOSED = ("outbox.outbox_invoices", "outbox.outbox_credit_memos")


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
    if compiled:
        answered |= _answers(compiled, [FAILURES])
    return [answered[position] for position in range(len(cases))]


def _answers(compiled: Mapping[int, CompiledCase], failures: list[int]) -> dict[int, CaseResult]:
    """All together; where that fails by halves, so that a case on which the models do not run stops no other. ``failures`` are left
    before the fault is taken to be with none of the cases."""
    scenarios = {_key(position, name): scenario for position, one in compiled.items() for name, scenario in one.scenarios.items()}
    try:
        rated = rate_scenarios(scenarios)
    except RatingFailedError as error:
        if not failures[0]:
            raise
        failures[0] -= 1
        if len(compiled) == 1:
            return {position: CaseResult(one.case.id, None, str(error)) for position, one in compiled.items()}
        half = len(compiled) // 2
        parts = (dict(part) for part in (islice(compiled.items(), half), islice(compiled.items(), half, None)))
        return {position: result for part in parts for position, result in _answers(part, failures).items()}
    return {position: answer(one, {name: rated[_key(position, name)] for name in one.scenarios}) for position, one in compiled.items()}


def _key(position: int, name: str) -> str:
    return f"case-{position}-{name}"


def rate_scenarios(scenarios: Mapping[str, Scenario]) -> dict[str, RatedScenario]:
    """What the models say of each scenario, all of them in as many builds as the longest has runs; between two runs what is proposed
    is sealed in the register of this installation, so that the next one subtracts what was issued.

    Raises:
        RatingFailedError: the models could not be run.
    """
    scenarios = moved_apart(scenarios)
    with TemporaryDirectory(prefix="tieout-rate-") as folder:
        entities = tuple(sorted({scenario.entity for scenario in scenarios.values()}))
        installation = Installation(Settings(home=Path(folder), entities=entities))
        runs = max(scenario.runs for scenario in scenarios.values())
        with_documents = any(scenario.needs_documents for scenario in scenarios.values())
        rated: list[dict[str, RatedRun]] = []
        for run in range(runs):
            if run:
                _seal(installation, scenarios, run)
            _build(installation, scenarios, run, DOCUMENTS if with_documents else LINES)
            rated.append(read_run(installation.warehouse, scenarios, with_documents))
        return read_scenarios(installation.warehouse, scenarios, rated)


def _build(installation: Installation, scenarios: Mapping[str, Scenario], run: int, models: Sequence[str]) -> None:
    settings = installation.settings
    deliver(settings.inbox, scenarios, run)
    report = land(installation.warehouse, settings)
    if report.problems:
        problem = report.problems[0]
        raise RatingFailedError(f"the cases do not land: {problem.file_name}: {problem.reason}")
    mirror_register(installation)
    arguments = ["build", "--select", *models, "--exclude-resource-type", "unit_test", "test", "--no-write-json", *WITHOUT_HOLDS]
    outcome = invoke(DbtPaths.of(settings), arguments, parsed_project(settings))
    if not outcome.success:
        results = getattr(outcome.result, "results", None) or ()
        failed = [f"{result.node.name}: {' '.join(str(result.message).split())}" for result in results if str(result.status) == "error"]
        raise RatingFailedError(f"the models do not run on the cases: {'; '.join(failed) or outcome.exception}")


def _seal(installation: Installation, scenarios: Mapping[str, Scenario], run: int) -> None:
    """Seal what the scenarios that go on propose."""
    going_on = {key for key, scenario in scenarios.items() if scenario.runs > run}
    rows = [row for row in proposed(installation.warehouse, PROPOSED) if row.payload["customer_id"] in going_on]
    with closing(installation.open_register()) as register:
        report = register.seal(rows, installation.actor, f"run-{run}")
        if report.refused:
            raise RatingFailedError(f"a document of the cases cannot be sealed: {report.refused[0].reason}")
        for document in report.sealed if run == 1 else ():
            if document.document_type == "invoice":
                _decide(installation, document, scenarios[document.payload["customer_id"]])


def _decide(installation: Installation, invoice: SealedDocument, scenario: Scenario) -> None:
    for credit in scenario.credits:
        for line in invoice.payload["lines"]:
            if line["charge_id"].endswith(f"/{credit.charge}"):
                amount = Decimal(credit.amount_minor).scaleb(-int(invoice.payload["currency_exponent"]))
                maker, checker = (replace(installation, acting_as=name) for name in ("the maker of the cases", "their checker"))
                asked = ask_for_credit(
                    maker, invoice.business_key, amount, "the case says so", line["line_key"], before_discount=credit.before_discount
                )
                approve(checker, asked.request_id)
