"""Models and explanations over the API: a real model, trained by the service, that spoke of what the pass sees."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import BoundedSemaphore
from typing import Any

import httpx
import numpy as np
import pytest
from api_process import api_running
from passes import enter, let_in
from pydantic import SecretStr

from core.clock import format_instant, now
from core.metrics import metric_named
from core.places import Origin, Sensor, SensorKind, Site
from core.readings import Batch, Message, Reading
from core.roles import Grant, Role
from core.settings import WorkerSettings
from core.store import models as kept
from core.store.batches import write_batch
from core.store.places import write_series
from core.store.pool import connected, open_pool
from core.store.roles import Login, as_login
from core.store.sensors import declare_sensor
from services.api.routes import explanations
from services.forecast import Issue, issue_forecasts
from services.training import train_model
from vigie.embedded import DatabaseServer

pytestmark = pytest.mark.integration
COMMUNE, ELSEWHERE = "93051", "75056"
HOUR = timedelta(hours=1)
POWER = metric_named("power_kw")


@dataclass
class Trained:
    """An API whose database holds three meters with a model, and an occupancy without one.

    Parameters
    ----------
    issued_at
        When the model spoke; before, the naive did.
    """

    api: httpx.Client
    url: str
    issued_at: datetime
    series: list[int]
    model_id: int

    def get(self, path: str, api: httpx.Client | None = None, **parameters: Any) -> Any:
        """Return the JSON of a good answer."""
        answer = (api or self.api).get(path, params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def visitor(self, *grants: Grant) -> httpx.Client:
        """Return a client with these grants only."""
        return let_in(self.api, enter(self.url, *grants))


def write_loads(url: str, present: datetime, days: int) -> list[int]:
    """Write hourly loads with working hours for three buildings, one of them elsewhere; return their series."""
    found = []
    random = np.random.default_rng(1)
    drift = random.uniform(0.75, 1.25, days)
    with connected(url) as connection:
        for place, (commune, origin) in enumerate(
            ((COMMUNE, Origin.FIELD), (COMMUNE, Origin.SIMULATED), (ELSEWHERE, Origin.FIELD))
        ):
            site = Site(commune, f"b{place}", f"Bâtiment {place}")
            sensor = Sensor(f"meter-{place}", SensorKind.METER, f"Compteur {place}", site, origin=origin)
            series_id = write_series(connection, declare_sensor(connection, sensor, present), "power_kw")
            start = present - timedelta(days=days)
            readings = [
                Reading(
                    series_id, at, (place + 1) * (20 + 30 * works) * float(random.uniform(0.9, 1.1) * drift[n // 24])
                )
                for n in range(days * 24)
                for at in [start + n * HOUR]
                for works in [at.weekday() < 5 and 7 <= at.hour < 17]
            ]
            message = Message(f"vigie/v1/{commune}/meter/{place}/up", b"", present - HOUR, 0)
            write_batch(connection, Batch(present - HOUR, readings, [message] * len(readings)))
            found.append(series_id)
    return found


@pytest.fixture(scope="module")
def town(database_server: DatabaseServer, template: str) -> Iterator[Trained]:
    name = f"modelled_{uuid.uuid4().hex}"
    url = database_server.create(name, template=template)
    present = now().replace(minute=0, second=0, microsecond=0)
    series = write_loads(url, present, 30)
    settings = WorkerSettings(database_url=SecretStr(as_login(url, Login.WORKER)), train_rows_max=4_000, threads=1)
    with open_pool(settings.dsn, 2) as pool:
        issue_forecasts(pool, settings, Issue(POWER, COMMUNE, present - HOUR + timedelta(seconds=1)))
        trained_at = now() - timedelta(minutes=1)
        model_id = train_model(pool, settings, POWER, trained_at, "first")
        issued_at = now().replace(microsecond=0)
        issue_forecasts(pool, settings, Issue(POWER, COMMUNE, issued_at))
    with api_running(url) as api:
        yield Trained(api, url, issued_at, series, model_id)
    database_server.drop(name)


def test_every_measured_metric_says_who_speaks(town: Trained) -> None:
    [item] = town.get("/models")["items"]
    assert (item["metric"], item["family"], item["challenger"]) == ("power_kw", "energy", None)
    assert item["champion"]["model_id"] == town.model_id
    assert (item["steps"], item["skill"], item["trend"], item["drifting"]) == (0, None, [], False)


def test_a_model_tells_all_that_is_needed_to_make_it_again(town: Trained) -> None:
    model = town.get(f"/models/{town.model_id}")
    assert (model["series"], model["why"], model["seed"]) == (3, "first", 1)
    assert model["parameters"]["rows_max"] == 4_000
    assert " models:" in model["code_version"]
    assert len(model["sha256"]) == 64
    assert 0 < model["energy_kwh"] < 0.1
    assert model["co2e_g"] == pytest.approx(model["energy_kwh"] * 51.28)
    first = model["reigns"][0]
    assert (first["model_id"], first["by"], first["why"]) == (town.model_id, "vigie", "first")
    assert model["trained_at"] < first["since"] <= format_instant(town.issued_at)
    assert model["card"]["validation"]["skill"] > 0
    assert not {"by_series", "by_commune", "local"} & set(model["card"])
    assert town.api.get("/models/999999").status_code == 404


@pytest.mark.parametrize(("language", "told"), [("fr", "Fiche du modèle"), ("en", "Card of model")])
def test_its_card_is_in_the_readers_language(town: Trained, language: str, told: str) -> None:
    card = town.get(f"/models/{town.model_id}/card", language=language)
    assert told in card["title"]
    assert len(card["sections"]) == 11
    text = str(card)
    assert {"fr": "1 série est simulée", "en": "1 series is simulated"}[language] in text
    assert town.api.get(f"/models/{town.model_id}/card", params={"language": "de"}).status_code == 422
    assert town.api.get("/models/999999/card", params={"language": "fr"}).status_code == 404


def test_a_step_is_explained_from_the_model_that_made_it(town: Trained) -> None:
    forecast = town.get(f"/series/{town.series[0]}/forecast")
    assert (forecast["model_id"], forecast["fallback"]) == (town.model_id, None)
    step = forecast["steps"][20]
    told = town.get(f"/series/{town.series[0]}/forecast/explanation", valid_at=step["valid_at"], language="fr")
    assert (told["issued_at"], told["valid_at"]) == (format_instant(town.issued_at), step["valid_at"])
    assert told["median"] == step["p50"]
    assert told["exact"] is True
    assert told["start"] + sum(one["push"] for one in told["pushes"]) + told["rest"] == pytest.approx(step["p50"])
    assert {one["family"] for one in told["pushes"]} >= {"habit", "weather", "calendar", "recent", "neighbours"}
    assert told["sentence"].startswith("Prévu\N{NO-BREAK SPACE}: ")
    assert "kW" in told["sentence"]
    english = town.get(f"/series/{town.series[0]}/forecast/explanation", valid_at=step["valid_at"], language="en")
    assert english["sentence"].startswith("Forecast: ")
    assert english["pushes"][0]["label"] != told["pushes"][0]["label"]


def test_whoever_sees_less_is_told_that_the_explanation_is_approximate(town: Trained) -> None:
    with connected(town.url) as connection:
        [(site_id,)] = connection.execute("SELECT site_id FROM site WHERE code = 'b0'").fetchall()
    manager = town.visitor(Grant(Role.BUILDING_MANAGER, COMMUNE, site_id))
    path = f"/series/{town.series[0]}/forecast/explanation"
    step = town.get(f"/series/{town.series[0]}/forecast")["steps"][20]
    mine, all_of_it = (town.get(path, api=api, valid_at=step["valid_at"]) for api in (manager, town.api))
    # The neighbour is not theirs to see; the median that was issued is.
    assert mine["median"] == all_of_it["median"] == step["p50"]
    assert mine["start"] + sum(one["push"] for one in mine["pushes"]) + mine["rest"] == pytest.approx(step["p50"])
    if not mine["exact"]:
        assert "approchée" in mine["sentence"]
    assert (
        manager.get(f"/series/{town.series[2]}/forecast/explanation", params={"valid_at": step["valid_at"]}).status_code
        == 404
    )


def test_the_naive_explains_itself_too(town: Trained) -> None:
    before = format_instant(town.issued_at - timedelta(seconds=1))
    path = f"/series/{town.series[0]}/forecast"
    forecast = town.get(path, as_of=before)
    assert forecast["fallback"] == "no_model"
    step = forecast["steps"][3]
    told = town.get(f"{path}/explanation", valid_at=step["valid_at"], as_of=before)
    assert (told["model_id"], told["pushes"], told["exact"]) == (None, [], True)
    assert told["start"] + told["rest"] == pytest.approx(step["p50"])
    assert "répète" in told["sentence"]
    assert "pas encore de modèle" in told["sentence"]


def test_whoever_finds_all_turns_taken_is_told_to_come_back(town: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explanations, "WAIT_S_MAX", 0)
    turns = BoundedSemaphore(1)
    monkeypatch.setattr(explanations, "_TURNS", turns)
    path = f"/series/{town.series[0]}/forecast"
    asked = {"valid_at": town.get(path)["steps"][3]["valid_at"]}
    with turns:
        answer = town.api.get(f"{path}/explanation", params=asked)
    assert (answer.status_code, answer.json()["code"]) == (503, "store_busy")
    assert town.api.get(f"{path}/explanation", params=asked).status_code == 200


@pytest.mark.parametrize("asked", ["2030-01-01T00:00:00Z", "2020-01-01T00:00:00Z"])
def test_what_is_not_forecast_is_not_explained(town: Trained, asked: str) -> None:
    answer = town.api.get(f"/series/{town.series[0]}/forecast/explanation", params={"valid_at": asked})
    assert answer.status_code == 404


def test_what_if_is_refused_with_a_reason_where_the_model_knows_no_weather(town: Trained) -> None:
    path = f"/series/{town.series[0]}/forecast/what-if"
    refused = town.api.get(path, params={"colder_c": 5}, headers={"Accept-Language": "fr"})
    assert (refused.status_code, refused.json()["code"]) == (409, "state_refused")
    assert "n’a pas appris avec la météo" in refused.json()["detail"]
    naive = town.api.get(path, params={"as_of": format_instant(town.issued_at - timedelta(seconds=1))})
    assert "naïve" in naive.json()["detail"]
    assert town.api.get(path, params={"colder_c": 11}).status_code == 422


def test_a_doubt_is_said_by_whoever_sees_something_and_shown_to_all(town: Trained) -> None:
    path = f"/models/{town.model_id}/concerns"
    analyst = town.visitor(Grant(Role.ANALYST, ELSEWHERE))
    said = analyst.post(path, json={"said": "  Trop bas le lundi.\nÀ revoir. "})
    assert said.status_code == 201, said.text
    assert said.json()["said"] == "Trop bas le lundi.\nÀ revoir."
    assert [one["by"] for one in town.get(path)["items"]] == ["a test"]
    assert [one["what"] for one in town.get("/audit", what="model_doubted")["items"]] == ["model_doubted"]
    for body in ({"said": "   "}, {"said": "x" * 2_001}, {}):
        assert analyst.post(path, json=body).status_code == 422
    assert analyst.post("/models/999999/concerns", json={"said": "x"}).status_code == 404
    assert town.visitor(Grant(Role.AUDITOR)).post(path, json={"said": "x"}).status_code == 403


def test_only_who_operates_all_lets_a_model_speak(town: Trained) -> None:
    with connected(town.url) as connection:
        model = kept.read_model(connection, town.model_id)
        assert model is not None
        other = kept.write_model(connection, model, kept.read_artifact(connection, town.model_id) or b"")
    path, why = f"/models/{other}/promotion", {"why": "essai"}
    for grants in ([Grant(Role.ANALYST)], [Grant(Role.ADMINISTRATOR, COMMUNE)]):
        assert town.visitor(*grants).post(path, json=why).status_code == 403
    operator = town.visitor(Grant(Role.ADMINISTRATOR))
    assert operator.post(path, json={"why": " "}).status_code == 422
    promoted = operator.post(path, json=why)
    assert promoted.status_code == 200, promoted.text
    assert [one["model_id"] for one in promoted.json()["reigns"]] == [town.model_id, other]
    assert operator.post(path, json=why).json()["code"] == "state_refused"
    back = operator.post(f"/models/{town.model_id}/promotion", json={"why": "retour"})
    assert [one["model_id"] for one in back.json()["reigns"]] == [town.model_id, other, town.model_id]
    assert [one["what"] for one in town.get("/audit", what="model_rolled_back")["items"]] == ["model_rolled_back"]
