"""Where a browser is sent, to sign in and to sign out."""

from __future__ import annotations

import json
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

from pydantic import SecretStr

from services.api.doors.oidc_attempt import Attempt
from services.api.doors.oidc_flow import authorization_url, end_session_url
from services.api.doors.oidc_provider import Metadata
from services.api.doors.oidc_settings import Registration

ISSUER = "https://id.example.org"
REGISTRATION = Registration(
    ISSUER, "vigie", SecretStr("a secret"), "https://vigie.example.org", "openid email", "groups", levels=()
)
METADATA = Metadata(
    authorization_url=f"{ISSUER}/auth",
    token_url=f"{ISSUER}/token",
    keys_url=f"{ISSUER}/keys",
    userinfo_url="",
    end_session_url=f"{ISSUER}/end?realm=métropole",
    tells_issuer=True,
    takes_secret_in_body=False,
)
ATTEMPT = Attempt("a state", "a nonce", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "/")


def asked(url: str) -> dict[str, list[str]]:
    """Return what an address asks."""
    return parse_qs(urlsplit(url).query)


def test_the_provider_is_asked_for_no_more_than_it_takes() -> None:
    # ProConnect refuses a parameter that it does not know.
    assert asked(authorization_url(METADATA, REGISTRATION, ATTEMPT)) == {
        "response_type": ["code"],
        "client_id": ["vigie"],
        "redirect_uri": ["https://vigie.example.org/signin/oidc/callback"],
        "scope": ["openid email"],
        "state": ["a state"],
        "nonce": ["a nonce"],
        "code_challenge": ["E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"],
        "code_challenge_method": ["S256"],
    }


def test_levels_of_assurance_are_an_essential_claim() -> None:
    registration = replace(REGISTRATION, levels=("eidas2", "eidas3"))
    claims = json.loads(asked(authorization_url(METADATA, registration, ATTEMPT))["claims"][0])
    assert claims == {"id_token": {"acr": {"essential": True, "values": ["eidas2", "eidas3"]}}}


def test_whoever_comes_again_may_be_somebody_else() -> None:
    assert asked(authorization_url(METADATA, REGISTRATION, ATTEMPT, again=True))["prompt"] == ["login"]


def test_signing_out_there_keeps_what_the_address_asks_already() -> None:
    url = end_session_url(METADATA, REGISTRATION, "an ID token", "a state")
    assert url is not None
    assert asked(url) == {
        "realm": ["métropole"],
        "id_token_hint": ["an ID token"],
        "client_id": ["vigie"],
        "post_logout_redirect_uri": ["https://vigie.example.org/signin"],
        "state": ["a state"],
    }
    assert end_session_url(replace(METADATA, end_session_url=""), REGISTRATION, "an ID token", "a state") is None
