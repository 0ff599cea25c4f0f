"""Calls to addresses that a person wrote down: to the open Internet, over TLS, bounded in time and size.

A name is resolved once, each address that it stands for is judged, and the connection is made to the address that was
judged: a name that answers otherwise a moment later leads nowhere. No redirect is followed, no proxy of the environment
is used, nothing is unpacked, no connection is kept.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import httpcore

from core.errors import SettingInvalid, VigieError
from core.settings import OutgoingSettings
from services.webhooks.addresses import Address, Rules, Target, open_addresses, parse_target

CONNECT_S_MAX = 5.0
CALL_S_MAX = 15.0
ANSWER_BYTES_MAX = 65_536
_PIECE_BYTES = 16_384

Resolver = Callable[[str, int], Sequence[str]]
"""Says which addresses a host's name stands for at a port."""


class NoAnswer(VigieError):
    """Nobody answered there, or not in time, or not in HTTP."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request.

    Parameters
    ----------
    s_max
        From the first look at the name's addresses to the end of the answer.
    answer_bytes_max
        So much of the answer's body is read; the rest is not waited for.
    """

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    s_max: float = CALL_S_MAX
    answer_bytes_max: int = ANSWER_BYTES_MAX


@dataclass(frozen=True, slots=True)
class Answered:
    """What came back; ``headers`` by their names in small letters, ``is_cut`` when there was more of the body."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    is_cut: bool


def resolved(host: str, port: int) -> list[str]:
    """Return the addresses that the machine's resolver knows; it bounds its own time (``resolv.conf``).

    Raises
    ------
    NoAnswer
        If it knows none.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NoAnswer(f"no address is known of {host}: {error}") from None
    return [str(address[0]) for *_, address in found]


class Outgoing:
    """The way out.

    Parameters
    ----------
    resolver
        Says which addresses a name stands for.

    Raises
    ------
    SettingInvalid
        If a network or the file of certificates cannot be read.
    """

    def __init__(self, settings: OutgoingSettings, resolver: Resolver = resolved) -> None:
        self.rules = Rules.of(settings)
        self._resolver = resolver
        try:
            self._tls = ssl.create_default_context(cafile=settings.outgoing_ca_file)
        except (OSError, ssl.SSLError) as error:
            raise SettingInvalid(f"VIGIE_OUTGOING_CA_FILE: {error}") from None

    def check(self, url: str) -> None:
        """See that a URL may be called, as far as that shows without asking for its addresses.

        Raises
        ------
        OutgoingRefused
            If it may not.
        """
        parse_target(url, self.rules)

    def call(self, call: Call) -> Answered:
        """Call, and return the answer, whatever its status.

        Raises
        ------
        OutgoingRefused
            If the URL, or an address that its host stands for, may not be called.
        NoAnswer
            If there is no whole answer in time.
        """
        deadline_s = monotonic() + call.s_max
        target = parse_target(call.url, self.rules)
        found = self._resolver(target.host, target.port)
        addresses = open_addresses(found, target.scheme, self.rules)
        url = httpcore.URL(scheme=target.scheme, host=target.host, port=target.port, target=target.path)
        try:
            with (
                httpcore.ConnectionPool(
                    ssl_context=self._tls, network_backend=_Pinned(addresses, deadline_s), keepalive_expiry=0
                ) as pool,
                pool.stream(call.method, url, headers=_headers(target, call), content=call.body) as response,
            ):
                return _answered(response, call.answer_bytes_max)
        except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise NoAnswer(f"{type(error).__name__}: {error}".rstrip(": ")) from None


def _headers(target: Target, call: Call) -> list[tuple[str, str]]:
    host = f"[{target.host}]" if ":" in target.host else target.host
    # What is not asked for packed need not be unpacked.
    is_usual = target.port == {"https": 443, "http": 80}[target.scheme]
    authority = host if is_usual else f"{host}:{target.port}"
    own = [("Host", authority), ("Connection", "close"), ("Accept-Encoding", "identity")]
    return [*own, *call.headers.items()]


def _answered(response: httpcore.Response, bytes_max: int) -> Answered:
    body = b""
    for piece in response.iter_stream():
        body += piece
        if len(body) > bytes_max:
            break
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
    return Answered(response.status, headers, body[:bytes_max], len(body) > bytes_max)


class _Pinned(httpcore.NetworkBackend):
    """Connects to the addresses that were judged, whatever the host's name stands for by now."""

    def __init__(self, addresses: Sequence[Address], deadline_s: float) -> None:
        self._addresses, self._deadline_s = addresses, deadline_s
        self._network = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - the deadline is stricter
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address that takes it."""
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in self._addresses:
            left_s = min(CONNECT_S_MAX, _left_s(self._deadline_s))
            try:
                stream = self._network.connect_tcp(str(address), port, left_s, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return _Hurried(stream, self._deadline_s)
        raise failure


class _Hurried(httpcore.NetworkStream):
    """A connection that ends at its deadline, however slowly the other side drips."""

    def __init__(self, stream: httpcore.NetworkStream, deadline_s: float) -> None:
        self._stream, self._deadline_s = stream, deadline_s

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002 - as above
        """Read what has come."""
        return self._stream.read(max_bytes, _left_s(self._deadline_s))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002 - as above
        """Write piece by piece."""
        for start in range(0, len(buffer), _PIECE_BYTES):
            self._stream.write(buffer[start : start + _PIECE_BYTES], _left_s(self._deadline_s))

    def close(self) -> None:
        """Close it."""
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002 - as above
    ) -> httpcore.NetworkStream:
        """Begin TLS; the certificate must be the name's, whatever the address."""
        stream = self._stream.start_tls(ssl_context, server_hostname, _left_s(self._deadline_s))
        return _Hurried(stream, self._deadline_s)

    def get_extra_info(self, info: str) -> Any:
        """Return what the connection knows of itself."""
        return self._stream.get_extra_info(info)


def _left_s(deadline_s: float) -> float:
    left_s = deadline_s - monotonic()
    if left_s <= 0:
        raise httpcore.ReadTimeout("the time is over")
    return left_s
