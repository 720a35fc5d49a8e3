"""Which URLs may be asked and which addresses connected to. Pure.

A name is judged by the address that is really connected to, so a name server that changes its mind gets nobody further inside.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from reverse_etl.errors import ConfigurationError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
AddressRange = ipaddress.IPv4Network | ipaddress.IPv6Network

LOOPBACK_NAMES = frozenset({"localhost", "ip6-localhost"})
# Answers for the credentials of a virtual machine though it is no private address (Azure).
METADATA_ADDRESSES = frozenset({ipaddress.ip_address("168.63.129.16"), ipaddress.ip_address("fd00:ec2::254")})
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class NetworkPolicy:
    """What a destination's requests may reach.

    ``private_addresses`` allows private and loopback addresses, never link-local ones nor those of metadata services; ``allowed`` allows whatever
    it holds. A URL that itself names a loopback address may always connect to loopback.
    """

    private_addresses: bool = False
    plain_http: bool = False
    allowed: tuple[AddressRange, ...] = ()

    def refusal(self, host: str, address: str) -> str | None:
        """Why an address must not be connected to for a URL with this host, or None."""
        real = _embedded(ipaddress.ip_address(address.partition("%")[0]))
        if any(real.version == some.version and real in some for some in self.allowed):
            return None
        if real.is_loopback and (is_loopback_host(host) or self.private_addresses):
            return None
        if real in METADATA_ADDRESSES or real.is_link_local:
            return f"{host} is at {real}, where machines find their own credentials: list it under network.allowed_networks if that is meant"
        if real.is_multicast or real.is_unspecified:
            return f"{host} is at {real}, which is no single machine"
        if not real.is_global and not (self.private_addresses and real.is_private):
            return f"{host} is at {real}, which is not public: set network.allow_private_addresses, or network.allowed_networks, if that is meant"
        return None


def checked_url(url: str, policy: NetworkPolicy, whose: str) -> str:
    """The URL of a destination without a slash at its end.

    Raises:
        ConfigurationError: it is no URL to send secrets to.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ConfigurationError(f"{whose}: {url!r} is no URL: {error}") from error
    if parts.scheme not in ("http", "https") or not host:
        raise ConfigurationError(f"{whose}: {url!r} is no URL; it looks like https://host/path")
    if parts.username is not None or parts.password is not None:
        raise ConfigurationError(f"{whose}: the URL holds a user or password; name them under 'authorization' and 'secrets'")
    if parts.query or parts.fragment:
        raise ConfigurationError(f"{whose}: {url!r} has a query or a fragment; only scheme, host and path are allowed")
    if parts.scheme != "https" and not policy.plain_http and not is_loopback_host(host):
        raise ConfigurationError(f"{whose}: {url} would send the key in clear; use https, or set network.allow_plain_http")
    return url.rstrip("/")


def is_loopback_host(host: str) -> bool:
    """Whether a URL's host itself says that it is this machine."""
    if host in LOOPBACK_NAMES:
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def origin_of(url: str) -> tuple[str, str, int]:
    """Scheme, host and port. Raises ValueError: it is no URL."""
    parts = urlsplit(url)
    if not parts.hostname:
        raise ValueError("no host")
    return parts.scheme, parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)


def _embedded(address: Address) -> Address:
    """The IPv4 address that an IPv6 address stands for, where it does."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address.sixtofour is not None:
            return address.sixtofour
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address
