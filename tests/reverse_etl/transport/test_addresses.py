"""Which addresses and URLs a destination's requests may reach."""

from __future__ import annotations

import ipaddress

import pytest

from reverse_etl.errors import ConfigurationError
from reverse_etl.transport.addresses import NetworkPolicy, checked_url

PUBLIC, INSIDE = NetworkPolicy(), NetworkPolicy(private_addresses=True)
LISTED = NetworkPolicy(allowed=(ipaddress.ip_network("10.1.0.0/16"), ipaddress.ip_network("169.254.169.254/32")))


@pytest.mark.parametrize(
    ("host", "address", "allowed_by"),
    [
        ("api.example", "93.184.216.34", {"PUBLIC", "INSIDE", "LISTED"}),
        ("api.example", "2606:2800:220:1:248:1893:25c8:1946", {"PUBLIC", "INSIDE", "LISTED"}),
        ("api.example", "10.1.2.3", {"INSIDE", "LISTED"}),
        ("api.example", "192.168.1.1", {"INSIDE"}),
        ("api.example", "127.0.0.1", {"INSIDE"}),
        ("127.0.0.1", "127.0.0.1", {"PUBLIC", "INSIDE", "LISTED"}),
        ("localhost", "::1", {"PUBLIC", "INSIDE", "LISTED"}),
        ("localhost", "10.0.0.1", {"INSIDE"}),
        ("api.example", "::ffff:127.0.0.1", {"INSIDE"}),
        ("api.example", "::ffff:169.254.169.254", {"LISTED"}),
        ("api.example", "169.254.169.254", {"LISTED"}),
        ("127.0.0.1", "169.254.169.254", {"LISTED"}),
        ("api.example", "64:ff9b::a9fe:a9fe", {"LISTED"}),
        ("api.example", "2002:7f00:1::", {"INSIDE"}),
        ("api.example", "168.63.129.16", set()),
        ("api.example", "fd00:ec2::254", set()),
        ("api.example", "fe80::1%eth0", set()),
        ("api.example", "100.100.100.200", set()),
        ("api.example", "0.0.0.0", set()),
        ("api.example", "224.0.0.1", set()),
    ],
)
def test_only_public_addresses_are_reached_unless_more_is_allowed(host: str, address: str, allowed_by: set[str]) -> None:
    policies = {"PUBLIC": PUBLIC, "INSIDE": INSIDE, "LISTED": LISTED}
    assert {name for name, policy in policies.items() if policy.refusal(host, address) is None} == allowed_by


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://api.example", "in clear"),
        ("https://user:word@api.example", "holds a user or password"),
        ("https://api.example/?key=1", "has a query"),
        ("https://api.example/#x", "fragment"),
        ("ftp://api.example", "is no URL"),
        ("api.example", "is no URL"),
        ("https://", "is no URL"),
        ("https://[::1", "is no URL"),
        ("https://api.example:99999", "is no URL"),
    ],
)
def test_a_url_that_secrets_must_not_be_sent_to_is_refused_with_a_reason(url: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=f"destination books: .*{message}"):
        checked_url(url, PUBLIC, "destination books")


def test_plain_http_is_for_loopback_or_for_whoever_allows_it() -> None:
    assert checked_url("http://127.0.0.1:8000/", PUBLIC, "x") == "http://127.0.0.1:8000"
    assert checked_url("http://api.example/v1/", NetworkPolicy(plain_http=True), "x") == "http://api.example/v1"
