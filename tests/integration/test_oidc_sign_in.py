"""Sign-in by a real OpenID provider: the whole way, and every way that must not lead in."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from oidc_house import (
    CLIENT_ID,
    COMMUNE,
    House,
    KeyRing,
    Said,
    Tamper,
    assert_refused,
    claims_of,
    living,
    me,
    resigned,
)

from core.clock import now
from core.store.people import disable_person, enable_person, read_people
from core.store.pool import connected
from services.api.doors import oidc_provider, oidc_wire
from vigie.embedded import DatabaseServer

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def house(database_server: DatabaseServer, template: str) -> Iterator[House]:
    """One house for all tests of this module: each comes with a browser of its own."""
    name = "oidc_house"
    with living(database_server.create(name, template=template)) as house:
        yield house
    database_server.drop(name)


def test_whom_the_provider_vouches_for_is_let_in_with_what_their_groups_give(house: House) -> None:
    with house.browser() as browser:
        answer = house.sign_in(browser, "amina", "/tournees?day=2026-03-02")
        assert (answer.status_code, answer.headers["location"]) == (303, "/tournees?day=2026-03-02")
        session, hint = answer.headers.get_list("set-cookie")[:2]
        assert session.startswith("vigie=")
        assert {"HttpOnly", "Path=/", "SameSite=lax"} <= set(session.split("; "))
        assert {"HttpOnly", "Path=/signout", "SameSite=strict"} <= set(hint.split("; "))
        # What the sign-in needed meanwhile is gone.
        assert "vigie-signin" not in browser.cookies
        said = me(house, browser).json()
        assert said["name"] == "Amina Diallo"
        assert [(one["role"], one["commune_insee"]) for one in said["grants"]] == [("dispatcher", COMMUNE)]
    with connected(house.database_url) as connection:
        person = next(one for one in read_people(connection) if one.subject == "amina")
        acts = connection.execute("SELECT what, after FROM audit WHERE person_id = %s", (person.person_id,)).fetchall()
    assert (person.issuer, person.name, person.email) == (house.relay.issuer, "Amina Diallo", "amina@example.org")
    assert ("signed_in", {"way": "oidc"}) in acts


def test_a_name_that_changed_there_changes_here_and_the_person_stays_one(house: House) -> None:
    renamed = Said(200, (), b"")

    def told(said: Said) -> Said:
        nonlocal renamed
        renamed = said.with_json(name="Amina Diallo-Martin", email="adm@example.org")
        return renamed

    with house.browser() as browser, house.tampering("/me", told):
        assert house.sign_in(browser, "amina").status_code == 303
        assert me(house, browser).json()["name"] == "Amina Diallo-Martin"
    with connected(house.database_url) as connection:
        people = [one for one in read_people(connection) if one.subject == "amina"]
    assert [(one.name, one.email) for one in people] == [("Amina Diallo-Martin", "adm@example.org")]
    assert renamed.status == 200


def test_nobody_without_a_role_gets_in_and_administrators_find_them(house: House) -> None:
    with house.browser() as browser:
        assert_refused(house, browser, house.sign_in(browser, "jean"), "no_role", 403)
    with connected(house.database_url) as connection:
        person = next(one for one in read_people(connection) if one.subject == "jean")
        acts = connection.execute("SELECT what FROM audit WHERE person_id = %s", (person.person_id,)).fetchall()
    assert person.grants == ()
    assert acts == [("sign_in_refused",)]


def test_a_disabled_person_is_refused_whatever_the_provider_says(house: House) -> None:
    with house.browser() as first, house.browser() as second:
        assert house.sign_in(first, "amina").status_code == 303
        with connected(house.database_url) as connection:
            person = next(one for one in read_people(connection) if one.subject == "amina")
            disable_person(connection, person.person_id, now())
        try:
            assert_refused(house, second, house.sign_in(second, "amina"), "disabled", 403)
        finally:
            with connected(house.database_url) as connection:
                enable_person(connection, person.person_id)


def test_whoever_turns_back_at_the_provider_is_told_so(house: House) -> None:
    with house.browser() as browser:
        assert_refused(house, browser, house.sign_in(browser, None), "provider_refused", 403)


# --- what the provider's token must not be -------------------------------------------------------------------------


def unsigned(said: Said) -> Said:
    """Say ``alg: none``, and sign nothing."""
    head = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    return said.with_json(id_token=f"{head}.{said.json['id_token'].split('.')[1]}.")


def signed_with_the_public_key(house: House) -> Tamper:
    """Sign with what everybody knows, as if it were a shared secret."""

    def tampered(said: Said) -> Said:
        header = json.dumps({"alg": "HS256", "kid": house.keys.rsa.kid}).encode()
        text = f"{base64.urlsafe_b64encode(header).rstrip(b'=').decode()}.{said.json['id_token'].split('.')[1]}"
        digest = hmac.new(house.keys.rsa.as_pem(private=False), text.encode(), hashlib.sha256).digest()
        return said.with_json(id_token=f"{text}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}")

    return tampered


def broken_signature(said: Said) -> Said:
    """Change who it is, and leave the signature as it was."""
    head, _, signature = said.json["id_token"].split(".")
    claims = json.dumps({**claims_of(said.json["id_token"]), "sub": "jean"}).encode()
    return said.with_json(id_token=f"{head}.{base64.urlsafe_b64encode(claims).rstrip(b'=').decode()}.{signature}")


def another_key(house: House) -> Tamper:
    """Sign with a key of our own under the name of the provider's."""
    stranger = KeyRing.new().rsa
    named = type(stranger).import_key(stranger.as_dict(private=True), {"kid": str(house.keys.rsa.kid)})
    return resigned(named)


FORGED: dict[str, Callable[[House], Tamper]] = {
    "unsigned": lambda _: unsigned,
    "signed with the public key": signed_with_the_public_key,
    "changed after the signature": lambda _: broken_signature,
    "another key": another_key,
    "expired": lambda house: resigned(house.keys.rsa, iat=int(time.time()) - 300, exp=int(time.time()) - 120),
    "not yet": lambda house: resigned(house.keys.rsa, nbf=int(time.time()) + 300),
    "of long ago": lambda house: resigned(house.keys.rsa, iat=int(time.time()) - 3_600),
    "another audience": lambda house: resigned(house.keys.rsa, aud="another"),
    "several audiences": lambda house: resigned(house.keys.rsa, aud=[CLIENT_ID, "another"]),
    "another party": lambda house: resigned(house.keys.rsa, azp="another"),
    "another issuer": lambda house: resigned(house.keys.rsa, iss="https://id.example.org"),
    "another nonce": lambda house: resigned(house.keys.rsa, nonce="n" * 43),
    "no nonce": lambda house: resigned(house.keys.rsa, nonce=None),
    "another access token": lambda house: resigned(house.keys.rsa, at_hash="n" * 22),
    "no subject": lambda house: resigned(house.keys.rsa, sub=None),
}


@pytest.mark.parametrize("forged", FORGED)
def test_a_token_that_does_not_hold_lets_nobody_in(house: House, forged: str) -> None:
    with house.browser() as browser, house.tampering("/token", FORGED[forged](house)):
        assert_refused(house, browser, house.sign_in(browser, "amina"), "not_proven", 403)


def test_a_token_that_the_test_signs_with_the_providers_key_and_changes_nothing_in_holds(house: House) -> None:
    # Without this, each refusal above could be of the forging itself.
    for key, algorithm in ((house.keys.rsa, "RS256"), (house.keys.rsa, "PS256"), (house.keys.ec, "ES256")):
        with house.browser() as browser, house.tampering("/token", resigned(key, algorithm)):
            assert house.sign_in(browser, "amina").status_code == 303


def test_userinfo_of_somebody_else_lets_nobody_in(house: House) -> None:
    with house.browser() as browser, house.tampering("/me", lambda said: said.with_json(sub="the mayor")):
        assert_refused(house, browser, house.sign_in(browser, "amina"), "not_proven", 403)


# --- what a browser must not bring back ----------------------------------------------------------------------------


def test_a_way_back_is_good_once(house: House) -> None:
    with house.browser() as browser:
        back = house.leave(browser, "amina")
        held = dict(browser.cookies)
        assert browser.get(back).status_code == 303
    # The same address again, in the same browser and with all that it held: the state is used, and so is the code.
    with house.browser() as again:
        again.cookies.update({"vigie-signin": held["vigie-signin"]})
        assert_refused(house, again, again.get(back), "started_elsewhere", 400)


def test_a_code_is_good_once_whichever_attempt_shows_it(house: House) -> None:
    with house.browser() as browser, house.browser() as thief:
        back = httpx.URL(house.leave(browser, "amina"))
        assert browser.get(back).status_code == 303
        own = httpx.URL(house.leave(thief, "jean"))
        stolen = own.copy_set_param("code", back.params["code"])
        assert_refused(house, thief, thief.get(stolen), "not_proven", 403)


def test_a_code_that_was_not_used_is_good_for_the_browser_that_asked_for_it_only(house: House) -> None:
    with house.browser() as browser, house.browser() as thief:
        back = httpx.URL(house.leave(browser, "amina"))
        # By its own address: no attempt, or another.
        assert_refused(house, thief, thief.get(back), "started_elsewhere", 400)
        own = httpx.URL(house.leave(thief, "jean"))
        assert_refused(house, thief, thief.get(back), "started_elsewhere", 400)
        # By the code alone: it was asked for with another verifier (PKCE).
        stolen = own.copy_set_param("code", back.params["code"])
        assert_refused(house, thief, thief.get(stolen), "not_proven", 403)


@pytest.mark.parametrize(
    ("changed", "refusal", "status"),
    [
        ({"state": "s" * 43}, "started_elsewhere", 400),
        ({"state": ""}, "started_elsewhere", 400),
        ({"code": ""}, "provider_refused", 403),
        ({"code": "invented"}, "not_proven", 403),
        ({"iss": "https://id.example.org"}, "not_proven", 403),
        ({"iss": ""}, "not_proven", 403),
        ({"error": "server_error"}, "provider_refused", 403),
    ],
)
def test_a_way_back_that_was_changed_leads_nowhere(
    house: House, changed: dict[str, str], refusal: str, status: int
) -> None:
    with house.browser() as browser:
        back = httpx.URL(house.leave(browser, "amina"))
        assert_refused(house, browser, browser.get(back.copy_merge_params(changed)), refusal, status)


def test_the_provider_gives_no_code_without_a_challenge(house: House) -> None:
    with house.browser() as browser:
        house.provider.tell(person="amina")
        goes_to = httpx.URL(browser.get(f"{house.api}/signin/oidc").headers["location"])
        assert (goes_to.params["code_challenge_method"], len(goes_to.params["code_challenge"])) == ("S256", 43)
        without = goes_to.copy_remove_param("code_challenge").copy_remove_param("code_challenge_method")
        answer = browser.get(without)
        assert "code=" not in answer.headers["location"]
        assert_refused(house, browser, browser.get(answer.headers["location"]), "provider_refused", 403)


@pytest.mark.parametrize(
    "asked", ["https://elsewhere.example", "//elsewhere.example", "/\\elsewhere.example", "/\t/elsewhere.example", ""]
)
def test_the_way_on_leads_nowhere_but_home(house: House, asked: str) -> None:
    with house.browser() as browser:
        assert house.sign_in(browser, "amina", asked).headers["location"] == "/"


# --- keys ----------------------------------------------------------------------------------------------------------


def test_new_keys_are_taken_and_those_that_were_rotated_out_are_not(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oidc_provider, "KEYS_ASKED_AGAIN_S", 0.0)
    with house.browser() as browser:
        assert house.sign_in(browser, "amina").status_code == 303
    before, after = house.keys, KeyRing.new()
    house.provider.tell(keys=after.as_set())
    house.keys = after
    asked = house.relay.asked.count("/jwks")
    with house.browser() as browser:
        assert house.sign_in(browser, "amina").status_code == 303
    assert house.relay.asked.count("/jwks") == asked + 1
    with house.browser() as browser, house.tampering("/token", resigned(before.rsa)):
        assert_refused(house, browser, house.sign_in(browser, "amina"), "not_proven", 403)


# --- a provider that does not do its part --------------------------------------------------------------------------


def test_while_the_provider_is_down_people_are_told_and_a_password_still_works(house: House) -> None:
    with house.browser() as browser:
        back = house.leave(browser, "amina")
        house.relay.is_down = True
        try:
            assert_refused(house, browser, browser.get(back), "provider_absent", 503)
            form = browser.get(f"{house.api}/signin")
            assert (form.status_code, 'name="password"' in form.text) == (200, True)
        finally:
            house.relay.is_down = False


def moved(said: Said) -> Said:
    """Send whoever asks elsewhere."""
    return Said(302, (("Location", "http://127.0.0.1:1/token"),), said.body)


def endless(said: Said) -> Said:
    """Say more than anybody wants to hear."""
    return Said(200, said.headers, b"[" + b" " * (oidc_wire.ANSWER_BYTES_MAX + 1) + b"]")


def slow(said: Said) -> Said:
    """Let whoever asks wait."""
    time.sleep(0.6)
    return said


@pytest.mark.parametrize(
    ("tamper", "refusal", "status"),
    [
        (moved, "provider_absent", 503),
        (endless, "provider_absent", 503),
        (slow, "provider_absent", 503),
        (lambda said: Said(200, said.headers, b"<html>"), "provider_absent", 503),
        (lambda said: Said(200, said.headers, b"[]"), "provider_absent", 503),
        (lambda said: Said(200, said.headers, b"{}"), "provider_absent", 503),
        (lambda said: Said(500, said.headers, b"{}"), "provider_absent", 503),
        (lambda said: Said(429, said.headers, b"{}"), "provider_absent", 503),
        (lambda said: Said(401, said.headers, b"{}"), "provider_absent", 503),
    ],
    ids=["moved", "endless", "slow", "no JSON", "no object", "no token", "broken", "busy", "our secret is wrong"],
)
def test_an_answer_that_is_none_is_the_providers_absence(
    house: House, monkeypatch: pytest.MonkeyPatch, tamper: Tamper, refusal: str, status: int
) -> None:
    monkeypatch.setattr(oidc_wire, "ANSWER_S_MAX", 0.5)
    with house.browser() as browser, house.tampering("/token", tamper):
        assert_refused(house, browser, house.sign_in(browser, "amina"), refusal, status)


# --- signing out ---------------------------------------------------------------------------------------------------


def test_signing_out_here_goes_on_to_the_provider_and_comes_back(house: House) -> None:
    with house.browser() as browser:
        assert house.sign_in(browser, "amina").status_code == 303
        # While the session lasts nobody is sent away.
        assert browser.get(f"{house.api}/signout").headers["location"] == "/"
        token = me(house, browser).json()["csrf"]
        headers = {"X-CSRF-Token": token, "Sec-Fetch-Site": "same-origin"}
        assert browser.post(f"{house.api}/signout", headers=headers).status_code == 303
        assert me(house, browser).status_code == 401
        goes_to = httpx.URL(browser.get(f"{house.api}/signout").headers["location"])
        assert goes_to.copy_with(query=None) == f"{house.relay.issuer}/session/end"
        assert claims_of(goes_to.params["id_token_hint"])["sub"] == "amina"
        assert len(goes_to.params["state"]) >= 32
        assert goes_to.params["post_logout_redirect_uri"] == f"{house.api}/signin"
        assert "<form" in browser.get(goes_to).text
        # The hint was good once.
        assert browser.get(f"{house.api}/signout").headers["location"] == "/signin"


def logout_token(house: House, **changed: Any) -> str:
    """Return the provider's word that somebody signed out there."""
    claims = {
        "iss": house.relay.issuer,
        "aud": CLIENT_ID,
        "iat": int(time.time()),
        "exp": int(time.time()) + 60,
        "jti": "one",
        "sub": "amina",
        "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
        **changed,
    }
    empty = Said(200, (), json.dumps({"id_token": f"a.{base64.urlsafe_b64encode(b'{}').decode()}.c"}).encode())
    token: str = resigned(house.keys.rsa, **claims)(empty).json["id_token"]
    return token


def test_signing_out_at_the_provider_ends_the_sessions_here(house: House) -> None:
    ending = f"{house.api}/signin/oidc/signed-out"
    with house.browser() as browser:
        assert house.sign_in(browser, "amina").status_code == 303
        refused = (
            logout_token(house, aud="another"),
            logout_token(house, nonce="a nonce"),
            logout_token(house, events={}),
            logout_token(house, exp=int(time.time()) - 120),
            "no token",
        )
        for token in refused:
            assert httpx.post(ending, data={"logout_token": token}).status_code == 400
        assert httpx.post(ending, data={"logout_token": logout_token(house, sub="a stranger")}).status_code == 200
        assert me(house, browser).status_code == 200
        answer = httpx.post(ending, data={"logout_token": logout_token(house)})
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
        assert me(house, browser).status_code == 401
