"""What the provider says of itself: taken whole or not at all, and its keys asked for again in measure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import anyio
import pytest
from joserfc.jwk import ECKey, OctKey, RSAKey
from pydantic import SecretStr

from services.api.doors import oidc_provider
from services.api.doors.oidc_provider import KEYS_ASKED_AGAIN_S, KEYS_MAX, Metadata, Provider, keys_named, public_keys
from services.api.doors.oidc_refusals import Refusal, SignInRefused
from services.api.doors.oidc_settings import Registration
from services.api.doors.oidc_wire import Heard, absent

ISSUER = "https://id.example.org"
REGISTRATION = Registration(
    ISSUER, "vigie", SecretStr("a secret"), "https://vigie.example.org", "openid", "groups", levels=()
)
DOCUMENT = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/auth",
    "token_endpoint": f"{ISSUER}/token",
    "jwks_uri": f"{ISSUER}/keys",
    "userinfo_endpoint": f"{ISSUER}/me",
    "end_session_endpoint": f"{ISSUER}/end",
}


def test_a_document_is_read() -> None:
    metadata = Metadata.parse(DOCUMENT, REGISTRATION)
    assert metadata == Metadata(
        authorization_url=f"{ISSUER}/auth",
        token_url=f"{ISSUER}/token",
        keys_url=f"{ISSUER}/keys",
        userinfo_url=f"{ISSUER}/me",
        end_session_url=f"{ISSUER}/end",
        tells_issuer=False,
        takes_secret_in_body=False,
    )
    # Only what a sign-in cannot do without must be there.
    slim = {name: value for name, value in DOCUMENT.items() if not name.startswith(("userinfo", "end_session"))}
    assert Metadata.parse(slim, REGISTRATION).userinfo_url == ""


@pytest.mark.parametrize(
    ("methods", "in_body"),
    [
        (["client_secret_post"], True),
        (["client_secret_post", "client_secret_basic"], False),
        (["private_key_jwt", "client_secret_basic"], False),
    ],
)
def test_the_secret_goes_where_the_provider_takes_it(methods: list[str], *, in_body: bool) -> None:
    document = {**DOCUMENT, "token_endpoint_auth_methods_supported": methods}
    assert Metadata.parse(document, REGISTRATION).takes_secret_in_body is in_body


@pytest.mark.parametrize(
    "changed",
    [
        {"issuer": f"{ISSUER}/"},
        {"issuer": None},
        {"token_endpoint": "http://id.example.org/token"},
        {"jwks_uri": "http://127.0.0.1/keys"},
        {"jwks_uri": 7},
        {"authorization_endpoint": ""},
        {"userinfo_endpoint": "ftp://id.example.org"},
        {"token_endpoint_auth_methods_supported": ["private_key_jwt"]},
        {"token_endpoint_auth_methods_supported": "client_secret_basic"},
    ],
)
def test_a_document_that_does_not_do_is_refused_whole(changed: dict[str, Any]) -> None:
    with pytest.raises(SignInRefused) as refused:
        Metadata.parse({**DOCUMENT, **changed}, REGISTRATION)
    assert refused.value.refusal is Refusal.PROVIDER_ABSENT


def test_only_keys_that_check_signatures_are_taken() -> None:
    rsa, ec = (
        RSAKey.generate_key(2048, parameters={"kid": "rsa"}),
        ECKey.generate_key("P-256", parameters={"kid": "ec"}),
    )
    listed = [
        rsa.as_dict(private=False),
        {**ec.as_dict(private=False), "use": "sig"},
        {**rsa.as_dict(private=False), "use": "enc", "kid": "for secrets"},
        OctKey.generate_key(256).as_dict(private=True),
        {"kty": "RSA", "n": "broken"},
        "no key",
    ]
    found = public_keys({"keys": listed})
    assert [key.kid for key in found] == ["rsa", "ec"]
    assert [key.kid for key in keys_named(found, None, "RS256")] == ["rsa"]
    assert [key.kid for key in keys_named(found, "ec", "ES256")] == ["ec"]
    assert keys_named(found, "rsa", "ES256") == []
    assert keys_named(found, "unknown", "RS256") == []
    pinned = public_keys({"keys": [{**rsa.as_dict(private=False), "alg": "PS256"}]})
    assert keys_named(pinned, "rsa", "RS256") == []
    with pytest.raises(SignInRefused):
        public_keys({"keys": "none"})


def test_more_keys_than_the_bound_are_not_looked_at() -> None:
    one = ECKey.generate_key("P-256").as_dict(private=False)
    assert len(public_keys({"keys": [one] * (KEYS_MAX + 1)})) == KEYS_MAX


class Told:
    """Stands in for the wire: says what is prepared, and counts how often it was asked."""

    def __init__(self, keys: Iterable[str]) -> None:
        self.keys = list(keys)
        self.asked: list[str] = []
        self.is_absent = False

    async def get(self, url: str, headers: Any = None) -> Heard:
        """Say the document at this address."""
        assert headers
        self.asked.append(url.removeprefix(ISSUER))
        if self.is_absent:
            raise absent("it is away")
        if not url.endswith("/keys"):
            return Heard(200, "application/json", str(DOCUMENT).replace("'", '"').encode())
        listed = [ECKey.generate_key("P-256", parameters={"kid": kid}).as_dict(private=False) for kid in self.keys]
        return Heard(200, "application/json", str({"keys": listed}).replace("'", '"').encode())


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that the provider's memory goes by."""
    seconds = [1_000.0]
    monkeypatch.setattr("services.api.doors.oidc_provider.time.monotonic", lambda: seconds[0])
    return seconds


def test_an_unknown_key_has_the_keys_asked_for_again_once_a_minute(clock: list[float]) -> None:
    told = Told(["first"])

    async def sequence() -> None:
        provider = Provider(REGISTRATION)
        provider.wire = told  # type: ignore[assignment] # a fake at the seam
        assert [key.kid for key in await provider.keys("first", "ES256")] == ["first"]
        assert told.asked == ["/.well-known/openid-configuration", "/keys"]
        told.keys = ["second"]
        # The provider changed its key a second later: asked again at once, and the old key is good no more.
        clock[0] += 1
        assert [key.kid for key in await provider.keys("second", "ES256")] == ["second"]
        assert await provider.keys("first", "ES256") == []
        assert told.asked.count("/keys") == 2
        # Whoever invents names of keys makes us ask no more than once a minute.
        for number in range(20):
            assert await provider.keys(f"invented-{number}", "ES256") == []
        assert told.asked.count("/keys") == 2
        clock[0] += KEYS_ASKED_AGAIN_S
        assert await provider.keys("invented", "ES256") == []
        assert told.asked.count("/keys") == 3

    anyio.run(sequence)


def test_a_key_that_was_withdrawn_is_believed_for_ten_minutes_at_most(clock: list[float]) -> None:
    told = Told(["first"])

    async def sequence() -> None:
        provider = Provider(REGISTRATION)
        provider.wire = told  # type: ignore[assignment] # a fake at the seam
        await provider.keys("first", "ES256")
        told.keys = ["second"]
        clock[0] += oidc_provider.KEYS_S_MAX
        assert len(await provider.keys("first", "ES256")) == 1
        clock[0] += 1
        assert await provider.keys("first", "ES256") == []

    anyio.run(sequence)


def test_what_was_known_stays_good_for_its_time_while_the_provider_is_away(clock: list[float]) -> None:
    told = Told(["first"])

    async def sequence() -> None:
        provider = Provider(REGISTRATION)
        provider.wire = told  # type: ignore[assignment] # a fake at the seam
        await provider.keys("first", "ES256")
        told.is_absent = True
        clock[0] += oidc_provider.KEYS_S_MAX
        assert len(await provider.keys("first", "ES256")) == 1
        clock[0] += 1
        with pytest.raises(SignInRefused):
            await provider.keys("first", "ES256")
        told.is_absent = False
        assert len(await provider.keys("first", "ES256")) == 1

    anyio.run(sequence)
