"""What an answer of QuickBooks proves. Pure and total.

Sources: "Handling common errors", "Limits and throttles" and "Batch operations" of Intuit's documentation.

- An operation is executed whole or not at all, and a fault of the type ``ValidationFault`` says that it was not. Codes 500 to 699 and 2000 to 6999
  are documented as such; any other code, a system fault and a page from something in between prove nothing.
- 5010 (stale token) is no refusal of what is in the document: it is sent again with the token of then.
- 401, 403, codes of authentication and 6190 (subscription ended) would meet every other document too: nothing was done, and a person is needed once.
- 429 carries no ``Retry-After``; Intuit asks to wait 60 seconds.
- In a batch each item has its own fault or object under its ``bId``, and nothing is told by the place in the list.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from reverse_etl.systems.contract import Ambiguous, Call, NotExecuted, Outcome, Rejected, Succeeded
from reverse_etl.systems.http_system import usual_outcome
from reverse_etl.systems.journal_entries import JOURNAL_ENTRY
from reverse_etl.systems.quickbooks.rendering import UPDATE, customer_id_of, customer_record
from reverse_etl.transport import Answer

THROTTLED_SECONDS = 60.0
BATCH_REFUSED = "the whole batch was refused, so nothing of it was executed"
STALE, SUBSCRIPTION_ENDED, THROTTLED = 5010, 6190, 3001
_LONGEST_REASON = 500
_OBJECTS = {JOURNAL_ENTRY: "JournalEntry", "customer": "Customer"}


def outcomes(calls: Sequence[Call], answer: Answer) -> Mapping[str, Outcome]:
    whole = _whole(answer)
    if len(calls) == 1:
        [call] = calls
        return {call.idempotency_key: whole if whole is not None else _item(call, answer.content())}
    if whole is not None:
        # A refusal of the batch says nothing of any of its documents, only that none was executed.
        told = NotExecuted(f"{BATCH_REFUSED}: {whole.reason}") if isinstance(whole, Rejected) else whole
        return {call.idempotency_key: told for call in calls}
    content = answer.content()
    items = content.get("BatchItemResponse") if isinstance(content, dict) else None
    by_id: dict[str, list[Any]] = {}
    for item in items if isinstance(items, list) else ():
        if isinstance(item, dict) and isinstance(item.get("bId"), str):
            by_id.setdefault(item["bId"], []).append(item)
    told_of: dict[str, Outcome] = {}
    for call in calls:
        answered = by_id.get(call.idempotency_key, [])
        if len(answered) == 1:
            told_of[call.idempotency_key] = _item(call, answered[0])
        elif answered:
            told_of[call.idempotency_key] = Ambiguous(f"the batch answers {len(answered)} times for {call.document.reference}")
    return told_of


def _whole(answer: Answer) -> NotExecuted | Rejected | Ambiguous | None:
    """What the status says of the whole request; None for a success."""
    if answer.status == 200:
        return None
    usual = usual_outcome(answer)
    if usual is not None:
        throttled = isinstance(usual, NotExecuted) and usual.retry_after is None
        return replace(usual, retry_after=THROTTLED_SECONDS) if throttled and isinstance(usual, NotExecuted) else usual
    content = answer.content()
    # The gateway words its own in lower case.
    fault = content.get("Fault", content.get("fault")) if isinstance(content, dict) else None
    if answer.status == 403 and isinstance(fault, dict):
        return NotExecuted(f"QuickBooks gives the app no access to this company: connect it again ({answer.shown()})")
    return _fault(fault) if 400 <= answer.status < 500 and isinstance(fault, dict) else Ambiguous(answer.shown())


def _item(call: Call, content: Any) -> Outcome:
    if not isinstance(content, dict):
        return Ambiguous("answered with success, but not with an object")
    fault = content.get("Fault")
    if fault is not None:
        return _fault(fault)
    kind = _OBJECTS.get(call.document.document_type, "")
    item = content.get(kind)
    if not isinstance(item, dict) or not isinstance(item.get("Id"), str) or not item["Id"]:
        return Ambiguous(f"answered with success, but not with a {kind}")
    if kind == "JournalEntry" and item.get("DocNumber") != call.document.reference:
        return Ambiguous(f"answered with success for {item['Id']}, whose number is not {call.document.reference}")
    if kind == "Customer":
        wanted = customer_record(call.document)["display_name"]
        name = item.get("DisplayName")
        if not isinstance(name, str) or customer_id_of(name) != customer_id_of(wanted) or (call.name == UPDATE and name != wanted):
            return Ambiguous(f"answered with success for {item['Id']}, which is not {wanted}"[:_LONGEST_REASON])
    return Succeeded(item["Id"], {"id": item["Id"]})


def _fault(fault: Any) -> NotExecuted | Rejected | Ambiguous:
    errors = fault.get("Error") if isinstance(fault, dict) else None
    if not isinstance(errors, list) or not errors or not all(isinstance(error, dict) for error in errors):
        return Ambiguous(f"a fault without errors: {fault!r}"[:_LONGEST_REASON])
    reason = f"QuickBooks refuses: {'; '.join(_words(error) for error in errors)}"[:_LONGEST_REASON]
    codes = [_code(error) for error in errors]
    if STALE in codes:
        return NotExecuted(reason)
    if THROTTLED in codes:
        return NotExecuted(reason, THROTTLED_SECONDS)
    if SUBSCRIPTION_ENDED in codes or all(code is not None and (code < 500 or 3000 <= code < 4000) for code in codes):
        return NotExecuted(reason)
    refused = all(code is not None and (500 <= code < 700 or 2000 <= code < 3000 or 4000 <= code < 7000) for code in codes)
    return Rejected(reason) if refused and fault.get("type") == "ValidationFault" else Ambiguous(reason)


def _code(error: Mapping[str, Any]) -> int | None:
    code = error.get("code")
    return int(code) if isinstance(code, str) and code.isascii() and code.isdigit() and len(code) < 9 else None


def _words(error: Mapping[str, Any]) -> str:
    text = " ".join(" ".join(str(error[name]).split()) for name in ("code", "Detail") if error.get(name))
    return text or str(error.get("Message") or "(no reason)")
