"""A request is sent once, the answer is bounded in time and size, and what cannot have left is told from what may have."""

from __future__ import annotations

import gzip
import os
import select
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path
from threading import Event

import pytest
import trustme
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from scripted_server import Connection, answering, serving

from reverse_etl.crash_points import CRASH_VARIABLE
from reverse_etl.errors import ConfigurationError, DestinationError
from reverse_etl.settings import Settings
from reverse_etl.systems.contract import Ambiguous, NotExecuted, Rejected
from reverse_etl.transport import Answer, NetworkPolicy, Request, Transport, open_transport


def post(url: str, body: bytes = b'{"a":1}', **headers: str) -> Request:
    return Request("POST", url, headers, body)


def exchange(transport: Transport, request: Request, seconds: float = 60.0) -> object:
    return transport.exchange(request, time.monotonic() + seconds)


def test_what_is_sent_arrives_and_the_connection_is_used_again() -> None:
    with serving(answering((201, b'{"id":"1"}', "Set-Cookie: a\r\nSet-Cookie: b\r\n"))) as server:
        transport = Transport()
        for _ in range(3):
            answer = exchange(transport, post(f"{server.url}/v1/things?x=1", b"body", Authorization="Bearer k"))
            assert isinstance(answer, Answer)
            assert (answer.status, answer.content(), answer.headers["set-cookie"]) == (201, {"id": "1"}, "a, b")
        head = server.requests[0].decode()
        assert head.startswith("POST /v1/things?x=1 HTTP/1.1\r\n")
        assert f"Host: 127.0.0.1:{server.port}\r\n" in head
        assert "Authorization: Bearer k\r\n" in head
        assert head.endswith("\r\n\r\nbody")
        assert (len(server.requests), server.connections) == (3, 1)
        transport.close()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_answer_and_is_not_followed(status: int) -> None:
    with serving(answering((200, b"{}", ""))) as other, serving(answering((status, b"", f"Location: {other.url}/\r\n"))) as server:
        answer = exchange(Transport(), post(server.url + "/"))
        assert isinstance(answer, Answer)
        assert answer.status == status
        assert (len(server.requests), other.connections) == (1, 0)


def trickle_head(connection: Connection) -> None:
    connection.receive()
    for character in b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000:
        connection.send(bytes([character]))
        time.sleep(0.05)


def trickle_body(connection: Connection) -> None:
    connection.receive()
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(1000):
        connection.send(b"x")
        time.sleep(0.05)


def never_answer(connection: Connection) -> None:
    connection.receive()
    connection.receive()


def never_read(connection: Connection) -> None:
    time.sleep(60)


@pytest.mark.parametrize("script", [trickle_head, trickle_body, never_answer, never_read])
def test_one_deadline_ends_the_whole_exchange_whatever_the_server_does(script: object) -> None:
    with serving(script) as server:  # type: ignore[arg-type]
        began = time.monotonic()
        outcome = exchange(Transport(), post(server.url + "/", b"x" * 20_000_000 if script is never_read else b"{}"), seconds=0.4)
        assert isinstance(outcome, Ambiguous)
        assert 0.3 < time.monotonic() - began < 30


def test_nothing_travels_in_clear_to_another_machine_unless_that_is_allowed() -> None:
    outcome = exchange(Transport(), post("http://ledger.example/"))
    assert isinstance(outcome, NotExecuted)
    assert "in clear" in outcome.reason


def test_nothing_is_sent_after_the_deadline() -> None:
    with serving(answering((200, b"{}", ""))) as server:
        transport = Transport()
        assert isinstance(exchange(transport, post(server.url + "/")), Answer)
        assert isinstance(exchange(transport, post(server.url + "/"), seconds=-1), NotExecuted)
        assert isinstance(exchange(Transport(), post(server.url + "/"), seconds=-1), NotExecuted)
        assert len(server.requests) == 1


def close_unread(connection: Connection) -> None:
    connection.receive()


def close_within_body(connection: Connection) -> None:
    connection.receive()
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")


def answer_what_is_no_http(connection: Connection) -> None:
    connection.receive()
    connection.send(b"SSH-2.0-server\r\n\r\n")


@pytest.mark.parametrize("script", [close_unread, close_within_body, answer_what_is_no_http])
def test_a_broken_answer_is_ambiguous_and_the_request_is_not_sent_again(script: object) -> None:
    with serving(script) as server:  # type: ignore[arg-type]
        assert isinstance(exchange(Transport(), post(server.url + "/")), Ambiguous)
        assert len(server.requests) == 1


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/", "http://nothing.invalid/", "https://127.0.0.1:9/"])
def test_what_never_got_a_connection_is_proven_not_executed(url: str) -> None:
    assert isinstance(exchange(Transport(NetworkPolicy(plain_http=True)), post(url)), NotExecuted)


def test_a_connection_that_the_server_closed_meanwhile_is_not_written_into() -> None:
    closed = Event()

    def answer_once(connection: Connection) -> None:
        connection.receive()
        connection.answer()
        connection.socket.close()
        closed.set()

    with serving(answer_once) as server:
        transport = Transport()
        for _ in range(20):
            closed.clear()
            assert isinstance(exchange(transport, post(server.url + "/")), Answer)
            assert closed.wait(60)
            time.sleep(0.002)
        assert len(server.requests) == 20


@pytest.mark.parametrize(
    "request_",
    [
        post("http://127.0.0.1:1/", Evil="a\r\nX-Injected: b"),
        post("http://127.0.0.1:1/", Evil="a\nb"),
        post("http://127.0.0.1:1/", Evil="a\0b"),
        post("http://127.0.0.1:1/", Evil="é"),
        Request("POST", "http://127.0.0.1:1/", {"Evil\r\nX": "b"}, b""),
        Request("POST", "http://127.0.0.1:1/", {"": "b"}, b""),
        Request("PO ST", "http://127.0.0.1:1/", {}, b""),
        post("http://127.0.0.1:1/a b"),
        post("http://127.0.0.1:1/\r\nX: y"),
        post("http://127.0.0.1:99999/"),
        post("http:///"),
        post("ftp://127.0.0.1/"),
        post("http://[::1/"),
    ],
)
def test_what_http_does_not_allow_is_refused_without_a_connection_and_without_quoting_it(request_: Request) -> None:
    outcome = exchange(Transport(), request_)
    assert isinstance(outcome, Rejected)
    assert "Injected" not in outcome.reason


def test_a_secret_that_no_header_can_carry_holds_documents_instead_of_rejecting_them() -> None:
    outcome = exchange(Transport(), Request("POST", "http://127.0.0.1:1/", {}, b"", {"Authorization": "Bearer pass\nword"}))
    assert isinstance(outcome, NotExecuted)
    assert "correct the secret" in outcome.reason
    assert "word" not in outcome.reason


def test_the_answer_is_capped_also_when_it_is_compressed() -> None:
    bomb = gzip.compress(b"0" * 5_000_000)
    with serving(answering((200, b"0" * 200_000, ""), (200, bomb, "Content-Encoding: gzip\r\n"))) as server:
        transport = Transport(largest_answer_bytes=100_000)
        assert len(bomb) < 100_000
        for _ in range(2):
            outcome = exchange(transport, post(server.url + "/"))
            assert isinstance(outcome, Ambiguous)
            assert "larg" in outcome.reason


def test_a_server_that_compresses_unasked_is_understood() -> None:
    with serving(answering((200, gzip.compress(b'{"id":1}'), "Content-Encoding: gzip\r\n"))) as server:
        answer = exchange(Transport(), post(server.url + "/"))
        assert isinstance(answer, Answer)
        assert answer.content() == {"id": 1}
        assert b"Accept-Encoding: identity\r\n" in server.requests[0]


def test_a_certificate_nobody_vouches_for_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    authority, context = trustme.CA(), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    with serving(answering((200, b"{}", "")), context) as server:
        url = f"https://localhost:{server.port}/"
        refused = exchange(Transport(), post(url, Authorization="Bearer secret"))
        assert isinstance(refused, NotExecuted)
        assert "certificate" in refused.reason
        assert server.requests == []
        trusting = Transport(ca_file=str(tmp_path / "ca.pem"))
        assert isinstance(exchange(trusting, post(url)), Answer)
        other_name = exchange(trusting, post(f"https://127.0.0.1:{server.port}/"))
        assert isinstance(other_name, NotExecuted)
        assert len(server.requests) == 1


def test_a_name_is_judged_by_the_address_it_leads_to() -> None:
    with serving(answering((200, b"{}", ""))) as server:
        # The resolver makes 127.0.0.1 of this, as a hostile name server may of any name.
        refused = exchange(Transport(NetworkPolicy(plain_http=True)), post(f"http://127.1:{server.port}/"))
        assert isinstance(refused, NotExecuted)
        assert "127.1 is at 127.0.0.1, which is not public" in refused.reason
        assert server.connections == 0
        allowed = NetworkPolicy(plain_http=True, private_addresses=True)
        assert isinstance(exchange(Transport(allowed), post(f"http://127.1:{server.port}/")), Answer)


def test_proxies_of_the_environment_are_not_trusted_but_a_configured_one_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(answering((200, b'"proxy"', ""))) as proxy, serving(answering((200, b'"server"', ""))) as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        direct = exchange(Transport(), post(server.url + "/"))
        assert isinstance(direct, Answer)
        assert direct.content() == "server"
        through = exchange(Transport(NetworkPolicy(plain_http=True), proxy=proxy.url), post("http://ledger.example/v1"))
        assert isinstance(through, Answer)
        assert through.content() == "proxy"
        assert proxy.requests[0].startswith(b"POST http://ledger.example/v1 ")


def tunnel(connection: Connection) -> None:
    """What a proxy does with CONNECT: it passes bytes on, and cannot read them."""
    request = connection.receive()
    assert request is not None
    _, _, port = request.split(b" ")[1].partition(b":")
    with socket.create_connection(("127.0.0.1", int(port))) as onward:
        connection.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        while True:
            for ready in select.select([connection.socket, onward], [], [])[0]:
                part = ready.recv(65536)
                if not part:
                    return
                (onward if ready is connection.socket else connection.socket).sendall(part)


def test_a_proxy_tunnels_what_is_secret_and_the_tunnel_is_used_again(tmp_path: Path) -> None:
    authority, context = trustme.CA(), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("ledger.example").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    with serving(answering((200, b"{}", "")), context) as server, serving(tunnel) as proxy:
        transport = Transport(ca_file=str(tmp_path / "ca.pem"), proxy=proxy.url)
        for _ in range(3):
            answer = exchange(transport, post(f"https://ledger.example:{server.port}/v1", Authorization="Bearer secret"))
            assert isinstance(answer, Answer), answer
        assert len(server.requests) == 3
        assert proxy.connections == 1
        assert b"secret" not in proxy.requests[0]
        transport.close()


def test_an_address_of_version_6_is_reached_and_named_in_brackets() -> None:
    try:
        listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("this machine has no IPv6")
    received: list[bytes] = []

    def serve() -> None:
        accepted, _ = listener.accept()
        with accepted:
            received.append(accepted.recv(65536))
            accepted.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    port = listener.getsockname()[1]
    assert isinstance(exchange(Transport(), post(f"http://[::1]:{port}/")), Answer)
    thread.join(60)
    listener.close()
    assert f"Host: [::1]:{port}\r\n".encode() in received[0]


def test_a_proxy_of_the_environment_is_used_with_its_password_where_that_is_configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def opened(proxy: str) -> Transport:
        network = {"proxy": proxy, "allow_plain_http": True}
        return open_transport(Settings.model_validate({"home": tmp_path, "destinations": {"books": {"network": network}}}), "books")

    with serving(answering((200, b"{}", ""))) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:pass%40word@127.0.0.1:{proxy.port}")
        assert isinstance(exchange(opened("environment"), post("http://ledger.example/v1")), Answer)
        assert b"Proxy-Authorization: Basic bWU6cGFzc0B3b3Jk\r\n" in proxy.requests[0]
    with pytest.raises(ConfigurationError, match=r"destination books: network\.proxy holds a password"):
        opened("http://me:word@proxy.example:3128")
    with pytest.raises(ConfigurationError, match=r"network\.proxy must be http://host:port"):
        opened("socks5://proxy.example")


def test_reads_are_tried_again_where_that_can_help() -> None:
    with serving(answering((503, b"", "Retry-After: 0\r\n"), (500, b"", ""), (200, b"[1]", ""))) as server:
        answer = Transport().read(Request("GET", server.url + "/", {}), 60.0)
        assert (answer.content(), len(server.requests)) == ([1], 3)
    with serving(answering((404, b"{}", ""))) as server:
        assert Transport().read(Request("GET", server.url + "/", {}), 60.0).status == 404
    with serving(answering((500, b"down", ""))) as server:
        with pytest.raises(DestinationError, match=r"GET http.*/x: HTTP 500: down"):
            Transport().read(Request("GET", server.url + "/x?key=1", {}), 60.0, attempts=2)
        assert len(server.requests) == 2


@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    st.binary(max_size=300), st.sampled_from([b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"HTTP/1.1 "])
)
def test_any_bytes_are_an_answer_or_ambiguous(rest: bytes, beginning: bytes) -> None:
    def say(connection: Connection) -> None:
        connection.receive()
        connection.send(beginning + rest)

    with serving(say) as server:
        assert isinstance(exchange(Transport(), post(server.url + "/")), Answer | Ambiguous)


DYING = """
import sys, time
from reverse_etl.transport import Request, Transport
print(Transport().exchange(Request("POST", sys.argv[1], {}, b"0123456789"), time.monotonic() + 60))
"""


@pytest.mark.parametrize(
    ("point", "arrived"), [("before_connect", None), ("half_body_sent", b"01234"), ("all_sent", b"0123456789"), ("status_read", b"0123456789")]
)
def test_a_process_may_die_anywhere_in_an_exchange(point: str, arrived: bytes | None) -> None:
    seen: list[bytes] = []

    def script(connection: Connection) -> None:
        try:
            if connection.receive() is not None:
                connection.answer()
        finally:
            seen.append(connection.buffer or connection.requests[-1])

    with serving(script) as server:
        died = subprocess.run([sys.executable, "-c", DYING, server.url + "/"], env=os.environ | {CRASH_VARIABLE: point}, check=False, timeout=120)
        assert died.returncode == -signal.SIGKILL
        until = time.monotonic() + 60
        while arrived is not None and not seen and time.monotonic() < until:
            time.sleep(0.01)
        assert (seen[0].partition(b"\r\n\r\n")[2] if seen else None) == arrived
