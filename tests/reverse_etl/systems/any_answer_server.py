"""A server that answers every request with the bytes it was told last, whatever they are, and then closes the connection."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class AnyAnswer:
    def __init__(self) -> None:
        self.answer = b""
        self.requests = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                try:
                    connection.settimeout(5)
                    _read_request(connection)
                    self.requests += 1
                    connection.sendall(self.answer)
                except OSError:
                    continue


def _read_request(connection: socket.socket) -> None:
    received = b""
    while b"\r\n\r\n" not in received:
        some = connection.recv(65536)
        if not some:
            return
        received += some
    head, _, body = received.partition(b"\r\n\r\n")
    lengths = [line.partition(b":")[2] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    missing = int(lengths[0]) - len(body) if lengths else 0
    while missing > 0:
        some = connection.recv(65536)
        if not some:
            return
        missing -= len(some)


@contextmanager
def any_answer() -> Iterator[AnyAnswer]:
    server = AnyAnswer()
    try:
        yield server
    finally:
        server.close()
