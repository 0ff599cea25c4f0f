"""Acts over the API: who did them is who is signed in, each is on record with what it changed, auditors read them."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from api_process import api_running
from deciding_kind import AIRING, COMMUNE, KIND, registered, write_room
from passes import enter, let_in

from core import clock
from core.audit import Head
from core.audit_check import check
from core.roles import Grant, Role
from core.store.audit import chain_read
from core.store.pool import connected

pytestmark = pytest.mark.integration
ELSEWHERE = "93066"
SITE = {"commune_insee": COMMUNE, "code": "mairie", "name": "Mairie"}
ADOPTION = {"external_id": "0018b20000001234", "kind": "meter", "name": "Compteur", "site": SITE}
TECHNICIAN, MANAGER = Grant(Role.TECHNICIAN, COMMUNE), Grant(Role.BUILDING_MANAGER, COMMUNE)


@pytest.fixture
def api(database_url: str) -> Iterator[httpx.Client]:
    write_room(database_url, at=clock.now() - timedelta(minutes=2))
    with registered(), api_running(database_url) as client:
        yield client


class People:
    """Clients of one API, each with a pass of its own."""

    def __init__(self, api: httpx.Client, database_url: str) -> None:
        self._api, self._url = api, database_url

    def __call__(self, *grants: Grant, name: str = "Nadia") -> httpx.Client:
        """Return the client of somebody who has these grants."""
        return let_in(self._api, enter(self._url, *grants, name=name))


@pytest.fixture
def people(api: httpx.Client, database_url: str) -> People:
    return People(api, database_url)


def acts(api: httpx.Client, **asked: Any) -> list[dict[str, Any]]:
    answer = api.get("/audit", params=asked)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def told(api: httpx.Client, **asked: Any) -> list[tuple[str, str, str]]:
    return [(one["who"]["name"], one["what"], one["target"]) for one in acts(api, **asked)]


def test_a_sensor_s_life_is_on_record_under_who_is_signed_in(api: httpx.Client, people: People) -> None:
    nadia = people(TECHNICIAN)
    sensor_id = nadia.post("/sensors", json=ADOPTION | {"by": "Rachid"}).json()["sensor_id"]
    path, target = f"/sensors/{sensor_id}", f"sensor:{sensor_id}"
    assert nadia.patch(path, json={"name": "Compteur général", "by": "Rachid"}).status_code == 200
    assert nadia.post(f"{path}/move", json={"site": SITE | {"code": "parc", "name": "Parc"}}).status_code == 200
    assert nadia.post(f"{path}/replace", json={"external_id": "0018b20000005678"}).status_code == 200
    assert nadia.post(f"{path}/retire", json={}).status_code == 200
    assert told(api, target=target) == [
        ("Nadia", f"sensor_{what}", target) for what in ("retired", "replaced", "moved", "edited", "adopted")
    ]
    edited = acts(api, target=target, what="sensor_edited")[0]
    assert (edited["before"], edited["after"]) == ({"name": "Compteur"}, {"name": "Compteur général"})
    assert (edited["commune_insee"], edited["who"]["kind"], edited["who"]["address"]) == (COMMUNE, "token", "127.0.0.1")
    assert edited["who"]["agent"].startswith("python-httpx")
    assert {one["by"] for one in nadia.get(f"{path}/changes").json()["items"]} == {"Nadia"}


def test_a_sensor_that_leaves_a_commune_is_on_record_in_both(api: httpx.Client, people: People) -> None:
    sensor_id = api.post("/sensors", json=ADOPTION).json()["sensor_id"]
    moved = api.post(f"/sensors/{sensor_id}/move", json={"site": SITE | {"commune_insee": ELSEWHERE}})
    assert moved.status_code == 200
    for commune in (COMMUNE, ELSEWHERE):
        auditor = people(Grant(Role.AUDITOR, commune))
        assert [one["commune_insee"] for one in acts(auditor, what="sensor_moved")] == [commune]


def test_each_line_of_a_spreadsheet_is_on_record(api: httpx.Client) -> None:
    lines = "identifiant;type;nom;commune;site\r\n" + "".join(
        f"m-{n};meter;Compteur {n};{COMMUNE};Mairie\r\n" for n in range(5)
    )
    done = api.post("/sensors/bulk", content=lines.encode(), headers={"Content-Type": "text/csv"})
    assert done.status_code == 200, done.text
    assert len(acts(api, what="sensor_adopted", who="an administrator")) == 5


def test_a_decision_s_life_is_on_record_with_what_was_approved(api: httpx.Client, people: People) -> None:
    ada = people(MANAGER, name="Ada")
    decision = ada.post("/decisions", json={"kind": KIND, "subject": AIRING.code}).json()
    path, target = f"/decisions/{decision['decision_id']}/answers", f"decision:{decision['decision_id']}"
    action = {**decision["actions"][0], "value": 5.0}
    assert ada.post(path, json={"state": "edited", "actions": [action], "by": "Rachid"}).status_code == 201
    assert ada.post(path, json={"state": "approved", "note": "Vu."}).json()["answers"][-1]["by"] == "Ada"
    assert [one for one in told(api, who="ADA") if one[1] != "token_used"] == [
        ("Ada", "decision_approved", target),
        ("Ada", "decision_edited", target),
        ("Ada", "decision_asked", f"subject:{KIND}:{AIRING.code}"),
    ]
    approved, edited = acts(api, target=target)
    assert edited["before"]["actions"] == decision["actions"]
    assert [one["value"] for one in approved["after"]["actions"]] == [5.0]
    assert (approved["before"], approved["after"]["note"]) == ({"state": "edited"}, "Vu.")


def test_a_policy_is_on_record_as_it_was_and_as_it_is(api: httpx.Client) -> None:
    path = f"/decision-subjects/{KIND}/{AIRING.code}"
    before = api.get("/decision-subjects", params={"kind": KIND}).json()["items"][0]["policy"]
    after = before | {"limit_ppm": 900}
    assert api.put(path, json={"policy": after}).status_code == 200
    [one] = acts(api, what="policy_set")
    assert (one["before"], one["after"]) == (before, after)


def test_intakes_and_calibrations_are_on_record(people: People) -> None:
    nadia = people(TECHNICIAN)
    intake = nadia.post("/intakes", json={"kind": "replay", "commune": COMMUNE, "by": "Rachid"}).json()
    assert intake["author"] == "Nadia"
    assert nadia.post(f"/intakes/{intake['intake_id']}/cancel").status_code == 200
    series_id = nadia.get("/series").json()["items"][0]["series_id"]
    set_one = nadia.post(f"/series/{series_id}/calibrations", json={"valid_from": "2026-03-02T08:00:00Z", "shift": 2})
    assert (set_one.status_code, set_one.json()["by"]) == (201, "Nadia")
    auditor = people(Grant(Role.AUDITOR, COMMUNE), name="Ada")
    assert [what for _, what, _ in told(auditor, who="nadia")] == [
        "sensor_calibrated", "intake_cancelled", "intake_asked",
    ]  # fmt: skip


def test_what_was_refused_is_not_on_record(api: httpx.Client, people: People) -> None:
    decision_id = api.post("/decisions", json={"kind": KIND, "subject": AIRING.code}).json()["decision_id"]
    assert api.post(f"/decisions/{decision_id}/answers", json={"state": "applied"}).status_code == 409
    elsewhere = people(Grant(Role.TECHNICIAN, ELSEWHERE), Grant(Role.ANALYST))
    assert elsewhere.post("/sensors", json=ADOPTION).status_code == 403
    assert acts(api, target=f"decision:{decision_id}") == []
    assert acts(api, what="sensor_adopted", commune=COMMUNE, who="Nadia") == []


READ = Grant(Role.ANALYST)
ACTS: list[tuple[str, str, Any]] = [
    ("POST", "/sensors", ADOPTION),
    ("PATCH", "/sensors/1", {"name": "x"}),
    ("POST", "/sensors/1/move", {"site": SITE}),
    ("POST", "/sensors/1/retire", {}),
    ("POST", "/sensors/1/replace", {"external_id": "0018b20000005678"}),
    ("POST", "/series/1/calibrations", {"valid_from": "2026-03-02T08:00:00Z"}),
    ("POST", "/intakes", {"kind": "replay"}),
    ("POST", "/intakes", {"kind": "replay", "commune": COMMUNE}),
    ("POST", "/decisions", {"kind": KIND, "subject": AIRING.code}),
    ("POST", "/decisions/1/answers", {"state": "approved"}),
    ("PUT", f"/decision-subjects/{KIND}/{AIRING.code}", {"policy": {}}),
]


def test_who_sees_an_object_and_may_not_act_there_is_refused(api: httpx.Client, people: People) -> None:
    """Everything is seen, and acts are allowed elsewhere, or on another site of the commune."""
    api.post("/sensors", json=ADOPTION | {"external_id": "other"})
    sites = {one["code"]: one["site_id"] for one in api.get("/sites").json()["items"]}
    assert api.post("/decisions", json={"kind": KIND, "subject": AIRING.code}).status_code == 201
    for commune, site in ((ELSEWHERE, None), (COMMUNE, sites["mairie"])):
        roles = (Role.TECHNICIAN, Role.BUILDING_MANAGER)
        visitor = people(READ, *(Grant(role, commune, site) for role in roles))
        wrong = [one for one in ACTS if not (site and one[1] == "/sensors")]
        answers = {(method, path): visitor.request(method, path, json=body) for method, path, body in wrong}
        assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(answers, 403)
        assert {answer.json()["code"] for answer in answers.values()} == {"forbidden"}
    lines = f"identifiant;type;nom;commune;site\r\nm-1;meter;Compteur;{COMMUNE};Mairie\r\n".encode()
    bulk = people(READ, Grant(Role.TECHNICIAN, ELSEWHERE))
    for dry_run in ("true", "false"):
        refused = bulk.post(
            "/sensors/bulk", params={"dry_run": dry_run}, content=lines, headers={"Content-Type": "text/csv"}
        )
        assert refused.status_code == 403


def test_a_sensor_goes_only_where_its_mover_tends(api: httpx.Client, people: People) -> None:
    sensor_id = api.post("/sensors", json=ADOPTION).json()["sensor_id"]
    there = {"site": SITE | {"commune_insee": ELSEWHERE}}
    assert people(TECHNICIAN).post(f"/sensors/{sensor_id}/move", json=there).status_code == 403
    both = people(TECHNICIAN, Grant(Role.TECHNICIAN, ELSEWHERE))
    assert both.post(f"/sensors/{sensor_id}/move", json=there).status_code == 200


def test_a_technician_of_a_site_tends_that_site(api: httpx.Client, people: People) -> None:
    sensor_id = api.post("/sensors", json=ADOPTION).json()["sensor_id"]
    site_id = api.get(f"/sensors/{sensor_id}").json()["site"]["site_id"]
    nadia = people(Grant(Role.TECHNICIAN, COMMUNE, site_id))
    assert nadia.patch(f"/sensors/{sensor_id}", json={"name": "Compteur général"}).status_code == 200
    assert nadia.post("/sensors", json=ADOPTION | {"external_id": "m-2"}).status_code == 201
    new = ADOPTION | {"external_id": "m-3", "site": SITE | {"code": "new", "name": "New"}}
    assert nadia.post("/sensors", json=new).status_code == 403
    assert nadia.post("/intakes", json={"kind": "replay", "external_id": ADOPTION["external_id"]}).status_code == 202


def test_acts_are_read_by_auditors_a_page_at_a_time(api: httpx.Client, people: People) -> None:
    for number in range(5):
        api.post("/sensors", json=ADOPTION | {"external_id": f"m-{number}"})
    page = api.get("/audit", params={"what": "sensor_adopted", "limit": 3}).json()
    rest = api.get("/audit", params={"what": "sensor_adopted", "limit": 3, "before": page["next"]}).json()
    assert [len(page["items"]), len(rest["items"])] == [3, 3]
    assert page["items"][-1]["number"] > rest["items"][0]["number"]
    assert rest["next"] is None
    assert page["verified"] is None
    assert acts(people(Grant(Role.AUDITOR, ELSEWHERE))) == []
    assert people(Grant(Role.ADMINISTRATOR)).get("/audit").status_code == 403
    for wrong in ({"what": "nothing"}, {"limit": 501}, {"from": "soon"}, {"colour": "red"}):
        assert api.get("/audit", params=wrong).status_code == 422


def test_the_record_is_taken_away_as_a_file_that_ends_with_its_head(api: httpx.Client, database_url: str) -> None:
    api.post("/sensors", json=ADOPTION | {"name": "=HYPERLINK(1)"})
    answer = api.get("/audit/export", params={"format": "jsonl"})
    assert answer.headers["content-disposition"].startswith('attachment; filename="vigie-audit-')
    *lines, last = [json.loads(line) for line in answer.text.splitlines()]
    assert last["rows"] == len(lines)
    assert [one["number"] for one in lines] == list(range(1, len(lines) + 1))
    with connected(database_url) as connection, chain_read(connection) as (chain, entries):
        assert check(entries, chain.start, chain.head, Head.parse(last["head"])).fault is None
    assert acts(api, what="audit_exported")[0]["after"] == {"format": "jsonl"}


def test_the_record_opens_in_a_french_spreadsheet(api: httpx.Client) -> None:
    api.post("/sensors", json=ADOPTION)
    text = api.get("/audit/export", params={"format": "csv-fr", "what": "sensor_adopted"}).content.decode("utf-8-sig")
    heading, *rows, last = list(csv.reader(text.splitlines(), delimiter=";"))
    assert heading[:4] == ["numéro", "instant (Paris)", "accès", "qui"]
    assert [row[8] for row in rows] == ["sensor_adopted"] * 2
    assert (last[0], last[2]) == ("tête", "2")
    iso = api.get("/audit/export", params={"format": "csv", "what": "sensor_adopted"}).text
    assert next(csv.DictReader(iso.splitlines()))["at"].endswith("Z")


def test_an_auditor_s_file_holds_their_commune_s_acts_only(api: httpx.Client, people: People) -> None:
    api.post("/sensors", json=ADOPTION)
    auditor = people(Grant(Role.AUDITOR, ELSEWHERE))
    assert auditor.get("/audit/export", params={"format": "jsonl"}).text.count("\n") == 1
    assert people(TECHNICIAN).get("/audit/export").status_code == 403
