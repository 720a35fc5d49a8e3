"""Stripe as a destination: its manifest, and the effects around the pure parts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from reverse_etl.crash_points import CrashPoint, crash_point
from reverse_etl.documents import SealedDocument
from reverse_etl.errors import DestinationError
from reverse_etl.settings import SANDBOX_URL, Settings
from reverse_etl.systems.contract import Ambiguous, Call, Manifest, Outcome, Rejected, RemoteDocument, RenderContext, Succeeded, UsageWindow
from reverse_etl.systems.registry import adjusted
from reverse_etl.systems.stripe import look_up as finding
from reverse_etl.systems.stripe import platform, remote, rendering, usage_reports
from reverse_etl.systems.stripe import read_back as reading
from reverse_etl.systems.stripe.classification import classify, expected_of
from reverse_etl.systems.stripe.client import StripeClient
from reverse_etl.transport import Answer, open_transport, read_json
from reverse_etl.transport.exchange import policy_of

SYSTEM = "stripe"

# Keys: "at least 24 hours"; 500s are stored under them. Lists are strongly consistent, so a committed object is found at once.
MANIFEST = Manifest(
    system=SYSTEM,
    key_retention=timedelta(hours=24),
    look_up_lag=timedelta(0),
    send_deadline=timedelta(seconds=30),
    in_flight_bound=timedelta(seconds=90),
    replays_errors=True,
    requests_per_second=100.0,
    concurrency=8,
    batch_size=1,
    document_types=(rendering.CUSTOMER, rendering.INVOICE, rendering.CREDIT_MEMO, rendering.USAGE_REPORT),
    look_up_batch_size=1000,
    particulars={rendering.USAGE_REPORT: usage_reports.CAPABILITY},
)


class StripeSystem:
    """A ``System``; safe for threads."""

    def __init__(self, manifest: Manifest, client: StripeClient) -> None:
        self.manifest = manifest
        self._client = client

    def close(self) -> None:
        self._client.close()

    def call_names(self, document: SealedDocument) -> tuple[str, ...]:
        return rendering.call_names(document)

    def render(self, context: RenderContext, call: str) -> bytes:
        """Raises OutboxContractError if the document or what it depends on does not hold what the call needs."""
        return rendering.render(context, call)

    def send(self, calls: Sequence[Call]) -> Mapping[str, Outcome]:
        return {call.idempotency_key: self._send(call) for call in calls}

    def look_up(self, documents: Sequence[SealedDocument], remote_ids: Mapping[str, str]) -> Mapping[str, RemoteDocument]:
        """``remote_ids`` may hold the ids of customers and invoices depended on as well; they narrow the search."""
        with _readable("look up"):
            return finding.look_up(self._client, documents, remote_ids)

    def differences(self, document: SealedDocument, number: str | None, remote_document: RemoteDocument) -> tuple[str, ...]:
        return remote.differences(document, number, remote_document)

    def read_back(self, entity: str, period: str) -> Iterable[tuple[str, Mapping[str, Any]]]:
        with _readable("read back"):
            return reading.read_back(self._client, entity, period)

    def read_platform(self, period: str, windows: Sequence[UsageWindow]) -> Iterable[tuple[str, Mapping[str, Any]]]:
        """(relation, record) pairs of what Stripe rated by itself since before the period, and of what it counted in the windows.

        Raises:
            DestinationError: something could not be read, so that nothing may be concluded from what is missing.
        """
        with _readable("read what it rated"):
            return platform.read_platform(self._client, period, windows)

    def ping(self) -> None:
        self._client.get("/v1/customers", {"limit": 1})

    def _send(self, call: Call) -> Outcome:
        refusal = rendering.refusal(call.document)
        if refusal is not None:
            return Rejected(refusal)
        request = read_json(call.request)
        try:
            path, form = request["path"], request["form"]
        except (TypeError, KeyError):
            return Rejected("the stored request is not one of Stripe's")
        try:
            reports = call.document.document_type == rendering.USAGE_REPORT
            answer = self._client.post(path, form, None if reports else call.idempotency_key, call.leave_before)
            if not isinstance(answer, Answer):
                return answer
            outcome = usage_reports.classify_report(answer, call.document.reference) if reports else self._outcome(call, path, answer, form)
            crash_point(CrashPoint.BODY_PARSED)
            return outcome
        except Exception as error:
            # Whatever went wrong after the request may have left must not look like a failure to send.
            return Ambiguous(f"{type(error).__name__}: {error}")

    def _outcome(self, call: Call, path: str, answer: Answer, form: Mapping[str, Any]) -> Outcome:
        outcome = classify(answer, expected_of(call.document, call.name, path))
        if not isinstance(outcome, Succeeded):
            return outcome
        if call.name.startswith(rendering.ADD_LINES):
            return self._with_lines(call, outcome, answer)
        if call.name == rendering.APPLY_CREDIT:
            # The document is the invoice, not what moved the balance for it.
            return Succeeded(form["metadata"][rendering.INVOICE_ID], outcome.reply)
        return outcome

    def _with_lines(self, call: Call, outcome: Succeeded, answer: Answer) -> Outcome:
        """A credit note needs the ids of the lines; the answer embeds only the first ten."""
        replies = remote.line_replies(call.document, self._client.all_lines(json.loads(answer.body)))
        chunk = rendering.line_calls(call.document)[call.name]
        missing = [line["line_key"] for line in chunk if line["line_key"] not in replies]
        if missing:
            return Ambiguous(f"answered with success, but {outcome.remote_id} lacks {len(missing)} lines, the first {missing[0]}")
        return Succeeded(outcome.remote_id, {"lines": {line["line_key"]: replies[line["line_key"]] for line in chunk}})


def open_stripe(settings: Settings, url: str | None = None, name: str = SYSTEM) -> StripeSystem:
    """Stripe as the settings have it; ``url: https://api.stripe.com`` is the real one, ``sandbox`` the stand-in of ``tieout sandbox``.

    Raises:
        ConfigurationError: there is no key, or it would travel in clear.
    """
    destination = settings.destination(name)
    if url is None and destination.url == SANDBOX_URL:
        from reverse_etl.sandbox.supervisor import endpoint_url

        url = endpoint_url(settings, SYSTEM)
    manifest = adjusted(MANIFEST, settings, name)
    policy, deadline = policy_of(settings, name), manifest.send_deadline.total_seconds()
    client = StripeClient(url or destination.url, settings.secret(name), deadline, open_transport(settings, name), policy)
    return StripeSystem(manifest, client)


def open_system(settings: Settings, name: str) -> StripeSystem:
    """The destination ``name``, of the kind stripe."""
    return open_stripe(settings, name=name)


@contextmanager
def _readable(what: str) -> Iterator[None]:
    """An object without the members Stripe documents is a destination that could not be read."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DestinationError(f"stripe: {what}: an object is not as documented ({type(error).__name__}: {error})") from error
