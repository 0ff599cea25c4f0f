"""A real OpenID provider, a relay before it that may tamper with what it says, and an API that knows only the relay."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pytest
from api_process import api_running_with, api_settings
from conftest import ROOT, fresh_port
from joserfc import jws
from joserfc.jwk import ECKey, Key, RSAKey
from pydantic import SecretStr

from core.clock import now
from core.roles import Grant, Role
from core.store.people import write_group_grants
from core.store.pool import connected

HERE = Path(__file__).resolve().parent
PROVIDER = HERE / "oidc_provider.mjs"
CLIENT_ID, CLIENT_SECRET = "vigie", "a secret: of the tests & of nobody else"
ALGORITHMS = ("RS256", "PS256", "ES256")
COMMUNE = "93066"
STEPS_MAX = 8
"""Redirects of one sign-in, at the provider."""


@dataclass(frozen=True)
class Said:
    """What the provider answered, as the relay passes it on."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read."""
        return json.loads(self.body)

    def with_json(self, **changed: Any) -> Said:
        """Return the same answer with other members."""
        return replace(self, body=json.dumps({**self.json, **changed}).encode())


Tamper = Callable[[Said], Said]


@dataclass
class Relay:
    """Stands between the world and the provider, under the provider's name; tampers with what it is told to.

    Parameters
    ----------
    tampers
        By path: what is done to the provider's answer.
    asked
        The paths that were asked, in order.
    """

    server: ThreadingHTTPServer
    provider_port: int = 0
    tampers: dict[str, Tamper] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    is_down: bool = False

    @property
    def issuer(self) -> str:
        """The name that the provider goes by."""
        return f"http://127.0.0.1:{self.server.server_port}"

    def passed_on(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Said:
        """Return what the provider answers, tampered with."""
        bare = path.partition("?")[0]
        self.asked.append(bare)
        if self.is_down:
            return Said(502, (), b"the provider is down")
        answer = httpx.request(
            method, f"http://127.0.0.1:{self.provider_port}{path}", headers=dict(headers), content=body, timeout=10
        )
        kept = tuple(
            (name, value)
            for name, value in answer.headers.multi_items()
            if name.lower() not in {"transfer-encoding", "content-length", "connection", "content-encoding"}
        )
        said = Said(answer.status_code, kept, answer.content)
        tamper = self.tampers.get(bare)
        return said if tamper is None else tamper(said)


@contextmanager
def relaying() -> Iterator[Relay]:
    """Run a relay; it is told of its provider later."""
    relay: Relay

    class Passing(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.pass_on()

        def do_POST(self) -> None:
            self.pass_on()

        def pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            said = relay.passed_on(self.command, self.path, dict(self.headers.items()), body)
            self.send_response(said.status)
            for name, value in said.headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(said.body)))
            self.end_headers()
            self.wfile.write(said.body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Passing)
    relay = Relay(server)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield relay
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()


@dataclass
class KeyRing:
    """The keys of the provider, which the tests hold too: with them they forge what it could sign.

    Parameters
    ----------
    named
        By what they sign, their name and the algorithm: a new ring has new keys under new names.
    """

    rsa: RSAKey
    ec: ECKey

    made: ClassVar[int] = 0

    @classmethod
    def new(cls) -> KeyRing:
        """Return a ring of new keys."""
        cls.made += 1
        return cls(
            RSAKey.generate_key(2048, parameters={"kid": f"rsa-{cls.made}", "use": "sig"}),
            ECKey.generate_key("P-256", parameters={"kid": f"ec-{cls.made}", "use": "sig"}),
        )

    def as_set(self) -> dict[str, Any]:
        """Return the private keys as the provider takes them."""
        return {"keys": [self.rsa.as_dict(private=True), self.ec.as_dict(private=True)]}


class Provider:
    """The provider's process, at its standard input."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def tell(self, **command: Any) -> None:
        """Tell it something, and wait until it took it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline() == "done\n"


@contextmanager
def providing(description: Mapping[str, Any]) -> Iterator[tuple[Provider, int]]:
    """Run the provider and give it with its port; the test is skipped, saying so, where it is not installed."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node.js is not installed")
    if not (HERE.parent.parent / "node_modules" / "oidc-provider").is_dir():
        pytest.skip("node_modules is absent: ./run test fetches it")
    process = subprocess.Popen(
        [node, str(PROVIDER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(json.dumps(description) + "\n")
        process.stdin.flush()
        yield Provider(process), int(process.stdout.readline())
    finally:
        process.stdin.close()
        process.wait(10)
        process.stdout.close()


def claims_of(token: str) -> dict[str, Any]:
    """Return what a token claims, without believing it."""
    payload = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims


def resigned(key: Key, algorithm: str = "RS256", **changed: Any) -> Tamper:
    """Return what changes claims of the ID token and signs it anew; None takes a claim away."""

    def tampered(said: Said) -> Said:
        if "id_token" not in said.json:
            return said
        claims = {**claims_of(said.json["id_token"]), **changed}
        kept = {name: value for name, value in claims.items() if value is not None}
        header = {"alg": algorithm, "kid": key.kid}
        token = jws.serialize_compact(header, json.dumps(kept), key, algorithms=[algorithm])
        return said.with_json(id_token=token)

    return tampered


@dataclass
class House:
    """Everything of one sign-in: the relay, the provider behind it, and the API.

    Parameters
    ----------
    api
        Its address.
    keys
        What the provider signs with.
    """

    api: str
    relay: Relay
    provider: Provider
    keys: KeyRing
    database_url: str

    def browser(self) -> httpx.Client:
        """Return a browser that never was here; it goes only where it is told to."""
        return httpx.Client(timeout=10, headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"})

    def leave(self, browser: httpx.Client, person: str | None, next_page: str = "/") -> str:
        """Begin a sign-in and pass the provider as this person; return the address that brings the browser back."""
        self.provider.tell(person=person)
        answer = browser.get(f"{self.api}/signin/oidc", params={"next": next_page})
        for _ in range(STEPS_MAX):
            goes_to = str(answer.next_request.url) if answer.next_request else ""
            if goes_to.startswith(f"{self.api}/signin/oidc/callback"):
                return goes_to
            assert goes_to, f"{answer.status_code} on the way: {answer.text[:2_000]}"
            answer = browser.get(goes_to)
        raise AssertionError(f"the provider does not let go of {person}")

    def sign_in(self, browser: httpx.Client, person: str | None, next_page: str = "/") -> httpx.Response:
        """Go the whole way; return what the API answers to the one who comes back."""
        return browser.get(self.leave(browser, person, next_page))

    @contextmanager
    def tampering(self, path: str, tamper: Tamper) -> Iterator[None]:
        """Have the relay change what the provider answers at this path."""
        self.relay.tampers[path] = tamper
        try:
            yield
        finally:
            del self.relay.tampers[path]


REFUSALS = json.loads((ROOT / "dashboards" / "words" / "fr.json").read_text(encoding="utf-8"))["signin"]["refusals"]
PEOPLE: dict[str, Any] = {
    "amina": {
        "claims": {
            "name": "Amina Diallo",
            "given_name": "Amina",
            "usual_name": "Diallo",
            "email": "amina@example.org",
            "groups": ["vigie-tournees", "all"],
            "realm_access": {"roles": ["vigie-tournees", "offline_access"]},
            "siret": "21930066300012",
        },
        "acr": "eidas2",
    },
    "jean": {"claims": {"name": "Jean Sans-Rôle", "groups": ["all"], "siret": "21750001600019"}, "acr": "eidas1"},
}
SCOPES = {
    "openid": ["sub"],
    "profile": ["name", "groups", "realm_access"],
    "email": ["email"],
    "given_name": ["given_name"],
    "usual_name": ["usual_name"],
    "siret": ["siret"],
}


def description(issuer: str, api: str, keys: KeyRing, **client: Any) -> dict[str, Any]:
    """Return what the provider is to be: one client, the people, and how it signs."""
    return {
        "issuer": issuer,
        "clients": [
            {
                "client_id": CLIENT_ID,
                "client_secret": CLIENT_SECRET,
                "redirect_uris": [f"{api}/signin/oidc/callback"],
                "post_logout_redirect_uris": [f"{api}/signin"],
                "backchannel_logout_uri": f"{api}/signin/oidc/signed-out",
                "scope": " ".join(SCOPES),
                **client,
            }
        ],
        "people": PEOPLE,
        "scopes": SCOPES,
        "levels": ["eidas1", "eidas2", "eidas3"],
        "claimsInIdToken": False,
        "algorithms": {
            "clientAuthSigningAlgValues": list(ALGORITHMS),
            "idTokenSigningAlgValues": list(ALGORITHMS),
            "userinfoSigningAlgValues": list(ALGORITHMS),
        },
        "keys": keys.as_set(),
    }


@contextmanager
def living(
    database_url: str, client: Mapping[str, Any] | None = None, *, claims_in_id_token: bool = False, **settings: Any
) -> Iterator[House]:
    """Give a house whose groups have a role each in one commune; ``client`` is how the provider knows us."""
    with ExitStack() as stack:
        keys, relay, port = KeyRing.new(), stack.enter_context(relaying()), fresh_port()
        api = f"http://127.0.0.1:{port}"
        described = description(relay.issuer, api, keys, **(client or {}))
        described["claimsInIdToken"] = claims_in_id_token
        provider, relay.provider_port = stack.enter_context(providing(described))
        asked = {
            "public_url": api,
            "oidc_issuer": relay.issuer,
            "oidc_client_id": CLIENT_ID,
            "oidc_client_secret": SecretStr(CLIENT_SECRET),
            **settings,
        }
        with connected(database_url) as connection:
            for group in ("vigie-tournees", "21930066300012"):
                write_group_grants(connection, group, [], [Grant(Role.DISPATCHER, COMMUNE)], now())
        stack.enter_context(api_running_with(api_settings(database_url, **asked), port))
        yield House(api, relay, provider, keys, database_url)


def me(house: House, browser: httpx.Client) -> httpx.Response:
    """Return who the API says this browser is."""
    return browser.get(f"{house.api}/api/v1/me", headers={"Sec-Fetch-Site": "same-origin"})


def assert_refused(house: House, browser: httpx.Client, answer: httpx.Response, refusal: str, status: int) -> None:
    """Check that nobody was let in, and that the page that they are led to says why in words."""
    assert answer.status_code == 303, answer.text
    page = browser.get(f"{house.api}{answer.headers['location']}")
    assert (page.status_code, page.headers["cache-control"]) == (status, "no-store"), page.text
    assert REFUSALS[refusal].format(provider="ProConnect") in page.text
    # In the other language it is said at the same address.
    assert f"refusal={refusal}" in page.text.partition('hreflang="en"')[0].rpartition("href=")[2]
    assert ("Retry-After" in page.headers) is (refusal == "provider_absent")
    assert "vigie" not in browser.cookies
    assert me(house, browser).status_code == 401
