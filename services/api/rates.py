"""How much one pass may ask, and one address without a pass: token buckets, told in every answer.

Each operation costs units by what it takes to answer. A bucket holds a burst of them and fills up again, so many a
second. The buckets are this process's own: behind several processes a pass has as many buckets.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

from fastapi import Request
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.instruments import API_RATES_REFUSED
from core.settings import RateSettings
from services.api.doors.rights import NEEDS
from services.api.doors.visiting import maybe_visiting, operation_of, shown_by
from services.api.problems import Code, Problem, said

BUCKETS_MAX = 20_000
"""Passes and addresses that are remembered; whoever asked longest ago is forgotten first, and begins anew."""
READ, WRITE, LONG_READ, EXPLAIN, SIGN_IN, STRANGER, EXPORT = 1, 2, 5, 10, 10, 10, 50
"""What an operation costs, in units; ``STRANGER`` is a pass that lets nobody in."""
COSTS: Mapping[str, int] = {
    "test_alarm_rule": EXPLAIN,
    "read_latest": LONG_READ,
    "read_trends": LONG_READ,
    "read_readings": LONG_READ,
    "read_chart": LONG_READ,
    "read_rollups": LONG_READ,
    "read_completeness": LONG_READ,
    "read_series_completeness": LONG_READ,
    "read_increments": LONG_READ,
    "read_gaps": LONG_READ,
    "read_uplink": LONG_READ,
    "read_quality": LONG_READ,
    "read_past_forecast": LONG_READ,
    "add_photo": EXPLAIN,
    "read_explanation": EXPLAIN,
    "read_what_if": EXPLAIN,
    "count_rejections": LONG_READ,
    "query_entities": LONG_READ,
    "query_temporal": LONG_READ,
    "retrieve_temporal": LONG_READ,
    "read_resource": LONG_READ,
    "decide_on_subject": EXPORT,
    "read_export": EXPORT,
    "export_audit": EXPORT,
    "sign_in": SIGN_IN,
    "enter_by_link": SIGN_IN,
}
"""What costs otherwise than a read or a write."""
UNRATED = frozenset({"read_health", "read_readiness", "first_page", "words"})
"""What probes and pages ask again and again, and costs nothing."""
_IPV6_NETWORK_BITS = 64


@dataclass(frozen=True, slots=True)
class Rate:
    """A bucket's size and how it fills up.

    Parameters
    ----------
    name
        Of whom it bounds, as the headers give it.
    burst
        Units at once.
    per_s
        Units that come back each second.
    """

    name: str
    burst: int
    per_s: float

    @property
    def window_s(self) -> int:
        """In how many seconds an empty bucket is full again."""
        return math.ceil(self.burst / self.per_s)


@dataclass(frozen=True, slots=True)
class Left:
    """What was left to whoever asked, after they asked.

    Parameters
    ----------
    units
        Whole units that are there now.
    wait_s
        Seconds until there are enough for what was asked; 0 where it was granted.
    """

    rate: Rate
    units: int
    wait_s: int

    def headers(self) -> dict[str, str]:
        """Return them as ``RateLimit`` fields (draft-ietf-httpapi-ratelimit-headers-10): units, seconds until full."""
        full_s = math.ceil((self.rate.burst - self.units) / self.rate.per_s)
        return {
            "RateLimit-Policy": f'"{self.rate.name}";q={self.rate.burst};w={self.rate.window_s}',
            "RateLimit": f'"{self.rate.name}";r={self.units};t={full_s}',
        }


class Buckets:
    """The buckets of all who ask, of one rate; bounded in number."""

    def __init__(self, rate: Rate, most: int = BUCKETS_MAX) -> None:
        self.rate, self._most = rate, most
        self._held: OrderedDict[object, tuple[float, float]] = OrderedDict()

    def take(self, whose: object, units: int, at_s: float) -> Left:
        """Take so many units from somebody's bucket, none where there are not enough."""
        held, since_s = self._held.get(whose, (float(self.rate.burst), at_s))
        held = min(self.rate.burst, held + max(at_s - since_s, 0) * self.rate.per_s)
        units = min(units, self.rate.burst)
        wait_s = 0 if held >= units else math.ceil((units - held) / self.rate.per_s)
        held -= 0 if wait_s else units
        self._held[whose] = held, at_s
        self._held.move_to_end(whose)
        if len(self._held) > self._most:
            self._held.popitem(last=False)
        return Left(self.rate, int(held), wait_s)


class Rates:
    """What may be asked of this process."""

    def __init__(self, settings: RateSettings) -> None:
        self.of_passes = Buckets(Rate("pass", settings.rate_pass_burst, settings.rate_pass_per_s))
        self.of_addresses = Buckets(Rate("address", settings.rate_address_burst, settings.rate_address_per_s))
        self._proven: OrderedDict[bytes, None] = OrderedDict()

    def is_proven(self, shown: bytes) -> bool:
        """Whether this let somebody in before; then their address is not asked."""
        return shown in self._proven

    def prove(self, shown: bytes) -> None:
        """Remember that this let somebody in."""
        self._proven[shown] = None
        self._proven.move_to_end(shown)
        if len(self._proven) > BUCKETS_MAX:
            self._proven.popitem(last=False)


async def rated(request: Request) -> None:
    """Take what the operation costs from the bucket of whoever asks.

    A pass that is not known is looked up at the expense of its address: who guesses is stopped before the store is
    asked.

    Raises
    ------
    Problem
        There are not enough units left (429).
    """
    operation = operation_of(request)
    if operation in UNRATED:
        return
    rates: Rates = request.app.state.rates
    cost = COSTS.get(operation, READ if request.method == "GET" else WRITE)
    shown, address = _digest(request), address_of(request)
    is_stranger = shown is not None and not rates.is_proven(shown)
    if is_stranger:
        _take(request, rates.of_addresses, address, STRANGER)
    # What is open to everybody answers while the store does not, and so asks nobody who they are.
    visitor = None if shown is None or NEEDS[operation] is None else await maybe_visiting(request)
    if visitor is None:
        _take(request, rates.of_addresses, address, cost)
        return
    if shown is not None and is_stranger:
        rates.prove(shown)
    _take(request, rates.of_passes, visitor.pass_id, cost)


def _take(request: Request, buckets: Buckets, whose: object, cost: int) -> None:
    left = buckets.take(whose, cost, time.monotonic())
    request.state.left = left
    if left.wait_s:
        API_RATES_REFUSED.labels(buckets.rate.name).inc()
        detail = said(
            "too_many_requests", seconds=left.wait_s, quota=buckets.rate.burst, per_s=f"{buckets.rate.per_s:g}"
        )
        raise Problem(Code.TOO_MANY_REQUESTS, detail, retry_after_s=left.wait_s)


def _digest(request: Request) -> bytes | None:
    """Return what names the pass that a request shows, without keeping its secret; None where it shows none."""
    shown = shown_by(request)
    return None if shown is None else hashlib.sha256(shown.secret.encode()).digest()


def address_of(request: Request) -> str:
    """Return the address that asks; of IPv6 its network of 64 bits, which one person has whole."""
    host = request.client.host if request.client else ""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if not isinstance(address, IPv6Address):
        return host
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(IPv6Address(int(address) >> _IPV6_NETWORK_BITS << _IPV6_NETWORK_BITS))


class RateFields:
    """Tells in each answer what is left to whoever asked."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})

        async def told(message: Message) -> None:
            left: Left | None = state.get("left")
            if message["type"] == "http.response.start" and left is not None:
                headers = MutableHeaders(scope=message)
                for name, value in left.headers().items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, told)
