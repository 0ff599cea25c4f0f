"""Supervision over the real API and database: what the page asks is what they answer, and its acts are kept."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from api_process import api_running
from playwright.sync_api import Browser, Page, Response, expect

from core.clock import now
from core.places import Sensor, SensorKind, Site, communes
from core.store.places import write_communes, write_series
from core.store.pool import Connection, connected
from core.store.sensors import adopt_sensor
from vigie.commands.admin import administrator_link

pytestmark = pytest.mark.journey
COMMUNE = "93051"


def lay_out(connection: Connection) -> None:
    """Write a school with one room that speaks and is in alarm, and one that never spoke."""
    write_communes(connection, communes().values())
    at = now()
    site = Site(COMMUNE, "tilleuls", "École des Tilleuls", longitude=2.55, latitude=48.84)
    room = Sensor("salle-12", SensorKind.INDOOR_AIR, "Salle 12", site)
    sensor_id = adopt_sensor(connection, room, at - timedelta(days=3))
    adopt_sensor(connection, Sensor("salle-3", SensorKind.INDOOR_AIR, "Salle 3", site), at - timedelta(days=3))
    series_id = write_series(connection, sensor_id, "co2_ppm")
    connection.execute(
        "INSERT INTO latest (series_id, observed_at, value, quality, received_at) VALUES (%s, %s, 1840, 0, now())",
        (series_id, at - timedelta(minutes=1)),
    )
    connection.execute(
        """
        INSERT INTO alarm (name, severity, commune_insee, site_id, sensor_id, series_id, subject, since, confirmed_at,
                           raised_at, figures)
        SELECT 'threshold', 'warning', commune_insee, site_id, sensor_id, %s, 'sensor:salle-12', %s, %s, %s,
               '{"value": 1840, "limit": 1500}'
          FROM sensor JOIN site USING (site_id) WHERE sensor_id = %s
        """,
        (series_id, *(at - timedelta(minutes=ago) for ago in (24, 4, 4)), sensor_id),
    )


@pytest.fixture
def page(database_url: str, browser: Browser) -> Iterator[Page]:
    """Supervision of the commune; a request that is refused fails the test."""
    with connected(database_url) as connection:
        lay_out(connection)
        link = administrator_link(connection, "test")
        connection.commit()
    failures: list[str] = []

    def note(response: Response) -> None:
        if response.status >= 400:
            failures.append(f"{response.status} {response.request.method} {response.url}: {response.text()}")

    with api_running(database_url) as client:
        context = browser.new_context(locale="fr-FR", viewport={"width": 1440, "height": 900})
        visited = context.new_page()
        visited.on("response", note)
        url = str(client.base_url).removesuffix("/api/v1/")
        visited.goto(f"{url}/enter/{link}")
        visited.get_by_role("button").click()
        visited.wait_for_url("**/supervision*")
        yield visited
        context.close()
    assert failures == []


def test_an_alarm_is_seen_explained_noted_acknowledged_and_taken_back(page: Page) -> None:
    expect(page.locator("[data-verdict]")).to_have_text("Une alarme à traiter. Ailleurs, un capteur muet.")
    row = page.locator("vigie-queue [data-alarm]")
    expect(row).to_have_count(1)
    expect(row.locator(".ti")).to_contain_text("CO₂ élevé")
    expect(row.locator(".val")).to_have_text("1\u202f840\u00a0ppm")
    row.get_by_role("button", name="Pourquoi").click()
    expect(row.locator(".says")).to_be_visible()
    row.get_by_role("button", name="Commenter…").click()
    page.get_by_label("Note").fill("Fenêtres bloquées")
    page.get_by_role("button", name="Noter").click()
    expect(row.locator(".journal")).to_contain_text("Fenêtres bloquées")
    row.get_by_role("button", name="Acquitter").click()
    expect(page.locator("vigie-queue")).to_contain_text("Aucune alarme à traiter.")
    page.get_by_role("button", name="Annuler").click()
    expect(row.get_by_role("button", name="Acquitter")).to_be_visible()
    row.get_by_role("button", name="Autre durée de sourdine").click()
    page.get_by_role("dialog").get_by_label("Durée").select_option("24")
    page.get_by_role("button", name="Mettre en sourdine").click()
    expect(row).to_contain_text("jusqu’à demain")
    page.get_by_role("button", name="Liste").click()
    expect(page.locator("vigie-sensors a.row")).to_have_count(1)
    page.get_by_label("Montrer les capteurs en sourdine").check()
    expect(page.locator("vigie-sensors a.row")).to_have_count(2)
