"""The register: sealed documents, every attempt to deliver them, periods, exceptions, and the chain that audits them."""

from reverse_etl.register.records import (
    Attempt,
    ChainReport,
    Delivery,
    DocumentEntry,
    ExceptionRecord,
    Lane,
    NewException,
    PeriodChange,
    Refusal,
    SealReport,
    Standing,
    Transition,
)
from reverse_etl.register.register import Register

__all__ = [
    "Attempt",
    "ChainReport",
    "Delivery",
    "DocumentEntry",
    "ExceptionRecord",
    "Lane",
    "NewException",
    "PeriodChange",
    "Refusal",
    "Register",
    "SealReport",
    "Standing",
    "Transition",
]
