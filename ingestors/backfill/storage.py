"""The Storage Integration of The Things Stack: the uplinks that its application server kept. The only user of httpx.

::

    GET {url}/api/v3/as/applications/{application}[/devices/{device_id}]/packages/storage/uplink_message
        ?order=received_at&limit=1000&after=2026-03-02T08:59:59.999999Z&before=2026-03-02T12:00:00Z
    Authorization: Bearer {API key with the right to read application traffic}
    Accept: text/event-stream

    {"result": {end_device_ids, received_at, uplink_message}}      a line each, blank lines between; or {"error": ...}

Kept for 24 hours on The Things Stack Sandbox, for 30 days on Cloud. Sources: The Things Stack documentation, "Storage
Integration" (retrieve messages; API reference) and the published ``ApplicationUpStorage`` protocol; rate limits by the
headers ``X-Rate-Limit-{Limit,Available,Reset,Retry}`` of its gateway. The protocol also has a continuation token; the
open source gateway hands none to HTTP clients, so pages are asked by time. Not tried on a server of The Things
Industries: the tests' server has the shape of these documents.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

import httpx
import structlog
from pydantic import SecretStr

from core.clock import format_instant
from core.errors import VigieError
from core.intakes import BackfillAsked
from ingestors.backfill.pages import PAGE_MESSAGES

CONNECT_S_MAX = 10.0
ANSWER_S_MAX = 60.0
BACK_OFF_S = 1.0
WAIT_S_MAX = 120.0
"""Longest wait before the next try, whatever the server advises: its limits count by the minute."""
TRIES_MAX = 8
PAGE_BYTES_MAX = 64 * 2**20
SPENT_AT = 1
"""With so many requests left of the server's allowance, the next waits for the allowance to fill."""

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class StorageAbsent(VigieError):
    """The network server's store does not answer, or not in full: it may later."""


class StorageRefused(VigieError):
    """The network server's store refuses to answer: trying again would change nothing."""


class Interrupted(VigieError):
    """The process is to end: what was fetched and not written is fetched again."""


@dataclass(frozen=True, slots=True)
class StorageAccess:
    """How the store is asked.

    Parameters
    ----------
    url
        Of the application server, ``https://host[:port]``.
    key
        API key with the right to read application traffic; never logged.
    requests_per_min
        Ours at most, whatever the server would take.
    """

    url: str
    key: SecretStr
    requests_per_min: float = 10.0


class Storage:
    """Asks for pages, one at a time: waits between them, tries again what may succeed later.

    Parameters
    ----------
    wait
        Waits so many seconds; returns whether to end instead.
    """

    def __init__(self, access: StorageAccess, wait: Callable[[float], bool]) -> None:
        self._access = access
        self._wait = wait
        self._pause_s = 0.0
        self._client = httpx.Client(
            base_url=access.url.rstrip("/"),
            headers={"Authorization": f"Bearer {access.key.get_secret_value()}", "Accept": "text/event-stream"},
            timeout=httpx.Timeout(ANSWER_S_MAX, connect=CONNECT_S_MAX),
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def page(self, asked: BackfillAsked, after: datetime) -> list[dict[str, Any]]:
        """Return the oldest stored uplinks after an instant, in the order the server received them.

        Raises
        ------
        StorageAbsent
            If it did not answer in full, however often it was asked.
        StorageRefused
            If it will not answer this.
        Interrupted
            If the process is to end.
        """
        why = ""
        for number in range(TRIES_MAX):
            if self._pause_s and self._wait(self._pause_s):
                raise Interrupted
            try:
                results, headers = self._ask(asked, after)
            except _Later as later:
                why = str(later)
                self._pause_s = min(later.advised_s or BACK_OFF_S * 2**number, WAIT_S_MAX)
                _log.warning("storage_held_back", reason=why, tries=number + 1, retry_s=self._pause_s)
            else:
                self._pause_s = max(60 / self._access.requests_per_min, _refill_s(headers))
                return results
        raise StorageAbsent(f"{why} ({TRIES_MAX} tries)")

    def _ask(self, asked: BackfillAsked, after: datetime) -> tuple[list[dict[str, Any]], httpx.Headers]:
        parameters: dict[str, str | int] = {
            "order": "received_at",
            "limit": PAGE_MESSAGES,
            "after": format_instant(after),
            "before": format_instant(asked.until),
        }
        try:
            with self._client.stream("GET", _path(asked), params=parameters) as response:
                _check(response)
                return _results(_body(response)), response.headers
        except httpx.TransportError as error:
            raise _Later(f"the store cannot be reached: {type(error).__name__}") from None


class _Later(Exception):
    """Not now; ``advised_s`` is how long the server says to wait, 0 when it does not say."""

    def __init__(self, why: str, advised_s: float = 0.0) -> None:
        super().__init__(why)
        self.advised_s = advised_s


def _path(asked: BackfillAsked) -> str:
    device = f"/devices/{quote(asked.external_id, safe='')}" if asked.external_id else ""
    return f"/api/v3/as/applications/{quote(asked.application, safe='')}{device}/packages/storage/uplink_message"


def _check(response: httpx.Response) -> None:
    """Raise unless the answer holds results: `_Later` for what may pass, `StorageRefused` for what will not."""
    status = response.status_code
    if status == httpx.codes.OK:
        return
    if status == httpx.codes.TOO_MANY_REQUESTS:
        raise _Later("the store limits our rate (429)", _advised_s(response.headers))
    if status >= httpx.codes.INTERNAL_SERVER_ERROR or status == httpx.codes.REQUEST_TIMEOUT:
        raise _Later(f"the store fails ({status})", _seconds(response.headers, "Retry-After"))
    meaning = {
        401: "the API key is not known",
        403: "the API key has no right to read the application's traffic",
        404: "there is no such application or device, or its Storage Integration is off",
    }
    raise StorageRefused(f"the store answers {status}: {meaning.get(status, response.reason_phrase)}")


def _body(response: httpx.Response) -> bytes:
    body = bytearray()
    for part in response.iter_bytes():
        body += part
        if len(body) > PAGE_BYTES_MAX:
            raise StorageRefused(f"a page is larger than {PAGE_BYTES_MAX} bytes: ask for fewer messages at once")
    return bytes(body)


def _results(body: bytes) -> list[dict[str, Any]]:
    results = []
    for line in body.split(b"\n"):
        if not line.strip():
            continue
        try:
            told = json.loads(line)
        except (ValueError, RecursionError):
            raise _Later("a line of the store is no JSON") from None
        if not isinstance(told, dict) or not isinstance(told.get("result"), dict):
            raise _Later("the store broke off with an error")
        results.append(told["result"])
    return results


def _advised_s(headers: Mapping[str, str]) -> float:
    names = ("Retry-After", "X-Rate-Limit-Retry", "X-Rate-Limit-Reset")
    return next((advised for name in names if (advised := _seconds(headers, name))), 0.0)


def _refill_s(headers: Mapping[str, str]) -> float:
    """Return how long to wait for the server's allowance to fill; 0 while there is some left, or none is told."""
    left = headers.get("X-Rate-Limit-Available", "")
    spent = left.isdecimal() and int(left) <= SPENT_AT
    return min(_seconds(headers, "X-Rate-Limit-Reset"), WAIT_S_MAX) if spent else 0.0


def _seconds(headers: Mapping[str, str], name: str) -> float:
    # A date, which Retry-After may be too, counts as not told: the back-off then decides.
    text = headers.get(name, "")
    return float(text) if text.isdecimal() and len(text) <= 6 else 0.0
