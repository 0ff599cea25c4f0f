"""One sign-in under way: what a browser holds between its going to the provider and its coming back.

Nothing of it is kept here: it stands in a cookie that we signed, so that any api process can end what another began,
and only in the browser that began it. That an attempt is used once is remembered by each process, within bounds; the
code that comes with it is good once, whichever process shows it to the provider.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections import OrderedDict
from dataclasses import asdict, dataclass
from datetime import timedelta

from itsdangerous import BadSignature
from starlette.requests import Request
from starlette.responses import Response

from services.api.doors.cookies import Seal, is_secure
from services.api.doors.oidc_refusals import Refusal, SignInRefused

LASTS = timedelta(minutes=10)
USED_MAX = 10_000
"""Attempts that one process remembers as used: many more than end within ten minutes."""
SECURE_NAME, PLAIN_NAME = "__Host-vigie-signin", "vigie-signin"
_RANDOM_BYTES = 32


@dataclass(frozen=True, slots=True)
class Attempt:
    """A sign-in that a browser began.

    Parameters
    ----------
    state
        Comes back with the browser; whoever does not hold the cookie cannot know it.
    nonce
        Comes back in the ID token, which is thereby good for this sign-in only.
    verifier
        Shown with the code, which is thereby good for us only (PKCE, RFC 7636).
    next_page
        Where the person was going: a path of ours.
    """

    state: str
    nonce: str
    verifier: str
    next_page: str

    @classmethod
    def begun(cls, next_page: str) -> Attempt:
        """Return a new attempt."""
        state, nonce, verifier = (secrets.token_urlsafe(_RANDOM_BYTES) for _ in range(3))
        return cls(state, nonce, verifier, next_page)

    @property
    def challenge(self) -> str:
        """What the provider is told of the verifier (S256)."""
        return base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()


class Attempts:
    """Gives attempts to browsers, and takes each back once.

    Parameters
    ----------
    seal
        Signs what the browser holds.
    """

    def __init__(self, seal: Seal) -> None:
        self._serializer = seal.serializer("vigie.oidc")
        self._used: OrderedDict[str, None] = OrderedDict()

    def give(self, request: Request, response: Response, attempt: Attempt) -> None:
        """Have the browser hold this attempt, in place of any that it began before."""
        response.set_cookie(
            _name(request),
            str(self._serializer.dumps(asdict(attempt))),
            max_age=int(LASTS.total_seconds()),
            path="/",
            httponly=True,
            samesite="lax",
            secure=is_secure(request),
        )

    def end(self, request: Request, response: Response) -> None:
        """Take from the browser what it holds."""
        response.delete_cookie(_name(request), path="/", httponly=True, samesite="lax", secure=is_secure(request))

    def take(self, request: Request, state: str) -> Attempt:
        """Return the attempt of this state; it is thereby used.

        Raises
        ------
        SignInRefused
            If this browser holds no such attempt, began it too long ago, or used it already.
        """
        try:
            said = self._serializer.loads(request.cookies.get(_name(request), ""), max_age=int(LASTS.total_seconds()))
        except BadSignature:
            raise SignInRefused(
                Refusal.STARTED_ELSEWHERE, "this browser holds no attempt, or one that is too old"
            ) from None
        attempt = Attempt(**said)
        if not hmac.compare_digest(attempt.state.encode(), state.encode(errors="replace")):
            raise SignInRefused(Refusal.STARTED_ELSEWHERE, "the state is of another attempt")
        if state in self._used:
            raise SignInRefused(Refusal.STARTED_ELSEWHERE, "the state was used already")
        self._used[state] = None
        if len(self._used) > USED_MAX:
            self._used.popitem(last=False)
        return attempt


def _name(request: Request) -> str:
    return SECURE_NAME if is_secure(request) else PLAIN_NAME
