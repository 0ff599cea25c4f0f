"""The door on a running API: by password, by link, by token; what a session is, and how it ends."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest
from api_process import api_running_with, api_settings
from passes import EVERYTHING, enter, let_in, shown

from core.clock import now
from core.passes import key_of
from core.roles import Grant, Role
from core.store.audit import WantedActs, read_acts
from core.store.people import add_local_person, write_person_grants
from core.store.pool import connected
from core.store.sign_in import make_entry_link

ORIGIN = {"Sec-Fetch-Site": "same-origin"}
PASSWORD = "une phrase assez longue"


@pytest.fixture
def api(database_url: str) -> Iterator[httpx.Client]:
    """A running API, and nobody let in."""
    with api_running_with(api_settings(database_url)) as client:
        yield client


@pytest.fixture
def site(api: httpx.Client) -> Iterator[httpx.Client]:
    """A browser on the pages of this API: it keeps cookies, and says where its requests come from."""
    root = str(api.base_url).removesuffix("/api/v1/")
    with httpx.Client(base_url=root, headers=ORIGIN, timeout=10) as browser:
        yield browser


def person(database_url: str, name: str, *grants: Grant) -> str:
    """Add a local person with these grants; return the secret of the link by which they come in."""
    with connected(database_url) as connection:
        person_id = add_local_person(connection, name, now())
        write_person_grants(connection, person_id, (), grants, now())
        secret = f"vigie_{name}"
        make_entry_link(connection, person_id, key_of(secret), "test", now())
    return secret


def form_token(page: httpx.Response) -> str:
    """Return the token of a page's form."""
    found = re.search(r'name="csrf" value="([^"]+)"', page.text)
    assert found, page.text
    return found[1]


def enter_by_link(site: httpx.Client, secret: str, password: str = "") -> httpx.Response:
    token = form_token(site.get(f"/enter/{secret}"))
    return site.post(f"/enter/{secret}", data={"csrf": token, "password": password})


def sign_in(site: httpx.Client, name: str, password: str, **fields: str) -> httpx.Response:
    token = form_token(site.get("/signin"))
    return site.post("/signin", data={"csrf": token, "name": name, "password": password, **fields})


def soon() -> str:
    return (now() + timedelta(days=3)).isoformat()


def me(site: httpx.Client) -> dict[str, object]:
    answer = site.get("/api/v1/me")
    assert answer.status_code == 200, answer.text
    told: dict[str, object] = answer.json()
    return told


def test_a_link_lets_in_once_and_sets_a_password(database_url: str, site: httpx.Client) -> None:
    secret = person(database_url, "Amina", Grant(Role.TECHNICIAN, "93051"))
    assert enter_by_link(site, secret, "court").status_code == 422, "too short, and the link is not used up"
    entered = enter_by_link(site, secret, PASSWORD)
    assert (entered.status_code, entered.headers["location"]) == (303, "/")
    assert me(site)["name"] == "Amina"
    assert site.get(f"/enter/{secret}").status_code == 410
    site.cookies.clear()
    assert site.get("/api/v1/me").status_code == 401
    assert sign_in(site, "Amina", "not her password").status_code == 401
    signed = sign_in(site, " AMINA ", PASSWORD, next="/donnees?x=1")
    assert (signed.status_code, signed.headers["location"]) == (303, "/donnees?x=1")
    told = me(site)
    assert told["local"] is True
    assert {"right": "tend", "commune_insee": "93051", "site_id": None} in told["rights"]  # type: ignore[operator]


def test_a_cookie_changes_nothing_without_the_session_s_token(database_url: str, site: httpx.Client) -> None:
    enter_by_link(site, person(database_url, "Amina", *EVERYTHING))
    csrf = str(me(site)["csrf"])
    body = {"name": "Bruno", "grants": [{"role": "analyst"}]}
    refused = site.post("/api/v1/people", json=body)
    assert (refused.status_code, refused.json()["code"]) == (403, "csrf_refused")
    foreign = {"X-CSRF-Token": csrf, "Sec-Fetch-Site": "cross-site"}
    assert site.post("/api/v1/people", json=body, headers=foreign).status_code == 403
    made = site.post("/api/v1/people", json=body, headers={"X-CSRF-Token": csrf})
    assert made.status_code == 201, made.text
    assert made.json()["link"].startswith(f"{site.base_url}/enter/".replace("//enter", "/enter"))


def test_two_passes_at_once_are_refused(database_url: str, site: httpx.Client) -> None:
    enter_by_link(site, person(database_url, "Amina", *EVERYTHING))
    answer = site.get("/api/v1/me", headers=shown(enter(database_url, *EVERYTHING)))
    assert (answer.status_code, answer.json()["code"]) == (400, "request_refused")


def test_signing_out_ends_the_session_for_whoever_copied_it(database_url: str, site: httpx.Client) -> None:
    enter_by_link(site, person(database_url, "Amina", *EVERYTHING))
    copied = {"Cookie": "; ".join(f"{name}={value}" for name, value in site.cookies.items())}
    csrf = str(me(site)["csrf"])
    out = site.post("/signout", headers={"X-CSRF-Token": csrf})
    assert (out.status_code, out.headers["location"]) == (303, "/signin")
    assert site.get("/api/v1/me").status_code == 401
    assert site.get("/api/v1/me", headers=copied).status_code == 401


def test_too_many_tries_lock_the_account_and_a_link_opens_it(database_url: str, site: httpx.Client) -> None:
    secret = person(database_url, "Amina", *EVERYTHING)
    statuses = [sign_in(site, "Amina", "wrong").status_code for _ in range(9)]
    assert statuses == [401] * 8 + [429]
    locked = sign_in(site, "Amina", "wrong")
    assert 0 < int(locked.headers["retry-after"]) <= 900
    assert enter_by_link(site, secret).status_code == 303


def test_a_token_is_let_in_until_it_is_withdrawn(database_url: str, api: httpx.Client) -> None:
    admin = let_in(api, enter(database_url, *EVERYTHING))
    ends = soon()
    body = {"name": "entrepôt", "grants": [{"role": "analyst", "commune_insee": "93051"}], "expires_at": ends}
    made = admin.post("/tokens", json=body)
    assert made.status_code == 201, made.text
    program = let_in(api, made.json()["secret"])
    assert program.get("/me").json()["csrf"] is None
    assert program.get("/sensors").status_code == 200
    assert program.get("/tokens").status_code == 403
    assert made.json()["secret"] not in admin.get("/tokens").text
    assert admin.delete(f"/tokens/{made.json()['pass_id']}").status_code == 204
    assert program.get("/me").status_code == 401


def test_taking_a_grant_away_changes_live_passes_at_once(
    database_url: str, api: httpx.Client, site: httpx.Client
) -> None:
    admin = let_in(api, enter(database_url, *EVERYTHING))
    everywhere = [{"role": "administrator"}, {"role": "dispatcher", "commune_insee": "93051"}]
    made = admin.post("/people", json={"name": "Amina", "grants": everywhere}).json()
    enter_by_link(site, made["link"].rpartition("/")[2])
    csrf = {"X-CSRF-Token": str(me(site)["csrf"])}
    ends = soon()
    wanted = {"grants": [{"role": "analyst"}, {"role": "technician", "commune_insee": "93051"}], "expires_at": ends}
    token = site.post("/api/v1/tokens", json={"name": "hers", **wanted}, headers=csrf).json()
    program = let_in(api, token["secret"])
    assert program.get("/sensors").status_code == 200
    path = f"/people/{made['person_id']}/grants"
    kept = admin.put(path, json={"grants": [{"role": "technician", "commune_insee": "93051"}]})
    assert [one["role"] for one in kept.json()["grants"]] == ["technician"]
    assert [one["role"] for one in me(site)["grants"]] == ["technician"]  # type: ignore[attr-defined]
    left = program.get("/me").json()["grants"]
    assert [(one["role"], one["commune_insee"]) for one in left] == [("technician", "93051")]
    assert admin.post(f"/people/{made['person_id']}/disable", json={}).status_code == 200
    assert site.get("/api/v1/me").status_code == 401
    assert program.get("/me").status_code == 401


def test_groups_give_and_take(database_url: str, api: httpx.Client) -> None:
    admin = let_in(api, enter(database_url, *EVERYTHING))
    grants = [{"role": "technician", "commune_insee": "93051"}, {"role": "analyst"}]
    assert admin.put("/group-grants", json={"group": "techniciens", "grants": grants}).status_code == 200
    noisy = let_in(api, enter(database_url, Grant(Role.ADMINISTRATOR, "93051")))
    assert [one["role"] for one in noisy.get("/group-grants").json()["items"]] == ["technician"]
    noisy.put("/group-grants", json={"group": "techniciens", "grants": [{"role": "auditor", "commune_insee": "93051"}]})
    left = [one["role"] for one in admin.get("/group-grants").json()["items"]]
    assert sorted(left) == ["analyst", "auditor"], "what holds elsewhere is not theirs to take"
    assert admin.delete("/group-grants", params={"group": "techniciens"}).status_code == 204
    assert admin.delete("/group-grants", params={"group": "techniciens"}).status_code == 404


def test_nobody_gives_what_is_not_theirs(database_url: str, api: httpx.Client) -> None:
    admin = let_in(api, enter(database_url, *EVERYTHING))
    boss = admin.post("/people", json={"name": "Chef", "grants": [{"role": "administrator"}]}).json()["person_id"]
    both = [{"role": "technician", "commune_insee": one} for one in ("93051", "93005")]
    shared = admin.post("/people", json={"name": "Partagé", "grants": both}).json()["person_id"]
    noisy = let_in(api, enter(database_url, Grant(Role.ADMINISTRATOR, "93051")))
    assert [one["name"] for one in noisy.get("/people").json()["items"]] == ["Partagé"]
    for grant in ({"role": "analyst"}, {"role": "administrator"}, {"role": "technician", "commune_insee": "93005"}):
        refused = noisy.post("/people", json={"name": "x", "grants": [grant]})
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    ends = soon()
    beyond = {"name": "x", "expires_at": ends, "grants": [{"role": "dispatcher", "commune_insee": "93051"}]}
    assert noisy.post("/tokens", json=beyond).status_code == 403, "a token does nothing that its maker cannot"
    assert noisy.post(f"/people/{boss}/link", json={}).status_code == 404
    assert noisy.post(f"/people/{shared}/link", json={}).status_code == 403, "it would let in elsewhere"
    assert noisy.post(f"/people/{shared}/disable", json={}).status_code == 403
    assert noisy.put(f"/people/{shared}/grants", json={"grants": []}).status_code == 200
    left = admin.get(f"/people/{shared}").json()["grants"]
    assert [one["commune_insee"] for one in left] == ["93005"]
    driver = admin.post("/people", json={"name": "y", "grants": [{"role": "driver", "commune_insee": "93051"}]})
    assert driver.status_code == 422


def test_a_token_ends_within_400_days_and_its_site_is_of_its_commune(database_url: str, api: httpx.Client) -> None:
    admin = let_in(api, enter(database_url, *EVERYTHING))
    late = {"name": "x", "grants": [{"role": "analyst"}], "expires_at": (now() + timedelta(days=401)).isoformat()}
    assert admin.post("/tokens", json=late).json()["code"] == "invalid_body"
    strange = {"role": "analyst", "commune_insee": "93051", "site_id": 77}
    assert admin.post("/tokens", json={"name": "x", "grants": [strange], "expires_at": soon()}).status_code == 422


def test_a_session_is_seen_and_ended_from_another(database_url: str, site: httpx.Client) -> None:
    enter_by_link(site, person(database_url, "Amina", *EVERYTHING), PASSWORD)
    with httpx.Client(base_url=site.base_url, headers=ORIGIN) as other:
        sign_in(other, "amina", PASSWORD)
        mine = other.get("/api/v1/sessions").json()["items"]
        assert [one["current"] for one in mine] == [False, True]
        csrf = {"X-CSRF-Token": str(me(other)["csrf"])}
        assert other.delete(f"/api/v1/sessions/{mine[0]['pass_id']}", headers=csrf).status_code == 204
        assert me(other)["name"] == "Amina"
    assert site.get("/api/v1/me").status_code == 401


def test_a_new_password_ends_all_other_sessions(database_url: str, site: httpx.Client) -> None:
    enter_by_link(site, person(database_url, "Amina", *EVERYTHING), PASSWORD)
    with httpx.Client(base_url=site.base_url, headers=ORIGIN) as other:
        sign_in(other, "amina", PASSWORD)
        csrf = {"X-CSRF-Token": str(me(other)["csrf"])}
        change = {"current": "not the present one", "password": "une autre, plus longue"}
        assert other.put("/api/v1/me/password", json=change, headers=csrf).status_code == 422
        common = {"current": PASSWORD, "password": "motdepasse2026"}
        assert other.put("/api/v1/me/password", json=common, headers=csrf).status_code == 422
        change["current"] = PASSWORD
        assert other.put("/api/v1/me/password", json=change, headers=csrf).status_code == 204
        assert me(other)["name"] == "Amina"
    assert site.get("/api/v1/me").status_code == 401
    assert sign_in(site, "amina", PASSWORD).status_code == 401
    assert sign_in(site, "amina", "une autre, plus longue").status_code == 303


def test_somebody_without_a_role_is_told_so(database_url: str, site: httpx.Client) -> None:
    enter_by_link(site, person(database_url, "Amina", Grant(Role.ANALYST)), PASSWORD)
    with connected(database_url) as connection:
        connection.execute("DELETE FROM person_grant")
    site.cookies.clear()
    refused = sign_in(site, "amina", PASSWORD)
    assert refused.status_code == 403
    assert "aucun rôle" in refused.text


def test_a_form_that_another_site_made_is_refused(database_url: str, site: httpx.Client) -> None:
    enter_by_link(site, person(database_url, "Amina", *EVERYTHING), PASSWORD)
    site.cookies.clear()
    filled = {"name": "amina", "password": PASSWORD}
    assert site.post("/signin", data=filled).status_code == 403
    token = form_token(site.get("/signin"))
    assert (
        site.post("/signin", data={**filled, "csrf": token}, headers={"Sec-Fetch-Site": "cross-site"}).status_code
        == 403
    )
    assert site.post("/signin", data={**filled, "csrf": token[::-1]}).status_code == 403
    assert site.post("/signin", data={**filled, "csrf": token}).status_code == 303


def test_what_is_done_at_the_door_is_on_record(database_url: str, api: httpx.Client, site: httpx.Client) -> None:
    admin = let_in(api, enter(database_url, *EVERYTHING, name="the administrator"))
    analyst = [{"role": "analyst", "commune_insee": "93051"}]
    made = admin.post("/people", json={"name": "Amina", "grants": analyst}).json()
    enter_by_link(site, made["link"].rpartition("/")[2], PASSWORD)
    token = admin.post("/tokens", json={"name": "x", "grants": analyst, "expires_at": soon()}).json()
    admin.delete(f"/tokens/{token['pass_id']}")
    site.post("/signout", headers={"X-CSRF-Token": str(me(site)["csrf"])})
    sign_in(site, "Amina", "wrong")
    admin.put(f"/people/{made['person_id']}/grants", json={"grants": []})
    with connected(database_url) as connection:
        acts = read_acts(connection, WantedActs(), limit=50)[::-1]
    assert [(act.what, act.who.kind, act.who.name) for act in acts] == [
        ("token_used", "token", "the administrator"),
        ("person_added", "token", "the administrator"),
        ("grant_given", "token", "the administrator"),
        ("link_made", "token", "the administrator"),
        ("password_set", "door", "Amina"),
        ("signed_in", "session", "Amina"),
        ("token_made", "token", "the administrator"),
        ("token_revoked", "token", "the administrator"),
        ("signed_out", "session", "Amina"),
        ("sign_in_refused", "door", "Amina"),
        ("grant_taken", "token", "the administrator"),
    ]
    assert {act.who.address for act in acts} == {"127.0.0.1"}
    kept = "".join(str(act) for act in acts)
    assert "wrong" not in kept
    assert token["secret"] not in kept
    assert made["link"].rpartition("/")[2] not in kept
