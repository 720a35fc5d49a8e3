"""What an answer proves. Total and pure: any status, headers and bytes give one of the four outcomes.

Sources: https://docs.stripe.com/api/errors, https://docs.stripe.com/api/idempotent_requests, https://docs.stripe.com/rate-limits.

- A refused key (401, 403) is NotExecuted, not Rejected: nothing was done, every other document would meet the same answer, and once the key is
  renewed the same calls go through. Rejecting would need a person for each of them.
- A 400 with ``idempotency_error`` is Ambiguous: another request went through under this key.
- A 409 says that the key is in use right now, so the first use may yet succeed: Ambiguous, unless it is a lock.
- A 500 is Ambiguous even though the key would replay it: the effect may be there all the same.
- A refusal counts only in Stripe's own error object: a page from something in between proves nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reverse_etl.documents import SealedDocument
from reverse_etl.systems.contract import Ambiguous, NotExecuted, Outcome, Rejected, Succeeded
from reverse_etl.systems.stripe.rendering import APPLY_CREDIT, CREATE, CREDIT_MEMO, FINALIZE, UPDATE, references
from reverse_etl.transport import Answer, retry_after

_KINDS = {CREDIT_MEMO: "credit_note"}
_LONGEST_REASON = 500


@dataclass(frozen=True, slots=True)
class Expected:
    """What a success must show: the kind of object, and its id or our reference in it."""

    kind: str
    identifier: str | None
    reference: str | None
    finalized: bool


def expected_of(document: SealedDocument, call: str, path: str) -> Expected:
    """What the answer to a call must show, from its request."""
    if call == APPLY_CREDIT:
        return Expected(kind="customer_balance_transaction", identifier=None, reference=document.reference, finalized=False)
    parts = path.split("/")
    return Expected(
        kind=_KINDS.get(document.document_type, document.document_type),
        identifier=parts[3] if len(parts) > 3 else None,
        reference=document.reference if call in (CREATE, UPDATE) else None,
        finalized=call == FINALIZE,
    )


def classify(answer: Answer, expected: Expected) -> Outcome:
    content = answer.content()
    if 200 <= answer.status < 300:
        return _success(content, expected)
    error = content.get("error") if isinstance(content, dict) else None
    stripes = error if isinstance(error, dict) and isinstance(error.get("type"), str) else None
    reason = _reason(answer, stripes)
    code = stripes.get("code") if stripes else None
    if answer.status == 429 or code in ("lock_timeout", "rate_limit"):
        return NotExecuted(reason, retry_after(answer.headers))
    if answer.status in (401, 403) and stripes:
        return NotExecuted(f"Stripe refuses the key, renew it: {reason}")
    if answer.status in (400, 402, 404) and stripes and stripes["type"] != "idempotency_error":
        return Rejected(reason)
    return Ambiguous(reason)


def _success(content: Any, expected: Expected) -> Outcome:
    if not isinstance(content, dict) or content.get("object") != expected.kind:
        return Ambiguous(f"answered with success, but not with a {expected.kind}")
    identifier = content.get("id")
    if not isinstance(identifier, str) or not identifier or (expected.identifier is not None and identifier != expected.identifier):
        return Ambiguous(f"answered with success for {identifier!r}, not for {expected.identifier or 'a new object'}"[:_LONGEST_REASON])
    metadata = content.get("metadata")
    if expected.reference is not None and (not isinstance(metadata, dict) or expected.reference not in references(metadata)):
        return Ambiguous(f"answered with success for {identifier}, which does not carry {expected.reference}"[:_LONGEST_REASON])
    if expected.finalized and content.get("status") not in ("open", "paid", "uncollectible", "void"):
        return Ambiguous(f"answered with success, but {identifier} is not finalized"[:_LONGEST_REASON])
    reply = {name: content[name] for name in ("id", "number", "status") if isinstance(content.get(name), str)}
    return Succeeded(identifier, reply)


def _reason(answer: Answer, error: Mapping[str, Any] | None) -> str:
    request = answer.headers.get("request-id")
    where = f" (request {request})" if request else ""
    if error is None:
        return f"HTTP {answer.status} without an error of Stripe's{where}"[:_LONGEST_REASON]
    parts = [str(error[name]) for name in ("type", "code", "param", "message") if error.get(name)]
    return f"HTTP {answer.status}: {', '.join(parts)}{where}"[:_LONGEST_REASON]
