"""Which addresses may be called when a person, not an administrator of the machine, says which. Pure.

What is refused is all that is not of the open Internet (IANA's registries of special-purpose addresses, RFC 6890), for
behind it stand the database, the broker and the clouds' metadata services. An IPv6 address that leads to an IPv4 one is
judged as the one that it leads to.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from core.errors import SettingInvalid, VigieError
from core.settings import OutgoingSettings

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

URL_CHARACTERS_MAX = 2_000
_CHARACTERS = re.compile(r"[!-~]+")
_HOST = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*\.?")
# 2130706433, 0x7f.1 and 0177.0.0.1 are 127.0.0.1 to a resolver, and nothing that a person writes.
_NUMBERS = re.compile(r"(0x[0-9a-f]*|[0-9]+)(\.(0x[0-9a-f]*|[0-9]+))*\.?")

_REFUSED_4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",  # a public address, behind which Azure's machines find their platform
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
_OPEN_6 = IPv6Network("2000::/3")
_REFUSED_6 = tuple(IPv6Network(network) for network in ("2001::/23", "2001:db8::/32", "3fff::/20"))
_NAT64 = IPv6Network("64:ff9b::/96")


class OutgoingRefused(VigieError):
    """An address may not be called."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Whom Vigie may call, as the settings say it."""

    networks: tuple[Network, ...] = ()
    ports: frozenset[int] = frozenset({443, 8443})
    http_loopback: bool = False

    @classmethod
    def of(cls, settings: OutgoingSettings) -> Rules:
        """Return the rules of these settings.

        Raises
        ------
        SettingInvalid
            If a network is none.
        """
        try:
            named = (one.strip() for one in settings.outgoing_networks.split(","))
            networks = tuple(ip_network(one) for one in named if one)
        except ValueError as error:
            raise SettingInvalid(f"VIGIE_OUTGOING_NETWORKS: {error}") from None
        ports = frozenset(int(port) for port in settings.outgoing_ports.split(","))
        return cls(networks, ports, settings.outgoing_http_loopback)


@dataclass(frozen=True, slots=True)
class Target:
    """A URL taken apart once, so that what was checked is what is called."""

    scheme: str
    host: str
    port: int
    path: str
    """With the query."""


def parse_target(url: str, rules: Rules) -> Target:
    """Take a URL apart, and see that it may be called as far as that shows without asking who it is.

    Raises
    ------
    OutgoingRefused
        If it is no plain URL of HTTPS to a port and an address that may be called; with one line that says why.
    """
    if len(url) > URL_CHARACTERS_MAX or not _CHARACTERS.fullmatch(url) or "\\" in url:
        raise OutgoingRefused(f"it is no URL of ASCII letters, digits and signs, {URL_CHARACTERS_MAX} at most")
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError as error:
        raise OutgoingRefused(f"it is no URL: {error}") from None
    if parts.scheme not in ({"https", "http"} if rules.http_loopback else {"https"}):
        raise OutgoingRefused("it must begin with https://")
    if "@" in parts.netloc or "#" in url:
        raise OutgoingRefused("it must carry no user, no password and no fragment")
    port = port if port is not None else 443 if parts.scheme == "https" else 80
    if port not in rules.ports:
        raise OutgoingRefused(f"port {port} may not be called; {', '.join(map(str, sorted(rules.ports)))} may")
    literal = _literal(host)
    if literal is not None:
        check_address(literal, parts.scheme, rules)
    elif not _HOST.fullmatch(host) or _NUMBERS.fullmatch(host):
        raise OutgoingRefused(f"{host!r} is no name of a host")
    return Target(parts.scheme, host, port, (parts.path or "/") + (f"?{parts.query}" if parts.query else ""))


def check_address(address: Address, scheme: str, rules: Rules) -> None:
    """See that this very address may be called.

    Raises
    ------
    OutgoingRefused
        If it is not of the open Internet and the settings do not name its network, or is to be called in plain HTTP
        and is not this machine.
    """
    meant = _meant(address)
    if scheme == "http" and not meant.is_loopback:
        raise OutgoingRefused(f"{address} may not be called in plain HTTP")
    if any(one in network for one in (address, meant) for network in rules.networks):
        return
    if isinstance(meant, IPv4Address):
        is_open = not any(meant in network for network in _REFUSED_4)
    else:
        is_open = meant in _OPEN_6 and not any(meant in network for network in _REFUSED_6)
    if not is_open:
        raise OutgoingRefused(f"{address} is not of the open Internet")


def open_addresses(found: Sequence[str], scheme: str, rules: Rules) -> list[Address]:
    """Return the addresses that a name stands for, in their order.

    Raises
    ------
    OutgoingRefused
        If one of them may not be called: a name that leads both ways is not to be trusted.
    """
    addresses = [ip_address(text.partition("%")[0]) for text in found]
    for address in addresses:
        check_address(address, scheme, rules)
    return addresses


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host.partition("%")[0])
    except ValueError:
        return None


def _meant(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 one leads to (mapped, 6to4, NAT64), any other as it is."""
    if isinstance(address, IPv4Address):
        return address
    inner = address.ipv4_mapped or address.sixtofour
    if inner is None and address in _NAT64:
        inner = IPv4Address(int(address) & 0xFFFF_FFFF)
    return inner or address
