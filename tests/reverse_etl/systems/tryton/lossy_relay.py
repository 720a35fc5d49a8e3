"""A relay between a system and its server that passes every request on and loses the answers to some."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit


class LossyRelay:
    """What is asked reaches the server; what asks for ``lost_method`` gets no answer. One request per connection; the server ends it."""

    def __init__(self, server_url: str, lost_method: str, listener: socket.socket) -> None:
        server = urlsplit(server_url)
        assert server.hostname
        assert server.port
        self._server = (server.hostname, server.port)
        self._listener = listener
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self._lost_method = lost_method.encode()
        self.lost_request_passed_on = threading.Event()

    def serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._relay, args=(client,), daemon=True).start()

    def _relay(self, client: socket.socket) -> None:
        loses_answer = threading.Event()
        with client, socket.create_connection(self._server) as server:
            threading.Thread(target=self._pass_on, args=(client, server, loses_answer), daemon=True).start()
            with suppress(OSError):
                while answer := server.recv(65536):
                    if not loses_answer.is_set():
                        client.sendall(answer)
            # Closing alone ends nothing while the other thread reads.
            with suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)

    def _pass_on(self, client: socket.socket, server: socket.socket, loses_answer: threading.Event) -> None:
        request = b""
        with suppress(OSError):
            while part := client.recv(65536):
                request += part
                if self._lost_method in request:
                    loses_answer.set()
                server.sendall(part)
                if loses_answer.is_set():
                    self.lost_request_passed_on.set()


@contextmanager
def lossy_relay(server_url: str, lost_method: str) -> Iterator[LossyRelay]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        relay = LossyRelay(server_url, lost_method, listener)
        thread = threading.Thread(target=relay.serve, daemon=True)
        thread.start()
        yield relay
        # Closing alone does not wake a thread that waits in accept.
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)
