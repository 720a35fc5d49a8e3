"""Northlight, the sample company: reference data and usage events with known dirt, the same bytes for the same seed."""

from reverse_etl.sandbox.sample.generate import generate
from reverse_etl.sandbox.sample.payments import OpenInvoice, deliver_payments
from reverse_etl.sandbox.sample.summary import MonthCounts, SampleSummary

__all__ = ["MonthCounts", "OpenInvoice", "SampleSummary", "deliver_payments", "generate"]
