"""What an answer of Xero proves of each element. Pure and total.

https://developer.xero.com/documentation/api/accounting/responsecodes and "Requests and responses": with ``summarizeErrors=false`` each element
of a 200 says whether it was saved. A 400 refuses the whole request before anything is saved.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from reverse_etl.systems.contract import Ambiguous, Call, NotExecuted, Outcome, Rejected, Succeeded
from reverse_etl.systems.http_system import usual_outcome
from reverse_etl.systems.journal_entries import leading_reference
from reverse_etl.systems.xero.rendering import CONTACTS, CREATE, JOURNALS, contact_number
from reverse_etl.transport import Answer

REMOTE_ID = "remote_id"
NOTHING = "00000000-0000-0000-0000-000000000000"
LONGEST_REASON = 500
# What is wrong with a request as a whole; another 400, such as one about the idempotency key, proves nothing of an earlier request.
REFUSALS = frozenset({"ValidationException", "PostDataInvalidException", "QueryParseException"})


def outcomes_of(calls: Sequence[Call], answer: Answer) -> Mapping[str, Outcome]:
    """Outcomes by idempotency key; an element is known by our reference or by the contact's number."""
    if answer.status == 200:
        return _by_element(calls, answer)
    return {call.idempotency_key: _of_request(answer, len(calls)) for call in calls}


def identity(element: Mapping[str, Any]) -> str | None:
    """Xero's id of a saved element; None if it was not saved."""
    found = element.get("ManualJournalID") or element.get("ContactID")
    return found if isinstance(found, str) and found and found != NOTHING else None


def own_name(element: Mapping[str, Any]) -> str | None:
    """What we know an element by: the reference at the beginning of its narration, or the contact's number."""
    narration, number = element.get("Narration"), element.get("ContactNumber")
    if isinstance(narration, str):
        return leading_reference(narration)
    return number if isinstance(number, str) else None


def _by_element(calls: Sequence[Call], answer: Answer) -> Mapping[str, Outcome]:
    content = answer.content()
    elements = content.get(JOURNALS if calls[0].name == CREATE else CONTACTS) if isinstance(content, Mapping) else None
    found: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for element in elements if isinstance(elements, list) else ():
        name = own_name(element) if isinstance(element, Mapping) else None
        if name is not None:
            found[name].append(element)
    outcomes: dict[str, Outcome] = {}
    for call in calls:
        name = call.document.reference if call.name == CREATE else contact_number(call.document)
        if len(found[name]) > 1:
            outcomes[call.idempotency_key] = Ambiguous(f"Xero's answer names {name} more than once")
        elif found[name]:
            outcomes[call.idempotency_key] = _of_element(found[name][0])
    return outcomes


def _of_element(element: Mapping[str, Any]) -> Outcome:
    errors = _words(element.get("ValidationErrors"))
    refused = bool(errors) or element.get("HasErrors") is True or element.get("StatusAttributeString") == "ERROR"
    saved = identity(element)
    if refused and saved is None:
        return Rejected(f"Xero refuses: {errors or 'without a reason'}"[:LONGEST_REASON])
    if refused or saved is None:
        return Ambiguous(f"Xero's answer is contradictory: id {saved}, errors: {errors or 'none'}"[:LONGEST_REASON])
    return Succeeded(saved, {REMOTE_ID: saved})


def _of_request(answer: Answer, count: int) -> Outcome:
    usual = usual_outcome(answer)
    if usual is not None:
        return usual
    content = answer.content()
    kind = content.get("Type") if isinstance(content, Mapping) else None
    if answer.status == 403:
        return NotExecuted(f"Xero does not let this app into the organisation (check the tenant and its connection): {answer.shown()}")
    if answer.status == 400 and isinstance(content, Mapping) and kind in REFUSALS:
        elements = content.get("Elements")
        errors = [
            _words(element.get("ValidationErrors")) for element in (elements if isinstance(elements, list) else ()) if isinstance(element, Mapping)
        ]
        words = "; ".join(filter(None, [str(content.get("Message") or ""), *errors]))
        which = "the document" if count == 1 else f"all {count} documents of the request (batch_size: 1 tells which is meant)"
        return Rejected(f"Xero refuses {which}: {words}"[:LONGEST_REASON])
    return Ambiguous(answer.shown())


def _words(errors: Any) -> str:
    messages = [
        error.get("Message") or error.get("Description") for error in (errors if isinstance(errors, list) else ()) if isinstance(error, Mapping)
    ]
    return "; ".join(str(message) for message in messages if message)
