"""One exchange: a request sent once under one deadline, a bounded answer, or what is known of the failure."""

from __future__ import annotations

import ipaddress
import re
import ssl
import threading
import time
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import certifi
import httpcore

from reverse_etl.crash_points import CrashPoint, crash_point, only_reading
from reverse_etl.errors import ConfigurationError, DestinationError
from reverse_etl.systems.contract import Ambiguous, NotExecuted, Rejected
from reverse_etl.transport.addresses import NetworkPolicy, is_loopback_host, origin_of
from reverse_etl.transport.connections import Line, RefusedAddressError
from reverse_etl.transport.content import Answer, decoded, retry_after
from reverse_etl.transport.tracing import TRACEPARENT, traceparent

if TYPE_CHECKING:
    from reverse_etl.endpoints import Network
    from reverse_etl.settings import Settings

LARGEST_ANSWER_BYTES = 64 * 1024 * 1024
# Shorter than the servers' own (Node and Apache close after 5 s), so that a request is rarely written into a connection that is just being closed.
KEEP_ALIVE_SECONDS = 4.0
READ_ATTEMPTS = 4
FIRST_PAUSE_SECONDS = 0.25
LONGEST_READ_PAUSE_SECONDS = 30.0
PASSING_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
# What is shorter is no secret, or appears by chance.
SHORTEST_MASKED = 8
ENVIRONMENT_PROXY = "environment"
_TOKEN = re.compile(r"[0-9A-Za-z!#$%&'*+.^_`|~-]+")
_FIELD_VALUE = re.compile(r"[\x21-\x7e]([\t\x20-\x7e]*[\x21-\x7e])?|")
_VISIBLE = re.compile(rb"/[\x21-\x7e]*")
ACCEPT_ENCODING = "Accept-Encoding"


@dataclass(frozen=True, slots=True)
class Request:
    """An absolute URL of ASCII characters, headers, and the bytes of the body; what may be secret is not shown.

    ``authorization``: the headers with secrets; a server that repeats one in its answer is not quoted.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None = field(default=None, repr=False)
    authorization: Mapping[str, str] = field(default_factory=dict, repr=False)


class Transport:
    """Keeps connections open and is safe for threads; each exchange has a connection to itself."""

    def __init__(
        self,
        policy: NetworkPolicy | None = None,
        *,
        ca_file: str | None = None,
        proxy: str | None = None,
        largest_answer_bytes: int = LARGEST_ANSWER_BYTES,
        keep_alive_seconds: float = KEEP_ALIVE_SECONDS,
    ) -> None:
        self._policy = policy or NetworkPolicy()
        self._ca_file = ca_file
        self._proxy = proxy
        self._largest = largest_answer_bytes
        self._keep_alive = keep_alive_seconds
        self._context: ssl.SSLContext | None = None
        self._lock = threading.Lock()
        self._idle: dict[tuple[str, str, int], list[_Connection]] = {}

    def close(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, {}
        for connections in idle.values():
            for connection in connections:
                connection.close()

    def exchange(self, request: Request, deadline: float) -> Answer | NotExecuted | Rejected | Ambiguous:
        """Send once; never raises. ``deadline`` is a time of ``time.monotonic``.

        ``Rejected``: it is no request that can be sent. ``NotExecuted``: proven not to have left. A redirect is an answer like any other.
        """
        if not all(_FIELD_VALUE.fullmatch(value) for value in request.authorization.values()):
            return NotExecuted("not sent: a secret holds what no header can carry (a line break, or letters beyond ASCII): correct the secret")
        try:
            origin, message = origin_of(request.url), _message(request)
        except Exception as error:
            # Not the error's own words, which may quote a header with a secret.
            return Rejected(f"not sent: the URL, a header or the method holds what HTTP does not allow ({type(error).__name__})")
        crash_point(CrashPoint.BEFORE_CONNECT)
        connection: _Connection | None = None
        try:
            connection = self._connection(origin)
            connection.line.begin(deadline)
            answer = _without_secrets(self._answer(connection, message), request.authorization)
        except httpcore.LocalProtocolError:
            written = connection is not None and connection.line.written
            self._drop(connection)
            reason = "the URL, a header or the method holds what HTTP does not allow"
            return Ambiguous(f"broken off: {reason}") if written else Rejected(f"not sent: {reason}")
        except Exception as error:
            written = connection is not None and connection.line.written
            self._drop(connection)
            where = f"{origin[1]} port {origin[2]}"
            words = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            if written and not isinstance(error, httpcore.ProxyError):
                return Ambiguous(f"no whole answer from {where} ({words})")
            return NotExecuted(f"no connection to {where} ({words})")
        except BaseException:
            self._drop(connection)
            raise
        self._keep(origin, connection)
        return answer

    def read(self, request: Request, seconds: float, attempts: int = READ_ATTEMPTS) -> Answer:
        """The answer to a request that only reads, tried again with pauses where that can help; each attempt takes at most ``seconds``.

        Raises:
            DestinationError: there is none, or the server fails again and again.
        """
        for attempt in range(attempts):
            last = attempt == attempts - 1
            pause = FIRST_PAUSE_SECONDS * 4**attempt
            with only_reading():
                answer = self.exchange(request, time.monotonic() + seconds)
            if isinstance(answer, Answer):
                if answer.status not in PASSING_STATUSES:
                    return answer
                reason = answer.shown()
                pause = retry_after(answer.headers) or pause
            else:
                reason = answer.reason
            if last or isinstance(answer, NotExecuted | Rejected):
                raise DestinationError(f"{request.method} {request.url.partition('?')[0]}: {reason}")
            time.sleep(min(pause, LONGEST_READ_PAUSE_SECONDS))
        raise AssertionError("unreachable")

    def _answer(self, connection: _Connection, message: httpcore.Request) -> Answer:
        response = connection.http.handle_request(message)
        try:
            crash_point(CrashPoint.STATUS_READ)
            body = bytearray()
            for chunk in response.iter_stream():
                body += chunk
                if len(body) > self._largest:
                    raise httpcore.ReadError(f"the answer is larger than {self._largest} bytes")
            headers = _headers(response.headers)
            encoding = headers.get("content-encoding", "").strip().lower()
            return Answer(response.status, headers, decoded(bytes(body), encoding, self._largest))
        finally:
            response.close()

    def _connection(self, origin: tuple[str, str, int]) -> _Connection:
        while True:
            with self._lock:
                idle = self._idle.get(origin)
                connection = idle.pop() if idle else None
            if connection is None:
                return self._opened(origin)
            if connection.usable():
                return connection
            connection.close()

    def _opened(self, origin: tuple[str, str, int]) -> _Connection:
        scheme, host, port = origin
        if scheme == "http" and not self._policy.plain_http and not is_loopback_host(host):
            raise RefusedAddressError(f"{host} would be sent secrets in clear: use https, or set network.allow_plain_http")
        context = self._ssl_context() if scheme == "https" else None
        if self._proxy is not None:
            return self._proxied(self._proxy, context)
        line = Line(self._policy)
        target = httpcore.Origin(scheme.encode(), host.encode("ascii"), port)
        return _Connection(line, httpcore.HTTPConnection(target, ssl_context=context, keepalive_expiry=self._keep_alive, network_backend=line))

    def _proxied(self, proxy: str, context: ssl.SSLContext | None) -> _Connection:
        parts = urlsplit(proxy)
        _, host, port = origin_of(proxy)
        line = Line(self._policy, frozenset({host}))
        user = None if parts.username is None else (unquote(parts.username), unquote(parts.password or ""))
        pool = httpcore.HTTPProxy(
            httpcore.URL(scheme="http", host=host, port=port, target="/"),
            proxy_auth=user,
            ssl_context=context,
            max_connections=1,
            keepalive_expiry=self._keep_alive,
            network_backend=line,
        )
        return _Connection(line, pool)

    def _ssl_context(self) -> ssl.SSLContext:
        with self._lock:
            if self._context is None:
                self._context = ssl.create_default_context(cafile=self._ca_file or certifi.where())
            return self._context

    def _keep(self, origin: tuple[str, str, int], connection: _Connection) -> None:
        if not connection.reusable():
            connection.close()
            return
        with self._lock:
            self._idle.setdefault(origin, []).append(connection)

    @staticmethod
    def _drop(connection: _Connection | None) -> None:
        if connection is not None:
            connection.close()


@dataclass(slots=True)
class _Connection:
    line: Line
    http: httpcore.HTTPConnection | httpcore.HTTPProxy

    def reusable(self) -> bool:
        return isinstance(self.http, httpcore.HTTPProxy) or self.http.is_idle()

    def usable(self) -> bool:
        """Whether an idle connection is still worth a request."""
        return isinstance(self.http, httpcore.HTTPProxy) or not self.http.has_expired()

    def close(self) -> None:
        self.http.close()


def open_transport(settings: Settings, name: str) -> Transport:
    """The transport of a destination as its settings have it.

    Raises:
        ConfigurationError: its ``network`` settings cannot be used.
    """
    return transport_of(settings.destination(name).network, settings.home, f"destination {name}")


def transport_of(network: Network, home: Path, whose: str) -> Transport:
    """The transport of whatever has these settings; ``whose`` names it in messages.

    Raises:
        ConfigurationError: they cannot be used.
    """
    ca_file = home / network.ca_file if network.ca_file else None
    if ca_file is not None and not ca_file.is_file():
        raise ConfigurationError(f"{whose}: network.ca_file {ca_file} does not exist")
    return Transport(
        network_policy(network, whose),
        ca_file=str(ca_file) if ca_file else None,
        proxy=_proxy(network.proxy, whose),
        largest_answer_bytes=network.largest_answer_bytes or LARGEST_ANSWER_BYTES,
    )


def policy_of(settings: Settings, name: str) -> NetworkPolicy:
    """Raises ConfigurationError: an allowed network is none."""
    return network_policy(settings.destination(name).network, f"destination {name}")


def network_policy(network: Network, whose: str) -> NetworkPolicy:
    """Raises ConfigurationError: an allowed network is none."""
    try:
        allowed = tuple(ipaddress.ip_network(text) for text in network.allowed_networks)
    except ValueError as error:
        raise ConfigurationError(f"{whose}: network.allowed_networks: {error}") from error
    return NetworkPolicy(network.allow_private_addresses, network.allow_plain_http, allowed)


def _proxy(configured: str | None, whose: str) -> str | None:
    if configured == ENVIRONMENT_PROXY:
        proxies = urllib.request.getproxies()
        configured = proxies.get("https") or proxies.get("http")
    elif configured is not None and "@" in configured:
        raise ConfigurationError(f"{whose}: network.proxy holds a password; set HTTPS_PROXY and network.proxy: {ENVIRONMENT_PROXY}")
    if configured is not None and not configured.startswith("http://"):
        raise ConfigurationError(f"{whose}: network.proxy must be http://host:port, or {ENVIRONMENT_PROXY!r}")
    return configured


def _message(request: Request) -> httpcore.Request:
    """Raises ValueError: it holds what HTTP does not allow; checked here so that nobody is even connected to."""
    url = httpcore.URL(request.url)
    if url.scheme not in (b"http", b"https") or not _VISIBLE.fullmatch(url.target) or not _TOKEN.fullmatch(request.method):
        raise ValueError("the URL or method")
    headers = [(b"Host", _host_header(url)), (b"User-Agent", b"tieout")]
    if TRACEPARENT not in request.headers:
        headers.append((TRACEPARENT.encode(), traceparent().encode()))
    if ACCEPT_ENCODING not in request.headers:
        headers.append((ACCEPT_ENCODING.encode(), b"identity"))
    for name, value in (*request.headers.items(), *request.authorization.items()):
        if not _TOKEN.fullmatch(name) or not _FIELD_VALUE.fullmatch(value):
            raise ValueError("a header")
        headers.append((name.encode("ascii"), value.encode("ascii")))
    if request.body is not None or request.method not in ("GET", "HEAD", "DELETE"):
        headers.append((b"Content-Length", str(len(request.body or b"")).encode()))
    return httpcore.Request(request.method, url, headers=headers, content=request.body or b"")


def _without_secrets(answer: Answer, authorization: Mapping[str, str]) -> Answer:
    for value in authorization.values():
        for part in value.encode().split():
            if len(part) >= SHORTEST_MASKED and part in answer.body:
                answer = replace(answer, body=answer.body.replace(part, b"***"))
    return answer


def _host_header(url: httpcore.URL) -> bytes:
    default = {b"http": 80, b"https": 443}.get(url.scheme)
    host = b"[" + url.host + b"]" if b":" in url.host and not url.host.startswith(b"[") else url.host
    return host if url.port is None or url.port == default else host + b":" + str(url.port).encode()


def _headers(raw: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for raw_name, raw_value in raw:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers
