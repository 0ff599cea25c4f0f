"""Settings of the OpenID provider: whole, or refused with the one that is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from core.errors import SettingInvalid
from core.settings import DoorSettings
from services.api.doors.oidc_settings import is_loopback, registration_of

GOOD: dict[str, Any] = {
    "database_door_url": SecretStr("postgresql://door@127.0.0.1/vigie"),
    "public_url": "https://vigie.example.org/",
    "oidc_issuer": "https://id.example.org/realms/metropole",
    "oidc_client_id": "vigie",
    "oidc_client_secret": SecretStr("a secret"),
}


def test_without_an_issuer_there_is_no_provider() -> None:
    assert registration_of(DoorSettings(**{**GOOD, "oidc_issuer": ""})) is None


def test_good_settings_are_a_registration() -> None:
    registration = registration_of(DoorSettings(**GOOD, oidc_acr=" eidas2  eidas3 "))
    assert registration is not None
    assert registration.redirect_uri == "https://vigie.example.org/signin/oidc/callback"
    assert registration.signed_out_uri == "https://vigie.example.org/signin"
    assert registration.levels == ("eidas2", "eidas3")
    assert not registration.is_local


def test_a_provider_of_this_machine_needs_no_tls() -> None:
    local = {**GOOD, "oidc_issuer": "http://127.0.0.1:9000", "public_url": "http://localhost:8080"}
    registration = registration_of(DoorSettings(**local))
    assert registration is not None
    assert registration.is_local


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"public_url": ""}, "VIGIE_PUBLIC_URL"),
        ({"public_url": "http://vigie.example.org"}, "VIGIE_PUBLIC_URL"),
        ({"oidc_issuer": "http://id.example.org"}, "VIGIE_OIDC_ISSUER"),
        ({"oidc_issuer": "http://127.0.0.1.example.org"}, "VIGIE_OIDC_ISSUER"),
        ({"oidc_client_id": ""}, "VIGIE_OIDC_CLIENT_ID"),
        ({"oidc_client_secret": SecretStr("")}, "VIGIE_OIDC_CLIENT_SECRET"),
        ({"oidc_groups_claim": ""}, "VIGIE_OIDC_GROUPS_CLAIM"),
        ({"oidc_scopes": "profile openid2"}, "VIGIE_OIDC_SCOPES"),
        ({"oidc_acr": " ".join(str(number) for number in range(11))}, "VIGIE_OIDC_ACR"),
        ({"oidc_ca_file": Path("/nowhere/ca.pem")}, "VIGIE_OIDC_CA_FILE"),
    ],
)
def test_a_wrong_setting_is_named_and_no_secret_is_told(changed: dict[str, Any], named: str) -> None:
    with pytest.raises(SettingInvalid, match=f"^{named}: ") as refused:
        registration_of(DoorSettings(**{**GOOD, **changed}))
    assert "a secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "is_local"),
    [
        ("http://127.0.0.1:1", True),
        ("http://[::1]/x", True),
        ("http://localhost", True),
        ("http://localhost.example.org", False),
        ("http://10.0.0.1", False),
        ("http://127.1", False),
        ("", False),
    ],
)
def test_loopback_is_known_by_its_words(url: str, *, is_local: bool) -> None:
    assert is_loopback(url) is is_local
