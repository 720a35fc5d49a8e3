"""Pricing cases: plan parameters and usage in a file, rated by the very models that rate production, answered in the same terms."""

from reverse_etl.cases import models
from reverse_etl.cases.answers import answer
from reverse_etl.cases.case import Case, CaseError, CaseResult, read_cases, write_results
from reverse_etl.cases.compiling import CompiledCase, compile_case
from reverse_etl.cases.deliveries import deliver
from reverse_etl.cases.rated import RatedScenario

__all__ = [
    "Case",
    "CaseError",
    "CaseResult",
    "CompiledCase",
    "RatedScenario",
    "answer",
    "compile_case",
    "deliver",
    "models",
    "read_cases",
    "write_results",
]
