"""Modèles over the real API and database: what the page asks for is what they answer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta

import numpy as np
import pytest
from api_process import api_running
from playwright.sync_api import Browser, Page, Response, expect

from core.clock import PARIS, now
from core.forecasts import Doubt, Forecast, ForecastStep
from core.model_life import PLATFORM, Reign, StoredModel
from core.places import Sensor, SensorKind, Site, communes
from core.readings import Batch, Message, Reading
from core.scores import FIRST_DAY, DaySums
from core.store.batches import write_batch
from core.store.forecasts import write_forecasts
from core.store.models import promote, write_model
from core.store.places import write_communes, write_series
from core.store.pool import Connection, connected
from core.store.scores import write_day_sums
from core.store.sensors import declare_sensor
from vigie.commands.admin import administrator_link

pytestmark = pytest.mark.journey
COMMUNE = "93051"
METRIC = "power_kw"
HOUR = timedelta(hours=1)
FIGURES = {
    "steps": 900,
    "pinball": 12.0,
    "pinball_naive": 16.0,
    "skill": 0.25,
    "coverage_80": 0.79,
    "coverage_90": 0.91,
}
CARD = {"validation": {**FIGURES, "absolute_error": 4.5, "absolute_error_naive": 6.2}, "families": {"habit": 1.0}}


def stored(at: datetime, why: str) -> StoredModel:
    """Return a model of power as training keeps it; nobody predicts with it here."""
    return StoredModel(
        METRIC,
        at,
        at - timedelta(days=90),
        at,
        rows=9_000,
        series=1,
        duration_s=41.5,
        card=CARD,
        code_version="0.7.0",
        energy_kwh=0.0042,
        co2e_g=0.24,
        why=why,
    )


def scored(series_id: int, model_id: int, at: datetime) -> DaySums:
    """Return a day's sums of one series: by night, and on a working day for two stretches of lead times."""
    rows = 3
    ones, day = np.ones(rows, dtype=np.int64), (at.astimezone(PARIS).date() - FIRST_DAY).days
    return DaySums(
        series_id=ones * series_id,
        day=ones * day,
        model_id=ones * model_id,
        issued=np.ones(rows, dtype=np.bool_),
        lead_from_h=np.array([0, 0, 6], dtype=np.int64),
        regime=np.array([0, 1, 1], dtype=np.int64),
        steps=ones * 100,
        within_80=ones * 79,
        within_90=ones * 91,
        below=np.tile(np.array([6, 11, 26, 51, 74, 90, 95], dtype=np.int64), (rows, 1)),
        pinball=np.full(rows, 60.0),
        pinball_naive=np.full(rows, 100.0),
        absolute_error=np.full(rows, 150.0),
        absolute_error_naive=np.full(rows, 240.0),
    )


def forecast(series_id: int, at: datetime) -> Forecast:
    """Return a naive forecast of the next day, with a doubt."""
    start = at.replace(minute=0, second=0)
    steps = [ForecastStep(start + n * HOUR, (20.0, 22.0, 26.0, 30.0, 34.0, 38.0, 40.0), 30.0) for n in range(24)]
    return Forecast(series_id, at, HOUR, start, steps, None, "worse_lately", (Doubt.GAPS,))


def lay_out(connection: Connection, at: datetime) -> int:
    """Write a meter with readings, a forecast, a scored day and two models, of which the first speaks."""
    write_communes(connection, communes().values())
    sensor = Sensor("mairie-1", SensorKind.METER, "Tableau général", Site(COMMUNE, "mairie", "Mairie"))
    series_id = write_series(connection, declare_sensor(connection, sensor, at - timedelta(days=90)), METRIC)
    readings = [Reading(series_id, at - n * HOUR / 4, 30.0 + n % 7) for n in range(1, 96)]
    write_batch(connection, Batch(at, readings, [Message("t", b"", at, 0)] * len(readings)))
    write_forecasts(connection, [forecast(series_id, at)])
    first = write_model(connection, stored(at - timedelta(days=20), "first"), b"no model")
    promote(connection, Reign(METRIC, at - timedelta(days=20), first, PLATFORM, "first"))
    write_model(connection, stored(at - timedelta(days=1), "schedule"), b"nor this")
    write_day_sums(connection, scored(series_id, first, at - timedelta(days=1)))
    return series_id


@pytest.fixture
def visited(database_url: str, browser: Browser) -> Iterator[tuple[Page, str, int]]:
    """A page let in as an administrator, the address and a series; a request that is refused fails the test."""
    with connected(database_url) as connection:
        series_id = lay_out(connection, now().replace(microsecond=0))
        link = administrator_link(connection, "test")
        connection.commit()
    failures: list[str] = []

    def note(response: Response) -> None:
        if response.status >= 400:
            failures.append(f"{response.status} {response.request.method} {response.url}: {response.text()}")

    with api_running(database_url) as client:
        context = browser.new_context(locale="fr-FR", viewport={"width": 1440, "height": 900})
        page = context.new_page()
        page.on("response", note)
        url = str(client.base_url).removesuffix("/api/v1/")
        page.goto(f"{url}/enter/{link}")
        page.get_by_role("button").click()
        page.wait_for_url("**/supervision*")
        yield page, url, series_id
        context.close()
    assert failures == []


def test_a_model_is_judged_doubted_and_replaced(visited: tuple[Page, str, int]) -> None:
    page, url, series_id = visited
    page.goto(f"{url}/modeles")
    row = page.locator(".every tbody tr", has_text="Puissance")
    expect(row).to_contain_text("40\u00a0%")
    expect(row).to_contain_text("91\u00a0%")
    expect(row).to_contain_text("un autre à l’essai")
    expect(row).to_contain_text("le modèle a fait moins bien que la naïve ces derniers jours")
    row.get_by_role("link").click()
    expect(page.locator("[data-verdict]")).to_contain_text("40\u00a0% mieux que la naïve")
    expect(page.locator('[data-part="leads"] tbody tr')).to_have_count(2)
    page.get_by_role("tab", name="Séries").click()
    link = page.locator('[data-part="series"]').get_by_role("link", name="Tableau général, Mairie")
    expect(link).to_have_attribute("href", re.compile(f"series={series_id}"))
    page.get_by_role("tab", name="Fiche").click()
    expect(page.locator(".sheet-of h2")).to_contain_text("Puissance")
    page.get_by_role("button", name="Signaler un doute").click()
    page.get_by_label("Ce qui ne va pas").fill("Trop bas le lundi.")
    page.get_by_role("button", name="Envoyer").click()
    expect(page.locator("[data-told]")).to_have_text("Votre doute est gardé.")
    page.get_by_role("tab", name="Modèle").click()
    page.get_by_role("button", name="Lui donner la parole").click()
    page.get_by_label("Pourquoi", exact=False).fill("Vérifié avec la mairie.")
    page.get_by_role("dialog").get_by_role("button", name="Lui donner la parole").click()
    expect(page.locator("[data-told]")).to_contain_text("parle désormais pour Puissance")
    expect(page.locator(".reigns li").first).to_contain_text("Vérifié avec la mairie.")
    expect(page.get_by_role("button", name="Lui rendre la parole")).to_be_visible()


def test_a_forecast_says_its_doubts_and_why_it_is_as_it_is(visited: tuple[Page, str, int]) -> None:
    page, url, series_id = visited
    page.goto(f"{url}/capteur?series={series_id}")
    words = page.locator("vigie-chart .words")
    expect(words).to_contain_text("le modèle a fait moins bien que la naïve ces derniers jours")
    expect(words.locator(".doubt")).to_contain_text("Il manque beaucoup de mesures du dernier jour")
    page.locator("vigie-chart").get_by_role("button", name="Pourquoi").click()
    expect(page.locator(".explain .says")).to_contain_text("30\u00a0kW")
    expect(page.locator(".what-if")).to_be_hidden()
