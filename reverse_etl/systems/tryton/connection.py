"""JSON-RPC to one Tryton database: a session, a total deadline per call, no retries, no redirects."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Sequence
from typing import Any

from reverse_etl.crash_points import CrashPoint, crash_point, only_reading
from reverse_etl.errors import DestinationError
from reverse_etl.systems.contract import Ambiguous, NotExecuted, Rejected
from reverse_etl.systems.tryton.classification import Answered, SessionExpired, Verdict, classify_answer
from reverse_etl.transport import Answer, NetworkPolicy, Request, Transport
from reverse_etl.transport.addresses import checked_url

# Without gzip trytond 8.2 says that a long answer is compressed when it is not.
HEADERS = {"Content-Type": "application/json", "Accept-Encoding": "gzip"}


class Connection:
    """Thread-safe. Raises ConfigurationError: the password would travel in clear."""

    def __init__(
        self, url: str, database: str, username: str, password: str, transport: Transport | None = None, policy: NetworkPolicy | None = None
    ) -> None:
        self._endpoint = f"{checked_url(url, policy or NetworkPolicy(), 'destination tryton')}/{database}/rpc/"
        self._username = username
        self._password = password
        self._authorization: str | None = None
        self._lock = threading.Lock()
        self._transport = transport or Transport(policy)

    def call(self, method: str, parameters: Sequence[Any], deadline: float) -> Answered | NotExecuted | Rejected | Ambiguous:
        """Perform one call that may write; never raises. ``deadline`` is a time of ``time.monotonic``.

        An expired session is proven not to have executed the call: log in and send it once more.
        """
        authorization, failure = self._session(None, deadline)
        for _ in range(2):
            if authorization is None:
                return failure
            verdict = self._exchange(method, parameters, authorization, deadline)
            if not isinstance(verdict, SessionExpired):
                return verdict
            authorization, failure = self._session(authorization, deadline)
        return NotExecuted("Tryton does not accept its own session")

    def read(self, method: str, parameters: Sequence[Any], seconds: float) -> Any:
        """The result of a call that only reads.

        Raises:
            DestinationError: there is none, whatever the reason.
        """
        with only_reading():
            verdict = self.call(method, parameters, time.monotonic() + seconds)
        if isinstance(verdict, Answered):
            return verdict.result
        raise DestinationError(f"Tryton at {self._endpoint} could not be read ({method}): {verdict.reason}")

    def _session(self, expired: str | None, deadline: float) -> tuple[str | None, NotExecuted]:
        """The header of a session that is not the expired one, or why there is none; a failed log-in has no effect."""
        with self._lock:
            if self._authorization is not None and self._authorization != expired:
                return self._authorization, NotExecuted("")
            self._authorization = None
            verdict = self._exchange("common.db.login", [self._username, {"password": self._password}], None, deadline)
            match verdict:
                case Answered(result=[int() as user, str() as token, *_]):
                    session = f"{self._username}:{user}:{token}"
                    self._authorization = "Session " + base64.b64encode(session.encode()).decode()
                    return self._authorization, NotExecuted("")
                case NotExecuted():
                    return None, verdict
                case SessionExpired():
                    return None, NotExecuted(f"Tryton refuses to log in {self._username!r}: check the user's name and password")
                case Rejected(reason=reason) | Ambiguous(reason=reason):
                    return None, NotExecuted(f"log-in failed: {reason}")
                case _:
                    return None, NotExecuted("log-in failed: Tryton's answer holds no session")

    def _exchange(self, method: str, parameters: Sequence[Any], authorization: str | None, deadline: float) -> Verdict:
        body = json.dumps({"id": 0, "method": method, "params": list(parameters)}, allow_nan=False).encode()
        authorized = {"Authorization": authorization} if authorization else {}
        request = Request("POST", self._endpoint, HEADERS, body, authorized)
        answer = self._transport.exchange(request, deadline)
        if not isinstance(answer, Answer):
            return answer
        verdict = classify_answer(answer.status, answer.headers, answer.body)
        crash_point(CrashPoint.BODY_PARSED)
        return verdict
