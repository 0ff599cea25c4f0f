"""Whether what the provider signed holds: signature, issuer, audience, times, nonce.

Pure: keys and instants come in as arguments. Sources: OpenID Connect Core 1.0, sections 3.1.3.7 (ID token) and 5.3.4
(userinfo); OpenID Connect Back-Channel Logout 1.0, section 2.6; RFC 8725 (best practices for JSON Web Tokens).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import Key

from services.api.doors.oidc_refusals import Refusal, SignInRefused

ALGORITHMS = ("RS256", "ES256", "PS256")
"""By public keys only: never ``none``, and never HS256, which takes whoever knows the public key at their word."""
LEEWAY_S = 60
"""How far the provider's clock may be from ours."""
AGE_S_MAX = 600
"""An ID token comes straight from the provider: one that was issued longer ago is another's, or is used again."""
TOKEN_BYTES_MAX = 65_536
SUBJECT_MAX = 255
_LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"


@dataclass(frozen=True, slots=True)
class Header:
    """What a token says of its own signature; believed only as far as it chooses among the provider's keys."""

    algorithm: str
    key_id: str | None


@dataclass(frozen=True, slots=True)
class Expected:
    """What a token must say.

    Parameters
    ----------
    nonce
        That of the sign-in which this browser began.
    access_token
        That came with it, whose hash it may carry.
    levels
        Levels of assurance of which one is needed; empty: any.
    """

    issuer: str
    client_id: str
    nonce: str = ""
    access_token: str = ""
    levels: tuple[str, ...] = ()


def header_of(token: str) -> Header:
    """Read a token's header, without believing it.

    Raises
    ------
    SignInRefused
        If it is no signed token, or is signed by an algorithm that is not ours.
    """
    if len(token) > TOKEN_BYTES_MAX or token.count(".") != 2:
        raise _unproven("it is no signed token")
    try:
        said = json.loads(base64.urlsafe_b64decode(token.partition(".")[0] + "=="))
    except (binascii.Error, ValueError):
        raise _unproven("its header cannot be read") from None
    if not isinstance(said, dict) or said.get("alg") not in ALGORITHMS:
        raise _unproven("it is signed by an algorithm that is not accepted")
    if "crit" in said:
        raise _unproven("it asks for an extension that nobody here knows")
    key_id = said.get("kid")
    if key_id is not None and not isinstance(key_id, str):
        raise _unproven("the name of its key is no text")
    return Header(str(said["alg"]), key_id)


def signed_claims(token: str, header: Header, keys: Sequence[Key]) -> dict[str, Any]:
    """Return the claims of a token that one of these keys signed.

    Raises
    ------
    SignInRefused
        If it is signed by none of them, or if it does not say which and there are several.
    """
    if len(keys) != 1:
        raise _unproven("it names no key of the provider" if not keys else "it does not say which key signed it")
    try:
        payload = jws.deserialize_compact(token, keys[0], algorithms=[header.algorithm]).payload
        claims = json.loads(payload or b"")
    except (JoseError, ValueError):
        raise _unproven("its signature does not hold") from None
    if not isinstance(claims, dict):
        raise _unproven("it holds no claims")
    return claims


def check_id_token(claims: Mapping[str, Any], expected: Expected, now: datetime) -> None:
    """Check the claims of an ID token whose signature holds.

    Raises
    ------
    SignInRefused
        With the first that does not hold.
    """
    _check_parties(claims, expected)
    _check_times(claims, now)
    _subject(claims)
    nonce = claims.get("nonce")
    if not isinstance(nonce, str) or not hmac.compare_digest(nonce.encode(), expected.nonce.encode()):
        raise _unproven("its nonce is not that of this sign-in")
    if "at_hash" in claims and claims["at_hash"] != half_hash(expected.access_token):
        raise _unproven("its at_hash is not that of the access token")
    if expected.levels and claims.get("acr") not in expected.levels:
        raise SignInRefused(Refusal.LEVEL_TOO_LOW, "the provider gives another level of assurance than is asked for")


def check_userinfo(claims: Mapping[str, Any], subject: str, expected: Expected, now: datetime) -> None:
    """Check what the userinfo address said, signed or not: it must be of the same person.

    Raises
    ------
    SignInRefused
        With the first that does not hold.
    """
    if claims.get("sub") != subject:
        raise _unproven("userinfo is about another person")
    if claims.get("iss", expected.issuer) != expected.issuer:
        raise _unproven("userinfo is another issuer's")
    if "aud" in claims and expected.client_id not in _audience(claims):
        raise _unproven("userinfo is meant for another")
    if "exp" in claims and now.timestamp() >= _instant(claims, "exp") + LEEWAY_S:
        raise _unproven("userinfo is out of date")


def check_logout_token(claims: Mapping[str, Any], expected: Expected, now: datetime) -> str:
    """Check the provider's word that somebody signed out there; return their subject.

    Raises
    ------
    SignInRefused
        With the first that does not hold.
    """
    _check_parties(claims, expected)
    _check_times(claims, now)
    events = claims.get("events")
    if not isinstance(events, dict) or _LOGOUT_EVENT not in events or "nonce" in claims:
        raise _unproven("it is no logout token")
    return _subject(claims)


def half_hash(token: str) -> str:
    """Return the left half of a token's SHA-256, as ``at_hash`` writes it; all our algorithms are of 256 bits."""
    return base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()[:16]).rstrip(b"=").decode()


def _check_parties(claims: Mapping[str, Any], expected: Expected) -> None:
    if claims.get("iss") != expected.issuer:
        raise _unproven("it is another issuer's")
    audience = _audience(claims)
    if expected.client_id not in audience:
        raise _unproven("it is meant for another")
    # With several audiences the one who asked for it must be named, and must be us.
    if ("azp" in claims or len(audience) > 1) and claims.get("azp") != expected.client_id:
        raise _unproven("it was issued to another")


def _check_times(claims: Mapping[str, Any], now: datetime) -> None:
    now_s = now.timestamp()
    if now_s >= _instant(claims, "exp") + LEEWAY_S:
        raise _unproven("it is out of date")
    issued_s = _instant(claims, "iat")
    if not now_s - AGE_S_MAX - LEEWAY_S <= issued_s <= now_s + LEEWAY_S:
        raise _unproven("it was issued too long ago, or is yet to be")
    if "nbf" in claims and _instant(claims, "nbf") > now_s + LEEWAY_S:
        raise _unproven("it does not hold yet")


def _audience(claims: Mapping[str, Any]) -> tuple[str, ...]:
    said = claims.get("aud")
    return tuple(str(one) for one in said) if isinstance(said, list) else (str(said),)


def _instant(claims: Mapping[str, Any], name: str) -> float:
    said = claims.get(name)
    if isinstance(said, bool) or not isinstance(said, int | float) or not math.isfinite(said):
        raise _unproven(f"it has no {name}")
    return float(said)


def _subject(claims: Mapping[str, Any]) -> str:
    said = claims.get("sub")
    if not isinstance(said, str) or not 0 < len(said) <= SUBJECT_MAX or not said.isprintable():
        raise _unproven("it names no subject")
    return said


def _unproven(why: str) -> SignInRefused:
    return SignInRefused(Refusal.NOT_PROVEN, why)
