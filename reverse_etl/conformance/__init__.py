"""Does a destination keep what its manifest claims? Probed on a sandbox, reported claim against fact; what is disproved counts as absent."""

from reverse_etl.conformance.evidence import record, recorded
from reverse_etl.conformance.findings import ConformanceReport, Finding, Verdict, reduced
from reverse_etl.conformance.probing import conformance
from reverse_etl.conformance.specimens import Specimens

__all__ = ["ConformanceReport", "Finding", "Specimens", "Verdict", "conformance", "record", "recorded", "reduced"]
