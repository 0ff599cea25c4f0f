"""Sign-in in the shapes of Keycloak and of ProConnect, and where there is no provider."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from api_process import api_running_with, api_settings
from oidc_house import KeyRing, Said, assert_refused, living, me, resigned

pytestmark = pytest.mark.integration


def test_the_shape_of_keycloak(database_url: str) -> None:
    """Roles of the realm as groups, all in the ID token, which is signed by PS256: userinfo is not asked."""
    client = {"id_token_signed_response_alg": "PS256"}
    settings: dict[str, Any] = {"oidc_groups_claim": "realm_access.roles", "oidc_name": "Keycloak"}
    with living(database_url, client, claims_in_id_token=True, **settings) as house, house.browser() as browser:
        assert house.sign_in(browser, "amina").status_code == 303
        assert [one["role"] for one in me(house, browser).json()["grants"]] == ["dispatcher"]
        assert "/me" not in house.relay.asked


def test_the_shape_of_proconnect(database_url: str) -> None:
    """Signed userinfo, the secret by the form, the organisation as a group, a level of assurance that is asked for."""
    client = {
        "id_token_signed_response_alg": "ES256",
        "userinfo_signed_response_alg": "ES256",
        "token_endpoint_auth_method": "client_secret_post",
    }
    settings: dict[str, Any] = {
        "oidc_scopes": "openid given_name usual_name email siret",
        "oidc_groups_claim": "siret",
        "oidc_acr": "eidas2 eidas3",
    }
    only_by_form = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    with (
        living(database_url, client, **settings) as house,
        house.tampering("/.well-known/openid-configuration", lambda said: said.with_json(**only_by_form)),
    ):
        with house.browser() as browser:
            assert house.sign_in(browser, "amina").status_code == 303
            said = me(house, browser).json()
            assert (said["name"], [one["role"] for one in said["grants"]]) == ("Amina Diallo", ["dispatcher"])
        # This provider asks for a better proof until it has one; what another says is weighed here.
        with house.browser() as browser, pytest.raises(AssertionError, match="does not let go"):
            house.leave(browser, "jean")
        with house.browser() as browser, house.tampering("/token", resigned(house.keys.ec, "ES256", acr="eidas1")):
            assert_refused(house, browser, house.sign_in(browser, "amina"), "level_too_low", 403)
        # A userinfo that another key signed is none.
        stranger = KeyRing.new()

        def forged(said: Said) -> Said:
            wrapped = Said(200, said.headers, json.dumps({"id_token": said.body.decode()}).encode())
            named = type(stranger.ec).import_key(stranger.ec.as_dict(private=True), {"kid": str(house.keys.ec.kid)})
            return Said(200, said.headers, resigned(named, "ES256")(wrapped).json["id_token"].encode())

        with house.browser() as browser, house.tampering("/me", forged):
            assert_refused(house, browser, house.sign_in(browser, "amina"), "not_proven", 403)


def test_without_a_provider_there_is_no_such_way(database_url: str) -> None:
    with api_running_with(api_settings(database_url)) as client:
        root = str(client.base_url).removesuffix("/api/v1/")
        for path in ("/signin/oidc", "/signin/oidc/callback?state=x&code=y", "/signout"):
            assert httpx.get(f"{root}{path}").headers["location"] == "/signin"
        assert httpx.post(f"{root}/signin/oidc/signed-out", data={"logout_token": "x"}).status_code == 404
        assert "/signin/oidc" not in httpx.get(f"{root}/signin").text
