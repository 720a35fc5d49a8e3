"""The frame for destinations over HTTP: a pure mapping says what to ask and what an answer means, the frame does the rest.

The frame sends once under the deadline of the manifest, authorizes (once more after a 401, which proves that nothing was done), takes no redirect
for a success, and is total: whatever a server answers and whatever a mapping stumbles over, each call gets one of the four outcomes.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar
from urllib.parse import urlencode

from reverse_etl.crash_points import CrashPoint, crash_point
from reverse_etl.documents import SealedDocument
from reverse_etl.errors import DestinationError
from reverse_etl.settings import Authorization as AuthorizationSettings
from reverse_etl.settings import Settings
from reverse_etl.systems.contract import Ambiguous, Call, Manifest, NotExecuted, Outcome, Rejected, RemoteDocument, RenderContext, Succeeded
from reverse_etl.transport import Answer, Authorization, Request, Transport, open_authorization, open_transport, retry_after
from reverse_etl.transport.addresses import checked_url, origin_of
from reverse_etl.transport.exchange import READ_ATTEMPTS, policy_of

READ_SECONDS = 60.0
PING_SECONDS = 10.0
LONGEST_REASON = 500
REFUSED_AUTHORIZATION = "refuses the authorization (HTTP 401): check the destination's secrets"
_OUTCOMES = (Succeeded, NotExecuted, Rejected, Ambiguous)

Result = TypeVar("Result")
Reading = Generator["HttpRequest", Answer, Result]
"""A pure walk: it yields requests that only read, receives their answers, and returns what it found; pages are walked by yielding again."""

Record = tuple[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request below the destination's URL. ``path`` begins with a slash; a whole URL (of a next page) must have the destination's origin."""

    method: str
    path: str
    query: Sequence[tuple[str, str]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None


class HttpMapping(Protocol):
    """What is particular to a destination. Pure: no method does anything but compute."""

    def call_names(self, document: SealedDocument) -> tuple[str, ...]:
        """As ``System.call_names``."""
        ...

    def render(self, context: RenderContext, call: str) -> bytes:
        """As ``System.render``: what is stored, and all that ``request`` needs."""
        ...

    def refusal(self, call: Call) -> str | None:
        """Why a call must not be sent as it is (it does not balance, it has no account there), or None."""
        return None

    def request(self, calls: Sequence[Call]) -> HttpRequest:
        """The one request of calls of one entity and name: of a single call, or of a batch."""
        ...

    def outcomes(self, calls: Sequence[Call], answer: Answer) -> Mapping[str, Outcome]:
        """What the answer proves of each call, by idempotency key: matched by reference, never by position. A call that is missing is ambiguous.

        Redirects and 401 never arrive here.
        """
        ...

    def look_up(self, documents: Sequence[SealedDocument], remote_ids: Mapping[str, str]) -> Reading[Mapping[str, RemoteDocument]]:
        """What is held under our references; raises ``DestinationError`` where an answer is not what it must be."""
        ...

    def differences(self, document: SealedDocument, number: str | None, remote: RemoteDocument) -> tuple[str, ...]:
        """As ``System.differences``."""
        ...

    def read_back(self, entity: str, period: str) -> Reading[Iterable[Record]]:
        """All that is held in the period, ours or not."""
        ...

    def ping(self) -> Reading[None]:
        """Reads something that needs the right credentials."""
        ...


class HttpSystem:
    """A ``System`` of a manifest and a mapping; safe for threads."""

    def __init__(
        self,
        manifest: Manifest,
        mapping: HttpMapping,
        url: str,
        transport: Transport,
        authorization: Authorization,
        read_seconds: float = READ_SECONDS,
    ) -> None:
        self.manifest = manifest
        self.mapping = mapping
        self._url = url
        self._origin = origin_of(url)
        self._transport = transport
        self._authorization = authorization
        self._read_seconds = read_seconds

    def close(self) -> None:
        self._transport.close()

    def call_names(self, document: SealedDocument) -> tuple[str, ...]:
        return self.mapping.call_names(document)

    def render(self, context: RenderContext, call: str) -> bytes:
        """Raises OutboxContractError if the document or what it depends on does not hold what the call needs."""
        return self.mapping.render(context, call)

    def send(self, calls: Sequence[Call]) -> Mapping[str, Outcome]:
        begun = min(time.monotonic(), *(call.leave_before for call in calls))
        deadline = begun + self.manifest.send_deadline.total_seconds()
        outcomes: dict[str, Outcome] = {}
        sendable = []
        request: Request | None = None
        try:
            for call in calls:
                refusal = self.mapping.refusal(call)
                if refusal is None:
                    sendable.append(call)
                else:
                    outcomes[call.idempotency_key] = Rejected(f"not sent: {refusal}")
            if not sendable:
                return outcomes
            request = self._request(self.mapping.request(sendable))
        except Exception as error:
            reason = Rejected(f"not sent: the stored request is not one of {self.manifest.system}'s ({_words(error)})")
            return {call.idempotency_key: outcomes.get(call.idempotency_key, reason) for call in calls}
        answer = self._authorized(request, deadline)
        if isinstance(answer, Answer):
            outcomes.update(self._outcomes(sendable, answer))
            crash_point(CrashPoint.BODY_PARSED)
        else:
            outcomes.update({call.idempotency_key: answer for call in sendable})
        return outcomes

    def look_up(self, documents: Sequence[SealedDocument], remote_ids: Mapping[str, str]) -> Mapping[str, RemoteDocument]:
        return self._walk(self.mapping.look_up(documents, remote_ids), "look up")

    def differences(self, document: SealedDocument, number: str | None, remote: RemoteDocument) -> tuple[str, ...]:
        return self.mapping.differences(document, number, remote)

    def read_back(self, entity: str, period: str) -> Iterable[Record]:
        """Complete or an error: nothing is handed over before everything was read."""
        return list(self._walk(self.mapping.read_back(entity, period), "read back"))

    def ping(self) -> None:
        """Asks once and not for long: whoever asks wants to know whether the destination is there now."""
        self._walk(self.mapping.ping(), "ask", min(PING_SECONDS, self.manifest.send_deadline.total_seconds()), attempts=1)

    def read(self, reading: Reading[Result], what: str = "read") -> Result:
        """Walk a reading of the destination's own, such as a trial balance. Raises ``DestinationError``."""
        return self._walk(reading, what)

    def _outcomes(self, calls: Sequence[Call], answer: Answer) -> Mapping[str, Outcome]:
        if 300 <= answer.status < 400:
            reason = f"answered with a redirect ({answer.status}), which is not followed: check the destination's url"
            return {call.idempotency_key: Ambiguous(reason) for call in calls}
        try:
            found = self.mapping.outcomes(calls, answer)
        except Exception as error:
            # Whatever an answer holds, it came after the request left.
            found = {call.idempotency_key: Ambiguous(f"the answer cannot be understood ({_words(error)}): {answer.shown()}") for call in calls}
        missing = Ambiguous(f"the answer does not say what became of it: {answer.shown()}")
        outcomes = {call.idempotency_key: found.get(call.idempotency_key, missing) for call in calls}
        return {key: outcome if isinstance(outcome, _OUTCOMES) else missing for key, outcome in outcomes.items()}

    def _authorized(self, request: Request, deadline: float) -> Answer | NotExecuted | Rejected | Ambiguous:
        """Send once; once more with a new authorization after a 401, which proves that nothing was executed."""
        for attempt in range(2):
            try:
                authorization = self._authorization.headers(request.method, request.url, deadline)
            except Exception as error:
                return NotExecuted(f"not sent: it cannot be authorized ({type(error).__name__})")
            if isinstance(authorization, NotExecuted):
                return authorization
            authorized = replace(request, authorization=authorization)
            answer = self._transport.exchange(authorized, deadline)
            if not isinstance(answer, Answer) or answer.status != 401:
                return answer
            if attempt or not self._authorization.renew(authorization):
                return NotExecuted(f"{self.manifest.system} {REFUSED_AUTHORIZATION}", retry_after(answer.headers))
        raise AssertionError("unreachable")

    def _walk(self, reading: Reading[Result], what: str, seconds: float | None = None, attempts: int = READ_ATTEMPTS) -> Result:
        try:
            wanted = next(reading)
            while True:
                wanted = reading.send(self._read(wanted, seconds or self._read_seconds, attempts))
        except StopIteration as finished:
            return finished.value  # type: ignore[no-any-return]
        except DestinationError as error:
            raise DestinationError(f"{self.manifest.system}: {what}: {error}") from error
        except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
            raise DestinationError(f"{self.manifest.system}: {what}: an answer is not as documented ({_words(error)})") from error

    def _read(self, wanted: HttpRequest, seconds: float, attempts: int) -> Answer:
        request = self._request(wanted)
        for attempt in range(2):
            authorization = self._authorization.headers(request.method, request.url, time.monotonic() + seconds)
            if isinstance(authorization, NotExecuted):
                raise DestinationError(authorization.reason)
            authorized = replace(request, authorization=authorization)
            answer = self._transport.read(authorized, seconds, attempts)
            if answer.status != 401:
                return answer
            if attempt or not self._authorization.renew(authorization):
                raise DestinationError(REFUSED_AUTHORIZATION)
        raise AssertionError("unreachable")

    def _request(self, wanted: HttpRequest) -> Request:
        """Raises ValueError: it leads elsewhere than to the destination."""
        if wanted.path.startswith("/") and not wanted.path.startswith("//"):
            url = self._url + wanted.path
        elif origin_of(wanted.path) == self._origin:
            url = wanted.path
        else:
            raise ValueError(f"{wanted.path[:200]!r} leads to another host than the destination's")
        if wanted.query:
            url += ("&" if "?" in url else "?") + urlencode(wanted.query)
        return Request(wanted.method, url, wanted.headers, wanted.body)


AnySystem = TypeVar("AnySystem", bound=HttpSystem)


def open_http_system(
    settings: Settings,
    name: str,
    manifest: Manifest,
    mapping: HttpMapping,
    url: str,
    usual: AuthorizationSettings | None = None,
    system: type[AnySystem] = HttpSystem,  # type: ignore[assignment]
) -> AnySystem:
    """The destination ``name`` with what its settings say of network and authorization; ``manifest`` as ``adjusted`` gave it.

    ``system``: its class, where it offers more than every destination does.

    Raises:
        ConfigurationError: its URL, network or authorization cannot be used, or a secret is missing.
    """
    checked = checked_url(url, policy_of(settings, name), f"destination {name}")
    transport = open_transport(settings, name)
    return system(manifest, mapping, checked, transport, open_authorization(settings, name, transport, usual))


def destination_url(settings: Settings, name: str) -> str:
    """The URL of a destination; ``sandbox`` is where the stand-in of its kind was last started. Raises ``ConfigurationError``."""
    from reverse_etl.settings import SANDBOX_URL

    url = settings.destination(name).url
    if url != SANDBOX_URL:
        return url
    from reverse_etl.sandbox.supervisor import endpoint_url

    return endpoint_url(settings, settings.kind(name))


def usual_outcome(answer: Answer) -> NotExecuted | Ambiguous | None:
    """What a status says of a whole request at nearly every server; None where the destination has to say.

    429, and 503 with Retry-After: not executed. 408, 409, 425 and every other 5xx: nobody knows.
    """
    pause = retry_after(answer.headers)
    if answer.status == 429 or (answer.status == 503 and pause is not None):
        return NotExecuted(answer.shown(), pause)
    if answer.status in (408, 409, 425) or answer.status >= 500:
        return Ambiguous(answer.shown())
    return None


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:LONGEST_REASON]
