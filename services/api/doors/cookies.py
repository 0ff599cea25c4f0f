"""The cookie of a session: what stands in it, and how it is signed, renewed and taken away.

The cookie holds the session's name, which stays while it lives, and the secret of its pass, which changes every hour:
whoever copied the cookie has it for an hour, and the forms that a page shows hold for as long as the session.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from itsdangerous import BadSignature, TimestampSigner, URLSafeTimedSerializer
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.errors import SettingInvalid
from core.settings import DoorSettings

SIGNING_KEY_MIN = 32
RENEWED_AFTER = timedelta(hours=1)
"""How old a session's secret grows in use."""
SECURE_NAME, PLAIN_NAME = "__Host-vigie", "vigie"
"""The cookie's name over https, which no other host can set; and over plain http, which has no such names."""
_SALT = "vigie.session"


@dataclass(frozen=True, slots=True)
class Session:
    """What the cookie holds.

    Parameters
    ----------
    session_id
        Names the session, for as long as it lives; no secret.
    secret
        Of its pass.
    signed_at
        When the cookie was given.
    """

    session_id: str
    secret: str
    signed_at: datetime


class Seal:
    """Signs what we give to a browser, and knows it again.

    Parameters
    ----------
    keys
        What signs, the newest last; what an older one signed still holds.
    """

    def __init__(self, keys: list[str]) -> None:
        self._keys = keys
        self._signer = TimestampSigner(keys, salt=_SALT, digest_method=hashlib.sha256)

    @classmethod
    def of(cls, settings: DoorSettings) -> Seal:
        """Return the seal of these settings.

        Raises
        ------
        SettingInvalid
            If there is no secret, or one that is too short.
        """
        newest = settings.secret.get_secret_value()
        before = settings.secret_previous.get_secret_value()
        for name, key in (("VIGIE_SECRET", newest), ("VIGIE_SECRET_PREVIOUS", before)):
            if len(key) < SIGNING_KEY_MIN and (key or name == "VIGIE_SECRET"):
                raise SettingInvalid(f"{name}: at least {SIGNING_KEY_MIN} characters are needed")
        return cls([key for key in (before, newest) if key])

    def serializer(self, salt: str) -> URLSafeTimedSerializer:
        """Return what signs something else than sessions by the same keys; each such thing has a salt of its own."""
        return URLSafeTimedSerializer(self._keys, salt=salt, signer_kwargs={"digest_method": hashlib.sha256})

    def write(self, session_id: str, secret: str) -> str:
        """Return the value of the cookie of this session."""
        return self._signer.sign(f"{session_id}.{secret}").decode()

    def read(self, value: str) -> Session | None:
        """Return what a cookie holds, None if it was not written by us."""
        try:
            signed, signed_at = self._signer.unsign(value, return_timestamp=True)
        except BadSignature:
            return None
        session_id, _, secret = signed.decode().partition(".")
        return Session(session_id, secret, signed_at.astimezone(UTC))

    def token(self, session_id: str) -> str:
        """Return what requests of this session show so that no other site can make them."""
        return _token(self._keys[-1], session_id)

    def is_token(self, token: str, session_id: str) -> bool:
        """Whether this is what requests of this session show."""
        shown = token.encode(errors="replace")
        return any(hmac.compare_digest(_token(key, session_id).encode(), shown) for key in self._keys)


def _token(key: str, session_id: str) -> str:
    return hmac.new(key.encode(), f"vigie.csrf:{session_id}".encode(), hashlib.sha256).hexdigest()


def new_session_id() -> str:
    """Return the name of a new session."""
    return secrets.token_urlsafe(16)


def cookie_of(request: Request) -> str | None:
    """Return the session's cookie, under the name that this connection gives it."""
    return request.cookies.get(_name(request))


def give_cookie(request: Request, response: Response, value: str) -> None:
    """Give the browser the cookie of a session; the server knows when that ends."""
    response.set_cookie(_name(request), value, path="/", httponly=True, samesite="lax", secure=is_secure(request))


def take_cookie(request: Request, response: Response) -> None:
    """Take the cookie away."""
    response.delete_cookie(_name(request), path="/", httponly=True, samesite="lax", secure=is_secure(request))


def is_secure(request: Request) -> bool:
    """Whether the browser asked over https, to us or to a proxy that we trust."""
    return request.url.scheme == "https"


def _name(request: Request) -> str:
    return SECURE_NAME if is_secure(request) else PLAIN_NAME


class CookieRenewal:
    """Gives the cookie that a request's visitor was renewed with, whatever the answer is made of."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)

        async def renewed(message: Message) -> None:
            value = getattr(request.state, "renewed_cookie", None)
            if message["type"] == "http.response.start" and value is not None:
                carrier = Response()
                give_cookie(request, carrier, value)
                MutableHeaders(scope=message).append("Set-Cookie", carrier.headers["set-cookie"])
            await send(message)

        await self._app(scope, receive, renewed)
