"""Sign-in by the OpenID provider, step by step: to the provider, back with a code, and to who it is.

Authorisation code with PKCE. Sources: OpenID Connect Core 1.0, section 3.1; RFC 7636 (PKCE), RFC 9207 (issuer in the
answer), RFC 9700 (best practices of OAuth 2.0); ProConnect's documentation for service providers.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import quote_plus, urlencode, urlsplit

from core.store.identities import Identity
from services.api.doors.oidc_attempt import Attempt
from services.api.doors.oidc_claims import identity_of, lacks
from services.api.doors.oidc_provider import Metadata, Provider
from services.api.doors.oidc_refusals import Refusal, SignInRefused
from services.api.doors.oidc_settings import Registration
from services.api.doors.oidc_tokens import (
    Expected,
    check_id_token,
    check_logout_token,
    check_userinfo,
    header_of,
    signed_claims,
)
from services.api.doors.oidc_wire import absent

SIGNED = "application/jwt"


@dataclass(frozen=True, slots=True)
class Vouched:
    """Who the provider vouches for, and the ID token by which it knows them again when they sign out."""

    identity: Identity
    id_token: str


@dataclass(frozen=True, slots=True)
class Returned:
    """What a browser brings back from the provider."""

    code: str = ""
    error: str = ""
    issuer: str = ""


def authorization_url(metadata: Metadata, registration: Registration, attempt: Attempt, *, again: bool = False) -> str:
    """Return where the browser goes to sign in; ``again``: though they are signed in there, as somebody else maybe."""
    asked = {
        "response_type": "code",
        "client_id": registration.client_id,
        "redirect_uri": registration.redirect_uri,
        "scope": registration.scopes,
        "state": attempt.state,
        "nonce": attempt.nonce,
        "code_challenge": attempt.challenge,
        "code_challenge_method": "S256",
    }
    if registration.levels:
        # Not acr_values, which a provider may pass over: an essential claim it may not (Core 1.0, section 5.5.1.1).
        asked["claims"] = json.dumps({"id_token": {"acr": {"essential": True, "values": list(registration.levels)}}})
    if again:
        asked["prompt"] = "login"
    return _with_query(metadata.authorization_url, asked)


def end_session_url(metadata: Metadata, registration: Registration, id_token: str, state: str) -> str | None:
    """Return where the browser goes to sign out at the provider, too; None where that is nowhere."""
    if not metadata.end_session_url:
        return None
    hint = {"id_token_hint": id_token} if id_token else {}
    asked = {
        **hint,
        "client_id": registration.client_id,
        "post_logout_redirect_uri": registration.signed_out_uri,
        "state": state,
    }
    return _with_query(metadata.end_session_url, asked)


async def vouched(provider: Provider, attempt: Attempt, returned: Returned, now: datetime) -> Vouched:
    """Return who came back, once all that the provider said of them holds.

    Raises
    ------
    SignInRefused
        If it said no, does not answer, or said what does not hold.
    """
    registration = provider.registration
    metadata = await provider.metadata()
    if returned.issuer != registration.issuer and (returned.issuer or metadata.tells_issuer):
        raise SignInRefused(Refusal.NOT_PROVEN, "the answer is another issuer's")
    if returned.error or not returned.code:
        # The word is the provider's, or anybody's who made the address: it is not repeated.
        raise SignInRefused(Refusal.PROVIDER_REFUSED, "the provider sent back no code")
    tokens = await _exchanged(provider, metadata, attempt, returned.code)
    id_token, access_token = (_text(tokens, name) for name in ("id_token", "access_token"))
    expected = Expected(registration.issuer, registration.client_id, attempt.nonce, access_token, registration.levels)
    claims = await _signed(provider, id_token)
    check_id_token(claims, expected, now)
    said = [claims]
    if lacks(claims, registration.groups_claim) and metadata.userinfo_url:
        said.append(await _userinfo(provider, metadata, expected, (str(claims["sub"]), now)))
    return Vouched(identity_of(registration.issuer, said, registration.groups_claim), id_token)


async def signed_out_subject(provider: Provider, logout_token: str, now: datetime) -> str:
    """Return whose sessions end, by the provider's own word (back-channel logout).

    Raises
    ------
    SignInRefused
        If the token does not hold.
    """
    expected = Expected(provider.registration.issuer, provider.registration.client_id)
    return check_logout_token(await _signed(provider, logout_token), expected, now)


async def _signed(provider: Provider, token: str) -> dict[str, Any]:
    header = header_of(token)
    return signed_claims(token, header, await provider.keys(header.key_id, header.algorithm))


async def _exchanged(provider: Provider, metadata: Metadata, attempt: Attempt, code: str) -> dict[str, Any]:
    registration = provider.registration
    secret = registration.client_secret.get_secret_value()
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": registration.redirect_uri,
        "code_verifier": attempt.verifier,
    }
    headers = {"Accept": "application/json"}
    if metadata.takes_secret_in_body:
        form |= {"client_id": registration.client_id, "client_secret": secret}
    else:
        # RFC 6749, section 2.3.1: both are form-encoded before they are joined.
        pair = f"{quote_plus(registration.client_id)}:{quote_plus(secret)}"
        headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    heard = await provider.wire.post(metadata.token_url, form, headers)
    # RFC 6749, section 5.2: 400 for a code that is not good, 401 for a client whose secret is not.
    if heard.status == HTTPStatus.BAD_REQUEST:
        raise SignInRefused(Refusal.NOT_PROVEN, "the provider does not take the code")
    if heard.status != HTTPStatus.OK:
        raise absent(f"it answered {heard.status} to the code")
    return heard.json()


async def _userinfo(
    provider: Provider, metadata: Metadata, expected: Expected, whom: tuple[str, datetime]
) -> dict[str, Any]:
    subject, now = whom
    headers = {"Authorization": f"Bearer {expected.access_token}", "Accept": f"{SIGNED}, application/json"}
    heard = await provider.wire.get(metadata.userinfo_url, headers)
    if heard.status != HTTPStatus.OK:
        raise absent(f"its userinfo address answered {heard.status}")
    claims = (
        await _signed(provider, heard.body.decode("ascii", "replace")) if heard.media_type == SIGNED else heard.json()
    )
    check_userinfo(claims, subject, expected, now)
    return claims


def _text(said: Mapping[str, Any], name: str) -> str:
    found = said.get(name)
    if not isinstance(found, str) or not found:
        raise absent(f"its answer to the code lacks {name}")
    return found


def _with_query(url: str, asked: Mapping[str, str]) -> str:
    return f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(asked)}"
