"""The OpenID provider as it describes itself: its addresses and its keys, kept for a while and asked again.

Sources: OpenID Connect Discovery 1.0; OpenID Connect Core 1.0, section 10.1.1 (rotation of keys).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import anyio
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, RSAKey, import_key

from services.api.doors.oidc_settings import Registration, is_loopback
from services.api.doors.oidc_wire import Wire, absent

METADATA_S_MAX = 3_600.0
KEYS_S_MAX = 600.0
"""A key that the provider withdrew is believed for no longer than this."""
KEYS_ASKED_AGAIN_S = 60.0
"""A token that names an unknown key has the keys asked for again, once in this time at most."""
KEYS_MAX = 50
_DISCOVERY = "/.well-known/openid-configuration"


@dataclass(frozen=True, slots=True)
class Metadata:
    """What the provider says of itself.

    Parameters
    ----------
    tells_issuer
        It names itself when it sends people back (RFC 9207), so that an answer without its name is not its own.
    takes_secret_in_body
        It wants the client's secret in the form rather than in the header.
    """

    authorization_url: str
    token_url: str
    keys_url: str
    userinfo_url: str
    end_session_url: str
    tells_issuer: bool
    takes_secret_in_body: bool

    @classmethod
    def parse(cls, said: Mapping[str, Any], registration: Registration) -> Metadata:
        """Take the metadata from a discovery document.

        Raises
        ------
        SignInRefused
            If it is another provider's, lacks an address, or names one without TLS.
        """
        if said.get("issuer") != registration.issuer:
            raise absent("its discovery document names another issuer")
        methods = said.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        if not isinstance(methods, list) or not {"client_secret_basic", "client_secret_post"} & {
            str(m) for m in methods
        }:
            raise absent("it takes a client's secret neither by header nor by form")

        def address(name: str, *, needed: bool = True) -> str:
            url = said.get(name, "")
            if not url and not needed:
                return ""
            local = registration.is_local and is_loopback(str(url))
            if not isinstance(url, str) or not (url.startswith("https://") or local):
                raise absent(f"its discovery document lacks {name}, or gives one without TLS")
            return url

        return cls(
            authorization_url=address("authorization_endpoint"),
            token_url=address("token_endpoint"),
            keys_url=address("jwks_uri"),
            userinfo_url=address("userinfo_endpoint", needed=False),
            end_session_url=address("end_session_endpoint", needed=False),
            tells_issuer=said.get("authorization_response_iss_parameter_supported") is True,
            takes_secret_in_body="client_secret_basic" not in methods,
        )


def public_keys(said: Mapping[str, Any]) -> tuple[Key, ...]:
    """Return the public keys of a key set that signatures may be checked with; all others are left out."""
    listed = said.get("keys")
    if not isinstance(listed, list):
        raise absent("its key set lists no keys")
    found = []
    for one in listed[:KEYS_MAX]:
        if not isinstance(one, dict) or one.get("kty") not in {"RSA", "EC"} or one.get("use", "sig") != "sig":
            continue
        try:
            found.append(import_key(one))
        except (JoseError, ValueError, KeyError):
            continue
    return tuple(found)


def keys_named(keys: Sequence[Key], key_id: str | None, algorithm: str) -> list[Key]:
    """Return the keys that a token of this header may be signed with; without a name, all that fit the algorithm."""
    kind = ECKey if algorithm.startswith("ES") else RSAKey
    return [
        key
        for key in keys
        if isinstance(key, kind) and key_id in {None, key.kid} and key.get("alg", algorithm) == algorithm
    ]


class Provider:
    """The provider's addresses and keys, as fresh as they must be.

    One process asks for them at most once at a time. What was known stays good while the provider does not answer,
    for its whole time.
    """

    def __init__(self, registration: Registration) -> None:
        self.registration = registration
        self.wire = Wire(registration)
        self._turn = anyio.Lock()
        self._metadata: tuple[float, Metadata] | None = None
        self._keys: tuple[float, tuple[Key, ...]] | None = None
        self._missed_s = float("-inf")

    async def metadata(self) -> Metadata:
        """Return what the provider says of itself, at most an hour old.

        Raises
        ------
        SignInRefused
            If it does not say.
        """
        async with self._turn:
            return await self._fresh_metadata()

    async def keys(self, key_id: str | None, algorithm: str) -> list[Key]:
        """Return the keys that a token of this header may be signed with; empty where the provider has none such.

        Raises
        ------
        SignInRefused
            If it does not say.
        """
        async with self._turn:
            metadata = await self._fresh_metadata()
            now_s = time.monotonic()
            if self._keys is None or now_s - self._keys[0] > KEYS_S_MAX:
                self._keys = (now_s, await self._asked_keys(metadata))
            found = keys_named(self._keys[1], key_id, algorithm)
            if not found and now_s - self._missed_s >= KEYS_ASKED_AGAIN_S:
                self._missed_s = now_s
                self._keys = (now_s, await self._asked_keys(metadata))
                found = keys_named(self._keys[1], key_id, algorithm)
            return found

    async def _fresh_metadata(self) -> Metadata:
        now_s = time.monotonic()
        if self._metadata is None or now_s - self._metadata[0] > METADATA_S_MAX:
            said = await self._document(self.registration.issuer.rstrip("/") + _DISCOVERY)
            self._metadata = (now_s, Metadata.parse(said, self.registration))
        return self._metadata[1]

    async def _asked_keys(self, metadata: Metadata) -> tuple[Key, ...]:
        return public_keys(await self._document(metadata.keys_url))

    async def _document(self, url: str) -> dict[str, Any]:
        heard = await self.wire.get(url, {"Accept": "application/json"})
        if heard.status != HTTPStatus.OK:
            raise absent(f"it answered {heard.status} where its documents should be")
        return heard.json()
