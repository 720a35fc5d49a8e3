"""Usage reports as Stripe's meter events (https://docs.stripe.com/api/billing/meter-event/create).

What Stripe offers for them: an ``identifier`` that is unique for at least 24 hours, so the same event may be sent again within that time, and its
refusal as a duplicate proves that the first one arrived. No idempotency key goes along: it would only repeat a stored 500. There is no look-up by
identifier. Whether the meter exists and knows the customer is checked later, by Stripe alone; only the summaries of a meter and customer show what
was counted, which is what reconciliation compares.
"""

from __future__ import annotations

from datetime import timedelta

from reverse_etl.systems.contract import Outcome, Particular, Rejected, Succeeded
from reverse_etl.systems.stripe.classification import Expected, classify
from reverse_etl.transport import Answer

CAPABILITY = Particular(key_retention=timedelta(hours=24), look_up_lag=None, replays_errors=False)
KIND = "billing.meter_event"
_EXPECTED = Expected(kind=KIND, identifier=None, reference=None, finalized=False)


def classify_report(answer: Answer, reference: str) -> Outcome:
    """What the answer to a meter event proves. Total and pure, as ``classify``."""
    content = answer.content()
    if 200 <= answer.status < 300 and isinstance(content, dict) and content.get("object") == KIND and content.get("identifier") == reference:
        return Succeeded(reference)
    outcome = classify(answer, _EXPECTED)
    if isinstance(outcome, Rejected) and answer.status == 400 and _says_duplicate(content, reference):
        return Succeeded(reference)
    return outcome


def _says_duplicate(content: object, reference: str) -> bool:
    error = content.get("error") if isinstance(content, dict) else None
    message = str(error.get("message")) if isinstance(error, dict) else ""
    return "already exists" in message and reference in message
