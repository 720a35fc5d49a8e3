"""Posting: every sealed document reaches its destination exactly once, or stops with its reason."""

from reverse_etl.posting.push import push
from reverse_etl.posting.report import PushReport

__all__ = ["PushReport", "push"]
