"""The register: sealed documents, every attempt to deliver them, periods, exceptions, and the chain that audits them."""

from reverse_etl.register.records.approvals import ApprovalRequest, NewApprovalRequest, Verdict
from reverse_etl.register.records.deliveries import (
    Attempt,
    Delivery,
    DocumentEntry,
    Lane,
    Refusal,
    SealReport,
    Standing,
    Transition,
    WaitingDocuments,
)
from reverse_etl.register.records.exceptions import ExceptionRecord, NewException
from reverse_etl.register.records.history import ChainReport, Restoration
from reverse_etl.register.records.periods import LandedFiles, PeriodChange, PeriodDocuments, PeriodSeal, SealBreak, SealMeasure
from reverse_etl.register.register import Register

__all__ = [
    "ApprovalRequest",
    "Attempt",
    "ChainReport",
    "Delivery",
    "DocumentEntry",
    "ExceptionRecord",
    "LandedFiles",
    "Lane",
    "NewApprovalRequest",
    "NewException",
    "PeriodChange",
    "PeriodDocuments",
    "PeriodSeal",
    "Refusal",
    "Register",
    "Restoration",
    "SealBreak",
    "SealMeasure",
    "SealReport",
    "Standing",
    "Transition",
    "Verdict",
    "WaitingDocuments",
]
