"""A real server on a free loopback port that does to each connection exactly what a script says."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class Connection:
    """One accepted connection. ``requests`` (of the server) keeps every whole request."""

    socket: socket.socket
    requests: list[bytes]
    buffer: bytes = b""

    def receive(self) -> bytes | None:
        """The next whole request, None when the client is gone."""
        while b"\r\n\r\n" not in self.buffer:
            if not self._more():
                return None
        head, _, rest = self.buffer.partition(b"\r\n\r\n")
        length = next((int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
        while len(rest) < length:
            if not self._more():
                return None
            rest = self.buffer.partition(b"\r\n\r\n")[2]
        self.buffer = rest[length:]
        request = head + b"\r\n\r\n" + rest[:length]
        self.requests.append(request)
        return request

    def send(self, content: bytes) -> None:
        self.socket.sendall(content)

    def answer(self, status: int = 200, body: bytes = b"{}", headers: str = "") -> None:
        self.send(f"HTTP/1.1 {status} Said\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body)

    def _more(self) -> bool:
        part = self.socket.recv(65536)
        self.buffer += part
        return bool(part)


@dataclass
class ScriptedServer:
    port: int
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def serving(script: Callable[[Connection], None], context: ssl.SSLContext | None = None) -> Iterator[ScriptedServer]:
    """``script`` runs in a thread for each connection; the connection is closed when it returns."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = ScriptedServer(listener.getsockname()[1])
    open_sockets: list[socket.socket] = []

    def serve(accepted: socket.socket) -> None:
        # What a client that goes away, or a server that is stopped, does to a script is of no interest.
        with suppress(OSError):
            wrapped = context.wrap_socket(accepted, server_side=True) if context else accepted
            open_sockets.append(wrapped)
            script(Connection(wrapped, server.requests))
            wrapped.close()

    def accept() -> None:
        while True:
            try:
                accepted, _ = listener.accept()
            except OSError:
                return
            server.connections += 1
            open_sockets.append(accepted)
            threading.Thread(target=serve, args=(accepted,), daemon=True).start()

    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    try:
        yield server
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for accepted in open_sockets:
            with suppress(OSError):
                accepted.shutdown(socket.SHUT_RDWR)
            accepted.close()
        acceptor.join(5)


def answering(*answers: tuple[int, bytes, str]) -> Callable[[Connection], None]:
    """Answers of (status, body, header lines), one after the other over all connections; the last one again and again."""
    position = iter(range(10**9))

    def script(connection: Connection) -> None:
        while connection.receive() is not None:
            connection.answer(*answers[min(next(position), len(answers) - 1)])

    return script
