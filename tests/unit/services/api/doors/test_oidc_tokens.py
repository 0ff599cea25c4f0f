"""What the provider signed: accepted, and refused for each thing that does not hold."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import ECKey, Key, RSAKey

from services.api.doors.oidc_refusals import Refusal, SignInRefused
from services.api.doors.oidc_tokens import (
    AGE_S_MAX,
    LEEWAY_S,
    Expected,
    check_id_token,
    check_logout_token,
    check_userinfo,
    half_hash,
    header_of,
    signed_claims,
)

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
NOW_S = int(NOW.timestamp())
ISSUER, CLIENT = "https://id.example.org", "vigie"
EXPECTED = Expected(ISSUER, CLIENT, nonce="a nonce", access_token="an access token")
RSA = RSAKey.generate_key(2048, parameters={"kid": "rsa"}, private=True)
EC = ECKey.generate_key("P-256", parameters={"kid": "ec"}, private=True)


def claims(**changed: Any) -> dict[str, Any]:
    """Return good claims of an ID token, but for what is changed; None takes one away."""
    good = {
        "iss": ISSUER,
        "aud": CLIENT,
        "sub": "amina",
        "nonce": "a nonce",
        "iat": NOW_S,
        "exp": NOW_S + 60,
        "at_hash": half_hash("an access token"),
        **changed,
    }
    return {name: value for name, value in good.items() if value is not None}


def signed(key: Key, algorithm: str, said: dict[str, Any] | None = None, **header: Any) -> str:
    """Return a token that this key signed."""
    payload = json.dumps(said if said is not None else claims())
    return jws.serialize_compact({"alg": algorithm, "kid": key.kid, **header}, payload, key, algorithms=[algorithm])


def part(said: dict[str, Any]) -> str:
    """Return a part of a token, written by hand."""
    return base64.urlsafe_b64encode(json.dumps(said).encode()).rstrip(b"=").decode()


@pytest.mark.parametrize(("key", "algorithm"), [(RSA, "RS256"), (RSA, "PS256"), (EC, "ES256")])
def test_a_token_that_the_provider_signed_holds(key: Key, algorithm: str) -> None:
    token = signed(key, algorithm)
    header = header_of(token)
    assert (header.algorithm, header.key_id) == (algorithm, key.kid)
    said = signed_claims(token, header, [key])
    check_id_token(said, EXPECTED, NOW)
    assert said == claims()


def test_a_token_of_another_key_or_of_none_does_not() -> None:
    token = signed(RSAKey.generate_key(2048, parameters={"kid": "rsa"}), "RS256")
    with pytest.raises(SignInRefused, match="signature"):
        signed_claims(token, header_of(token), [RSA])
    with pytest.raises(SignInRefused, match="no key of the provider"):
        signed_claims(token, header_of(token), [])
    with pytest.raises(SignInRefused, match="which key"):
        signed_claims(token, header_of(token), [RSA, EC])


def test_claims_that_were_changed_after_the_signature_do_not_hold() -> None:
    head, _, signature = signed(RSA, "RS256").split(".")
    token = f"{head}.{part(claims(sub='the mayor'))}.{signature}"
    with pytest.raises(SignInRefused, match="signature"):
        signed_claims(token, header_of(token), [RSA])


@pytest.mark.parametrize("algorithm", ["none", "None", "HS256", "HS512", "RS1", "EdDSA", "", None, ["RS256"]])
def test_no_other_algorithm_is_accepted(algorithm: Any) -> None:
    with pytest.raises(SignInRefused, match="algorithm"):
        header_of(f"{part({'alg': algorithm, 'kid': 'rsa'})}.{part(claims())}.")


def test_the_public_key_is_no_shared_secret() -> None:
    head = f"{part({'alg': 'HS256', 'kid': 'rsa'})}.{part(claims())}"
    digest = hmac.new(RSA.as_pem(private=False), head.encode(), hashlib.sha256).digest()
    token = f"{head}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"
    with pytest.raises(SignInRefused, match="algorithm"):
        header_of(token)


@pytest.mark.parametrize(
    ("token", "why"),
    [
        ("", "no signed token"),
        ("a.b", "no signed token"),
        ("a.b.c.d.e", "no signed token"),
        ("a" * 70_000 + ".b.c", "no signed token"),
        ("!.b.c", "cannot be read"),
        (f"{part({'alg': 'RS256', 'crit': ['exp']})}.b.c", "extension"),
        (f"{part({'alg': 'RS256', 'kid': 7})}.b.c", "no text"),
    ],
)
def test_what_is_no_token_of_ours_is_refused(token: str, why: str) -> None:
    with pytest.raises(SignInRefused, match=why):
        header_of(token)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"iss": "https://id.example.org/"}, "another issuer"),
        ({"iss": None}, "another issuer"),
        ({"aud": "another"}, "meant for another"),
        ({"aud": ["another"]}, "meant for another"),
        ({"aud": None}, "meant for another"),
        ({"aud": [CLIENT, "another"]}, "issued to another"),
        ({"aud": [CLIENT, "another"], "azp": "another"}, "issued to another"),
        ({"azp": "another"}, "issued to another"),
        ({"exp": NOW_S - LEEWAY_S}, "out of date"),
        ({"exp": None}, "no exp"),
        ({"exp": "tomorrow"}, "no exp"),
        ({"exp": True}, "no exp"),
        ({"exp": float("inf")}, "no exp"),
        ({"iat": None}, "no iat"),
        ({"iat": NOW_S - AGE_S_MAX - LEEWAY_S - 1}, "too long ago"),
        ({"iat": NOW_S + LEEWAY_S + 1}, "yet to be"),
        ({"nbf": NOW_S + LEEWAY_S + 1}, "not hold yet"),
        ({"nonce": "another"}, "nonce"),
        ({"nonce": None}, "nonce"),
        ({"nonce": "à"}, "nonce"),
        ({"at_hash": half_hash("another")}, "at_hash"),
        ({"sub": None}, "no subject"),
        ({"sub": ""}, "no subject"),
        ({"sub": "a" * 256}, "no subject"),
        ({"sub": "a\nb"}, "no subject"),
        ({"sub": 7}, "no subject"),
    ],
)
def test_an_id_token_is_refused_for_each_claim_that_does_not_hold(changed: dict[str, Any], why: str) -> None:
    with pytest.raises(SignInRefused, match=why) as refused:
        check_id_token(claims(**changed), EXPECTED, NOW)
    assert refused.value.refusal is Refusal.NOT_PROVEN


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": [CLIENT]},
        {"aud": [CLIENT, "another"], "azp": CLIENT},
        {"exp": NOW_S - LEEWAY_S + 1},
        {"iat": NOW_S - AGE_S_MAX - LEEWAY_S},
        {"iat": NOW_S + LEEWAY_S},
        {"nbf": NOW_S + LEEWAY_S},
        {"at_hash": None},
        {"sub": "a" * 255},
        {"exp": NOW_S + 60.5},
    ],
)
def test_its_neighbours_are_accepted(changed: dict[str, Any]) -> None:
    said = claims(**changed)
    check_id_token(said, EXPECTED, NOW)
    assert said["nonce"] == EXPECTED.nonce


def test_the_level_of_assurance_is_one_of_those_asked_for() -> None:
    expected = Expected(ISSUER, CLIENT, "a nonce", "an access token", levels=("eidas2", "eidas3"))
    check_id_token(claims(acr="eidas3"), expected, NOW)
    for acr in ("eidas1", None, ["eidas3"]):
        with pytest.raises(SignInRefused) as refused:
            check_id_token(claims(acr=acr), expected, NOW)
        assert refused.value.refusal is Refusal.LEVEL_TOO_LOW


def test_at_hash_is_that_of_the_standard() -> None:
    # OpenID Connect Core 1.0, appendix A.3.
    assert half_hash("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y") == "77QmUPtjPfzWtF2AnpK9RQ"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"sub": "another"}, "another person"),
        ({}, "another person"),
        ({"sub": "amina", "iss": "https://other.example.org"}, "another issuer"),
        ({"sub": "amina", "aud": "another"}, "meant for another"),
        ({"sub": "amina", "exp": NOW_S - LEEWAY_S}, "out of date"),
    ],
)
def test_userinfo_is_of_the_same_person_and_for_us(said: dict[str, Any], why: str) -> None:
    check_userinfo({"sub": "amina", "iss": ISSUER, "aud": CLIENT, "exp": NOW_S}, "amina", EXPECTED, NOW)
    check_userinfo({"sub": "amina"}, "amina", EXPECTED, NOW)
    with pytest.raises(SignInRefused, match=why):
        check_userinfo(said, "amina", EXPECTED, NOW)


def test_a_logout_token_names_who_signed_out_and_is_no_id_token() -> None:
    event: dict[str, Any] = {"http://schemas.openid.net/event/backchannel-logout": {}}
    assert check_logout_token(claims(nonce=None, events=event), EXPECTED, NOW) == "amina"
    for said in (claims(events=event), claims(nonce=None), claims(nonce=None, events={"another": {}})):
        with pytest.raises(SignInRefused, match="no logout token"):
            check_logout_token(said, EXPECTED, NOW)
    with pytest.raises(SignInRefused, match="nonce"):
        check_id_token(claims(nonce=None, events=event), EXPECTED, NOW)
