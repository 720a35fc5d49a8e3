"""Posting: every sealed document reaches its destination exactly once, or stops with its reason."""

from reverse_etl.posting.push import plan, push
from reverse_etl.posting.report import Plan, PlannedDocument, PushReport

__all__ = ["Plan", "PlannedDocument", "PushReport", "plan", "push"]
