"""Single connections: sockets that end when the exchange's deadline does, opened only to addresses that may be reached.

The HTTP/1.1 itself is httpcore's, the layer that httpx stands on; it asks a ``Line`` for its network.
"""

from __future__ import annotations

import os
import select
import socket
import ssl
import threading
import time
from collections.abc import Iterable
from typing import Any

import httpcore

from reverse_etl.crash_points import CRASH_VARIABLE, CrashPoint, crash_point
from reverse_etl.transport.addresses import NetworkPolicy, is_loopback_host

CONNECT_SECONDS = 10.0


class RefusedAddressError(httpcore.ConnectError):
    """The host is at an address that must not be connected to."""


class Line(httpcore.NetworkBackend):
    """The network of one connection, used by one exchange at a time. ``written``: whether a byte of its request may have left.
    ``answering``: whether the answer is waited for.
    """

    def __init__(self, policy: NetworkPolicy, own_hosts: frozenset[str] = frozenset()) -> None:
        self._policy = policy
        self._own_hosts = own_hosts
        self.deadline = 0.0
        self.written = False
        self.answering = False

    def begin(self, deadline: float) -> None:
        """A new exchange; ``deadline`` is a time of ``time.monotonic``."""
        self.deadline = deadline
        self.written = self.answering = False

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, local_address: str | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.NetworkStream:
        ends = min(self.deadline, time.monotonic() + CONNECT_SECONDS)
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        for family, address in _resolve(host, port, ends):
            refusal = None if host in self._own_hosts else self._policy.refusal(host, address[0])
            if refusal is not None:
                failure = RefusedAddressError(refusal)
                continue
            remaining = ends - time.monotonic()
            if remaining <= 0:
                raise httpcore.ConnectTimeout(f"no connection to {host} in time")
            connection = socket.socket(family, socket.SOCK_STREAM)
            try:
                connection.settimeout(remaining)
                connection.connect(address)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except OSError as error:
                connection.close()
                failure = httpcore.ConnectError(f"{host} port {port}: {error}")
                continue
            return _Stream(self, connection)
        raise failure

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class _Stream(httpcore.NetworkStream):
    def __init__(self, line: Line, connection: socket.socket) -> None:
        self._line = line
        self._socket = connection

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if not self._line.answering:
            self._line.answering = True
            crash_point(CrashPoint.ALL_SENT)
        try:
            self._socket.settimeout(self._remaining(httpcore.ReadTimeout))
            return self._socket.recv(max_bytes)
        except TimeoutError as error:
            raise httpcore.ReadTimeout("the answer was not complete within the deadline") from error
        except OSError as error:
            raise httpcore.ReadError(str(error)) from error

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if not buffer:
            return
        # The head was written before: what follows is the body.
        if self._line.written and os.environ.get(CRASH_VARIABLE):
            self._write(buffer[: len(buffer) // 2])
            crash_point(CrashPoint.HALF_BODY_SENT)
            buffer = buffer[len(buffer) // 2 :]
        self._write(buffer)

    def close(self) -> None:
        self._socket.close()

    def start_tls(self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None) -> httpcore.NetworkStream:
        try:
            self._socket.settimeout(self._remaining(httpcore.ConnectTimeout))
            return _Stream(self._line, ssl_context.wrap_socket(self._socket, server_hostname=server_hostname))
        except TimeoutError as error:
            self.close()
            raise httpcore.ConnectTimeout("no secure connection in time") from error
        except OSError as error:
            self.close()
            raise httpcore.ConnectError(f"no secure connection: {error}") from error

    def get_extra_info(self, info: str) -> Any:
        if info == "ssl_object":
            return self._socket if isinstance(self._socket, ssl.SSLSocket) else None
        if info == "is_readable":
            return _is_readable(self._socket)
        if info == "socket":
            return self._socket
        return None

    def _write(self, buffer: bytes) -> None:
        view = memoryview(buffer)
        try:
            while view:
                self._socket.settimeout(self._remaining(httpcore.WriteTimeout))
                # What the kernel refuses to take has not left; of a TLS record nobody knows.
                self._line.written |= isinstance(self._socket, ssl.SSLSocket)
                view = view[self._socket.send(view) :]
                self._line.written = True
        except TimeoutError as error:
            raise httpcore.WriteTimeout("the request was not taken within the deadline") from error
        except OSError as error:
            raise httpcore.WriteError(str(error)) from error

    def _remaining(self, late: type[Exception]) -> float:
        remaining = self._line.deadline - time.monotonic()
        if remaining <= 0:
            raise late("the deadline has passed")
        return remaining


def _resolve(host: str, port: int, ends: float) -> list[tuple[socket.AddressFamily, Any]]:
    """The host's addresses. A name server that does not answer is waited for no longer than the deadline, though a system call cannot be stopped."""
    found: list[Any] = []

    def ask() -> None:
        try:
            found.append([(entry[0], entry[4]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)])
        except (OSError, UnicodeError) as error:
            found.append(error)

    if is_loopback_host(host):
        ask()
    else:
        thread = threading.Thread(target=ask, daemon=True)
        thread.start()
        thread.join(max(0.0, ends - time.monotonic()))
    if not found:
        raise httpcore.ConnectTimeout(f"the name {host} was not resolved in time")
    if isinstance(found[0], BaseException):
        raise httpcore.ConnectError(f"{host}: {found[0]}")
    return list(found[0])


def _is_readable(connection: socket.socket) -> bool:
    """Of an idle connection: the server has closed it, or said something that nobody asked for."""
    descriptor = connection.fileno()
    if descriptor < 0:
        return True
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))
