"""Pricing cases: plan parameters and usage in a file, rated by the very models that rate production, answered in the same terms."""

from reverse_etl.cases import credits_of_cases, documents_of_cases, events_of_cases, fees_of_cases, ledger_of_cases, runs_of_cases, usage_of_cases
from reverse_etl.cases.answers import answer
from reverse_etl.cases.case import Case, CaseError, CaseResult, read_cases, write_results
from reverse_etl.cases.compiling import CompiledCase, compile_case
from reverse_etl.cases.deliveries import deliver
from reverse_etl.cases.rated import RatedScenario

# The modules that register what they compile.
MODELS = (usage_of_cases, events_of_cases, fees_of_cases, documents_of_cases, runs_of_cases, ledger_of_cases, credits_of_cases)

__all__ = ["Case", "CaseError", "CaseResult", "CompiledCase", "RatedScenario", "answer", "compile_case", "deliver", "read_cases", "write_results"]
