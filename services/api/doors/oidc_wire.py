"""Calls to the OpenID provider: the only outgoing HTTP of sign-in, bounded in time and size.

No redirect is followed, and no address is called but by TLS, except where the provider itself is on this machine. The
proxy that the environment names (``HTTPS_PROXY``) is used.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import anyio
import httpx

from services.api.doors.oidc_refusals import Refusal, SignInRefused
from services.api.doors.oidc_settings import Registration, is_loopback

CONNECT_S_MAX = 3.0
ANSWER_S_MAX = 8.0
"""One call, from its beginning to the last byte of its answer."""
ANSWER_BYTES_MAX = 512 * 1024


@dataclass(frozen=True, slots=True)
class Heard:
    """What the provider answered: its status, the media type without parameters, and the body."""

    status: int
    media_type: str
    body: bytes

    def json(self) -> dict[str, Any]:
        """Return the JSON object that it is.

        Raises
        ------
        SignInRefused
            If it is none.
        """
        try:
            found = json.loads(self.body)
        except ValueError:
            raise absent("it did not answer JSON") from None
        if not isinstance(found, dict):
            raise absent("it did not answer a JSON object")
        return found


def absent(why: str) -> SignInRefused:
    """Return the refusal of a sign-in whose provider does not answer as it should."""
    return SignInRefused(Refusal.PROVIDER_ABSENT, why)


class Wire:
    """Asks the provider, one connection a call: sign-ins are rare, and nothing is held open for them."""

    def __init__(self, registration: Registration) -> None:
        self._is_local = registration.is_local
        self._tls = ssl.create_default_context(cafile=registration.authorities)

    async def get(self, url: str, headers: Mapping[str, str] | None = None) -> Heard:
        """Return what the provider answers to a GET.

        Raises
        ------
        SignInRefused
            If it does not answer within the bounds, or with an error of its own.
        """
        return await self._ask(httpx.Request("GET", url, headers=headers))

    async def post(self, url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> Heard:
        """Return what the provider answers to a form.

        Raises
        ------
        SignInRefused
            If it does not answer within the bounds, or with an error of its own.
        """
        return await self._ask(httpx.Request("POST", url, data=dict(form), headers=headers))

    async def _ask(self, request: httpx.Request) -> Heard:
        if request.url.scheme != "https" and not (self._is_local and is_loopback(str(request.url))):
            raise absent("it names an address without TLS")
        try:
            with anyio.fail_after(ANSWER_S_MAX):
                heard = await self._heard(request)
        except (httpx.HTTPError, TimeoutError) as error:
            raise absent(f"it did not answer: {type(error).__name__}") from None
        if heard.status >= HTTPStatus.INTERNAL_SERVER_ERROR or heard.status == HTTPStatus.TOO_MANY_REQUESTS:
            raise absent(f"it answered {heard.status}")
        return heard

    async def _heard(self, request: httpx.Request) -> Heard:
        timeout = httpx.Timeout(ANSWER_S_MAX, connect=CONNECT_S_MAX)
        # A provider on this machine is reached without a proxy, whatever the environment names.
        async with httpx.AsyncClient(verify=self._tls, timeout=timeout, trust_env=not self._is_local) as client:
            answer = await client.send(request, stream=True, follow_redirects=False)
            try:
                body = b""
                async for piece in answer.aiter_bytes():
                    body += piece
                    if len(body) > ANSWER_BYTES_MAX:
                        raise absent(f"its answer is over {ANSWER_BYTES_MAX} bytes")
            finally:
                await answer.aclose()
        return Heard(answer.status_code, answer.headers.get("content-type", "").partition(";")[0].strip().lower(), body)
