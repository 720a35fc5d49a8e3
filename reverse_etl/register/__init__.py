"""The register: sealed documents, every attempt to deliver them, periods, exceptions, and the chain that audits them."""

from reverse_etl.register.records import (
    ApprovalRequest,
    Attempt,
    ChainReport,
    Delivery,
    DocumentEntry,
    ExceptionRecord,
    Lane,
    NewApprovalRequest,
    NewException,
    PeriodChange,
    Refusal,
    SealReport,
    Standing,
    Transition,
    Verdict,
)
from reverse_etl.register.register import Register

__all__ = [
    "ApprovalRequest",
    "Attempt",
    "ChainReport",
    "Delivery",
    "DocumentEntry",
    "ExceptionRecord",
    "Lane",
    "NewApprovalRequest",
    "NewException",
    "PeriodChange",
    "Refusal",
    "Register",
    "SealReport",
    "Standing",
    "Transition",
    "Verdict",
]
