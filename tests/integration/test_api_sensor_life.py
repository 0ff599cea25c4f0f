"""The life of a sensor through the API: adopt, edit, move, retire, replace, and many from a spreadsheet."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from api_process import api_running

from core.clock import format_instant, now
from core.store.pool import connected

pytestmark = pytest.mark.integration

COMMUNE, OTHER = "93051", "93066"
ADOPTION = {
    "external_id": "0018b20000001234",
    "kind": "bin",
    "name": "Borne",
    "site": {"commune_insee": COMMUNE, "code": "mairie", "name": "Mairie", "longitude": 2.55, "latitude": 48.85},
    "by": "Nadia",
}
MOVED_TO = {"commune_insee": OTHER, "code": "gymnase", "name": "Gymnase"}
HEADER = "identifiant;type;nom;commune;site;modèle;intervalle_s;longitude;latitude\r\n"


@pytest.fixture
def api(database_url: str) -> Iterator[httpx.Client]:
    with connected(database_url) as connection:
        connection.execute(
            "INSERT INTO device_model (model, maker, title, kinds) VALUES"
            " ('bin_eye', 'Maker', 'Bin Eye', '{bin}'), ('room_eye', 'Maker', 'Room Eye', '{indoor_air}')"
        )
    with api_running(database_url) as client:
        yield client


def adopted(api: httpx.Client, **changes: Any) -> dict[str, Any]:
    answer = api.post("/sensors", json=ADOPTION | changes)
    assert answer.status_code == 201, answer.text
    sensor: dict[str, Any] = answer.json()
    return sensor


def history(api: httpx.Client, sensor: dict[str, Any]) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = api.get(f"/sensors/{sensor['sensor_id']}/changes").json()["items"]
    return items


def assert_problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    problem: dict[str, Any] = answer.json()
    assert problem["code"] == code
    return problem


def test_an_adoption_says_who_and_of_what_model(api: httpx.Client) -> None:
    sensor = adopted(api, model="bin_eye", interval_s=600)
    assert (sensor["model"], sensor["interval_s"], sensor["retired_at"]) == ("bin_eye", 600, None)
    [change] = history(api, sensor)
    assert (change["what"], change["by"], change["before"]) == ("adopted", "an administrator", {})
    assert change["after"]["external_id"] == "0018b20000001234"
    problem = assert_problem(
        api.post("/sensors", json=ADOPTION | {"external_id": "b", "model": "x"}), 422, "invalid_body"
    )
    assert [error["parameter"] for error in problem["errors"]] == ["model"]
    other_kind = ADOPTION | {"external_id": "b", "model": "room_eye"}
    assert "not bin" in assert_problem(api.post("/sensors", json=other_kind), 422, "invalid_body")["detail"]


def test_device_models_are_listed_by_kind(api: httpx.Client) -> None:
    assert [one["model"] for one in api.get("/device-models").json()["items"]] == ["bin_eye", "room_eye"]
    assert [one["model"] for one in api.get("/device-models", params={"kind": "bin"}).json()["items"]] == ["bin_eye"]


def test_an_edit_changes_what_is_given_and_nothing_else(api: httpx.Client) -> None:
    sensor = adopted(api, model="bin_eye", interval_s=600)
    path = f"/sensors/{sensor['sensor_id']}"
    point = {"longitude": 2.5, "latitude": 48.8}
    edited = api.patch(path, json={"name": "Borne du parc", "model": None, **point}).json()
    expected = sensor | {"name": "Borne du parc", "model": None, "site": sensor["site"] | point}
    assert edited == expected
    assert api.get(path).json() == expected
    change, _ = history(api, sensor)
    assert (change["what"], change["by"]) == ("edited", "an administrator")
    assert change["before"] == {"name": "Borne", "model": "bin_eye", "longitude": 2.55, "latitude": 48.85}
    api.patch(path, json={"name": "Borne du parc"})
    assert len(history(api, sensor)) == 2, "an edit that changes nothing is not kept"
    assert_problem(api.patch(path, json={"kind": "meter", "model": "bin_eye"}), 422, "invalid_body")
    assert_problem(api.patch(path, json={"longitude": 2.5}), 422, "invalid_body")
    assert_problem(api.patch("/sensors/999", json={}), 404, "not_found")


def test_a_sensor_moves_to_another_commune(api: httpx.Client) -> None:
    sensor = adopted(api)
    path = f"/sensors/{sensor['sensor_id']}/move"
    yesterday = format_instant(now() - timedelta(days=1))
    moved = api.post(path, json={"site": MOVED_TO, "moved_at": yesterday}).json()
    assert (moved["site"]["commune_insee"], moved["site"]["code"]) == (OTHER, "gymnase")
    assert history(api, sensor)[0]["after"] == {
        "commune_insee": OTHER,
        "site": "gymnase",
        "site_name": "Gymnase",
        "longitude": None,
        "latitude": None,
        "moved_at": yesterday,
    }
    here = assert_problem(api.post(path, json={"site": MOVED_TO}), 409, "sensor_conflict")
    assert "stands on this site already" in here["detail"]
    back = {"site": ADOPTION["site"]}
    early = back | {"moved_at": format_instant(now() - timedelta(days=2))}
    assert "not after" in assert_problem(api.post(path, json=early), 409, "sensor_conflict")["detail"]
    future = back | {"moved_at": format_instant(now() + timedelta(hours=1))}
    assert "in the future" in assert_problem(api.post(path, json=future), 409, "sensor_conflict")["detail"]
    assert api.post(path, json=back).status_code == 200


def test_a_retired_sensor_changes_no_more_until_it_is_restored(api: httpx.Client) -> None:
    sensor = adopted(api)
    path = f"/sensors/{sensor['sensor_id']}"
    at = "2026-03-02T08:00:00Z"
    assert api.post(f"{path}/retire", json={"retired_at": at}).json()["retired_at"] == at
    for verb, body in (
        ("retire", {}),
        ("move", {"site": MOVED_TO}),
        ("replace", {"external_id": "0018b20000005678"}),
    ):
        refused = assert_problem(api.post(f"{path}/{verb}", json=body), 409, "sensor_conflict")
        assert refused["detail"] == f"the sensor '0018b20000001234' is retired since {at}"
    assert api.patch(path, json={"retired_at": None}).json()["retired_at"] is None
    assert [one["what"] for one in history(api, sensor)] == ["restored", "retired", "adopted"]
    assert_problem(api.patch(path, json={"retired_at": at}), 422, "invalid_body")


def test_a_replaced_device_leaves_its_sensor_and_may_come_back(api: httpx.Client) -> None:
    sensor = adopted(api, model="bin_eye")
    other = adopted(api, external_id="0018b20000009999")
    path = f"/sensors/{sensor['sensor_id']}/replace"
    taken = {"external_id": other["external_id"]}
    assert "a sensor's already" in assert_problem(api.post(path, json=taken), 409, "sensor_conflict")["detail"]
    replaced = api.post(path, json={"external_id": "0018B20000005678"}).json()
    assert replaced == sensor | {"external_id": "0018b20000005678"}
    back = api.post(path, json={"external_id": sensor["external_id"], "model": None}).json()
    assert back == sensor | {"model": None}
    first_change = history(api, sensor)[1]
    assert first_change["before"] == {"external_id": "0018b20000001234"}
    assert first_change["after"]["external_id"] == "0018b20000005678"
    assert datetime.fromisoformat(first_change["after"]["replaced_at"]) <= datetime.now(UTC)


def bulk(api: httpx.Client, text: str | bytes, *, dry_run: bool) -> httpx.Response:
    raw = text.encode() if isinstance(text, str) else text
    parameters = {"dry_run": str(dry_run).lower()}
    return api.post("/sensors/bulk", content=raw, params=parameters, headers={"content-type": "text/csv"})


def test_a_spreadsheet_is_tried_then_done_whole(api: httpx.Client) -> None:
    known = adopted(api)
    text = (
        "\ufeff" + HEADER + "0018B20000001234;bac;Borne du parc;Neuilly-Plaisance;;;;;\r\n"
        "capteur-2;air intérieur;Salle 2;93051;École Jaurès;room_eye;600;2,5486;48,8484\r\n"
        "capteur-3;bin;Borne 3;93051;mairie;;;;\r\n"
    ).replace("Neuilly-Plaisance", "")
    tried = bulk(api, text, dry_run=True).json()
    assert tried["counts"] == {"adopt": 2, "edit": 1, "unchanged": 0, "error": 0}
    assert tried["lines"][0]["before"] == {"name": "Borne"}
    assert tried["lines"][0]["sensor_id"] == known["sensor_id"]
    assert len(api.get("/sensors").json()["items"]) == 1, "a dry run writes nothing"
    done = bulk(api, text, dry_run=False).json()
    assert done == tried | {"done": True}
    first, second, third = api.get("/sensors").json()["items"]
    assert first["name"] == "Borne du parc"
    assert second["site"] | {"site_id": 0} == {
        "site_id": 0,
        "code": "ecole-jaures",
        "name": "École Jaurès",
        "commune_insee": COMMUNE,
        "longitude": 2.5486,
        "latitude": 48.8484,
    }
    assert third["site"] == first["site"], "a site is found by its name, its point stays"
    assert [one["what"] for one in history(api, first)] == ["edited", "adopted"]
    again = bulk(api, text, dry_run=False).json()
    assert again["counts"] == {"adopt": 0, "edit": 0, "unchanged": 3, "error": 0}


def test_a_spreadsheet_with_one_bad_line_changes_nothing(api: httpx.Client) -> None:
    text = HEADER + "a-1;bin;Borne;93051;Mairie;;;;\r\na-2;toaster;Borne;13055;Mairie;;0;;\r\n"
    tried = bulk(api, text, dry_run=True).json()
    assert tried["counts"] == {"adopt": 1, "edit": 0, "unchanged": 0, "error": 1}
    assert {error["column"]: error["fault"] for error in tried["lines"][1]["errors"]} == {
        "kind": "invalid",
        "commune": "invalid",
        "interval_s": "invalid",
    }
    problem = assert_problem(bulk(api, text, dry_run=False), 422, "invalid_body")
    assert [error["parameter"] for error in problem["errors"]] == [
        "line 3, kind",
        "line 3, commune",
        "line 3, interval_s",
    ]
    assert api.get("/sensors").json()["items"] == []


def test_a_spreadsheet_has_its_own_bound(api: httpx.Client) -> None:
    many = HEADER + "".join(f"c-{n};bin;Borne {n};93051;Site {n % 500};;600;;\r\n" for n in range(2_000))
    assert len(many) > 65_536
    assert bulk(api, many, dry_run=False).json()["counts"]["adopt"] == 2_000
    assert bulk(api, b" " * (4 * 1024 * 1024 + 1), dry_run=True).status_code == 413
    assert bulk(api, b"", dry_run=True).status_code == 422
