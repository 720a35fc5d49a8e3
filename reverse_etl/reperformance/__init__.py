"""The independent re-performer: from the delivered files, what the general ledger should hold, computed a second time and another way.

Plain Python on exact numbers. It imports nothing of Tieout that lands, rates, issues or posts, and knows neither dbt nor warehouse; what only the
register knows comes through ``facts``.
"""

from reverse_etl.reperformance.comparison import Compared, Difference, MonthReperformed, NotReperformed, Reperformance, Waiting
from reverse_etl.reperformance.facts import UNKNOWN_CUSTOMER, ClosedPeriod, Facts, HeldLine, LandedFile, LedgerLine, SealedHeader, Settlement
from reverse_etl.reperformance.reperform import ReperformanceError, reperform

__all__ = [
    "UNKNOWN_CUSTOMER",
    "ClosedPeriod",
    "Compared",
    "Difference",
    "Facts",
    "HeldLine",
    "LandedFile",
    "LedgerLine",
    "MonthReperformed",
    "NotReperformed",
    "Reperformance",
    "ReperformanceError",
    "SealedHeader",
    "Settlement",
    "Waiting",
    "reperform",
]
