"""What an answer of Tryton proves. Pure and total: any status and body give exactly one verdict.

Tryton answers business errors with status 200 and a member ``error``; it runs every call in one database transaction and
rolls it back when the call raises.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reverse_etl.systems.contract import Ambiguous, NotExecuted, Rejected
from reverse_etl.transport import retry_after

# Raised inside the transaction, by rules of the business: rolled back, and the same call would be refused again.
REFUSALS = frozenset({"UserError", "UserWarning"})
# Raised before anything is written, or rolled back because somebody else was quicker: the same call may be sent again.
ROLLED_BACK = frozenset({"ConcurrencyException", "LoginException", "RateLimitException"})
# Refused before the call is dispatched: malformed, unknown or forbidden method, too large.
REFUSED_STATUSES = frozenset({400, 403, 405, 411, 413, 415, 422})
# trytond answers 503 with SQLite's own words when it gave up waiting for the write lock, after the rollback.
LOCKED = "database is locked"
LONGEST_REASON = 500


@dataclass(frozen=True, slots=True)
class Answered:
    """The call was executed and committed; ``result`` is what it returned."""

    result: Any


@dataclass(frozen=True, slots=True)
class SessionExpired:
    """Refused before dispatch because the session is not known (any more): log in and send again."""


Verdict = Answered | SessionExpired | NotExecuted | Rejected | Ambiguous


def classify_answer(status: int, headers: Mapping[str, str], body: bytes) -> Verdict:
    """The verdict on a complete HTTP answer; ``headers`` with lower-case names."""
    if status == 200:
        return _classify_content(body)
    if status == 401:
        return SessionExpired()
    words, pause = _shorten(body.decode("utf-8", errors="replace")), retry_after(headers)
    if status in REFUSED_STATUSES:
        return Rejected(f"Tryton refused the request with status {status}: {words}")
    # 404: the database is not served; 429: too many log-ins.
    if status in (404, 429) or (status == 503 and (LOCKED in words or pause is not None)):
        return NotExecuted(f"Tryton does not serve requests now (status {status}): {words}", pause)
    return Ambiguous(f"Tryton answered with status {status}: {words}")


def _classify_content(body: bytes) -> Verdict:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return Ambiguous(f"Tryton's answer is no JSON: {_shorten(body.decode('utf-8', errors='replace'))}")
    if not isinstance(content, dict) or ("result" in content) == ("error" in content):
        return Ambiguous(f"Tryton's answer is neither a result nor an error: {_shorten(repr(content))}")
    if "result" in content:
        return Answered(content["result"])
    error = content["error"]
    name = error[0] if isinstance(error, list) and error and isinstance(error[0], str) else ""
    if name in REFUSALS:
        return Rejected(f"Tryton refuses: {_message(error)}")
    if name in ROLLED_BACK or LOCKED in name:
        return NotExecuted(f"Tryton rolled back: {_message(error)}")
    # An unforeseen exception may stem from before or from after the commit.
    return Ambiguous(f"Tryton failed: {_message(error)}")


def _message(error: Any) -> str:
    """The words of ``[name, [message, description, ...]]``; for a warning the message is second."""
    if not isinstance(error, list):
        return _shorten(repr(error))
    details = error[1] if len(error) > 1 else None
    if isinstance(details, list):
        details = " - ".join(text for text in details if isinstance(text, str) and text)
    return _shorten(str(details or (error[0] if error else "(no reason)")))


def _shorten(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_REASON else line[: LONGEST_REASON - 1] + "…"
