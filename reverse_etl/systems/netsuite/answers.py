"""What an answer of the record service proves. Pure and total.

Status codes: https://docs.oracle.com/en/cloud/saas/netsuite/ns-online-help/section_156570709583.html. A 4xx with NetSuite's own error object is
a failure due to the request, found before or while the record was saved, which NetSuite does in one transaction. Anything else proves nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from reverse_etl.systems.contract import Ambiguous, NotExecuted, Outcome, Rejected, Succeeded
from reverse_etl.systems.http_system import usual_outcome
from reverse_etl.transport import Answer, retry_after

INTERNAL_ID = "internal_id"
LONGEST_REASON = 500
REFUSED_STATUSES = frozenset({400, 403, 404, 405, 406, 415})
# Somebody else was quicker, or too many requests are under way: the same request may be sent again.
PASSING_CODES = frozenset(
    {"CONCURRENCY_LIMIT_EXCEEDED", "REQUEST_LIMIT_EXCEEDED", "SSS_REQUEST_LIMIT_EXCEEDED", "WS_REQUEST_BLOCKED", "RCRD_HAS_BEEN_CHANGED"}
)


def outcome_of(answer: Answer) -> Outcome:
    """The outcome of one upsert."""
    if 200 <= answer.status < 300:
        identifier = internal_id(answer)
        # 202 would mean that it is done later.
        if identifier is None or answer.status == 202:
            return Ambiguous(f"NetSuite's answer does not say which record it saved: {answer.shown()}")
        return Succeeded(identifier, {INTERNAL_ID: identifier})
    usual = usual_outcome(answer)
    if usual is not None:
        return usual
    errors = error_details(answer)
    if answer.status in REFUSED_STATUSES and errors:
        if any(code in PASSING_CODES for code, _ in errors):
            return NotExecuted(_words(errors), retry_after(answer.headers))
        return Rejected(f"NetSuite refuses: {_words(errors)}")
    return Ambiguous(answer.shown())


def internal_id(answer: Answer) -> str | None:
    """The id at the end of ``Location``."""
    identifier = urlsplit(answer.headers.get("location", "")).path.rpartition("/")[2]
    return identifier if identifier.isascii() and identifier.isdigit() else None


def error_details(answer: Answer) -> list[tuple[str, str]]:
    """Code and words of each error; empty if the answer is not NetSuite's error object."""
    content = answer.content()
    details = content.get("o:errorDetails") if isinstance(content, Mapping) else None
    return [
        (str(detail["o:errorCode"]), " ".join(str(detail.get("detail") or "").split()))
        for detail in (details if isinstance(details, list) else ())
        if isinstance(detail, Mapping) and isinstance(detail.get("o:errorCode"), str)
    ]


def _words(errors: list[tuple[str, str]]) -> str:
    return "; ".join(f"{words} ({code})" for code, words in errors)[:LONGEST_REASON]
