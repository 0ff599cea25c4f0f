"""Données over the real API, database and intakes: what the page asks is what they answer."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from api_process import api_running
from playwright.sync_api import Browser, Page, Response, expect
from replaying import ROOM, refused, settings_of

from core.clock import now
from core.metrics import METRICS
from core.places import communes
from core.readings import Arrival, Frame, Message, Reason, Rejection
from core.sensor_life import DeviceModel
from core.store.devices import write_device_models
from core.store.frames import write_frames
from core.store.places import write_communes
from core.store.pool import Connection, connected
from core.store.rejections import write_rejections
from core.store.sensors import adopt_sensor
from ingestors.decoders.senml import format_pack
from ingestors.intakes import running_intakes
from ingestors.topics import uplink_topic
from vigie.commands.admin import administrator_link

pytestmark = pytest.mark.journey
COMMUNE = ROOM.site.commune_insee
FRAMES = 40
LOST = range(11, 18)


def good_message(at: datetime) -> Message:
    payload = format_pack(at, [(METRICS["co2_ppm"], 612.0)])
    return Message(uplink_topic(ROOM), payload, at, len(payload))


def lay_out(connection: Connection, at: datetime) -> None:
    """Write a commune with one sensor: three of its messages refused, seven of its frames lost."""
    write_communes(connection, communes().values())
    write_device_models(connection, [DeviceModel("elsys-ers-co2", "Elsys", "ERS CO2", (ROOM.kind,))])
    sensor_id = adopt_sensor(connection, ROOM, at - timedelta(days=2), "Yanis")
    write_rejections(connection, [refused(good_message(at - timedelta(minutes=n))) for n in range(3)])
    write_rejections(connection, [Rejection(Message("vigie/v1/x", b"\xff\x01", at, 2), Reason.MALFORMED, "not JSON")])
    frames = [
        Frame(sensor_id, "session", n, at - timedelta(minutes=10 * (FRAMES - n)))
        for n in range(FRAMES)
        if n not in LOST
    ]
    write_frames(connection, frames, at, Arrival.LIVE)


@pytest.fixture
def page(database_url: str, browser: Browser) -> Iterator[Page]:
    """Données of the commune over a real API and real intakes; a request that is refused fails the test."""
    with connected(database_url) as connection:
        lay_out(connection, now().replace(microsecond=0))
        link = administrator_link(connection, "test")
        connection.commit()
    failures: list[str] = []

    def note(response: Response) -> None:
        if response.status >= 400:
            failures.append(f"{response.status} {response.request.method} {response.url}: {response.text()}")

    with api_running(database_url) as client, running_intakes(settings_of(database_url)):
        context = browser.new_context(locale="fr-FR", viewport={"width": 1440, "height": 900})
        visited = context.new_page()
        visited.on("response", note)
        url = str(client.base_url).removesuffix("/api/v1/")
        visited.goto(f"{url}/enter/{link}")
        visited.get_by_role("button").click()
        visited.wait_for_url("**/supervision*")
        visited.goto(f"{url}/donnees?commune={COMMUNE}")
        expect(visited.locator("[data-verdict] .skeleton")).to_have_count(0)
        yield visited
        context.close()
    assert failures == []


def view(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name).click()


def confirm(page: Page, label: str) -> None:
    page.get_by_role("dialog").get_by_role("button", name=label).click()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_refused_messages_become_readings(page: Page) -> None:
    expect(page.locator("[data-verdict]")).to_contain_text("Quatre messages refusés depuis 24 heures")
    page.locator("[data-refusals] details.refusal", has_text="message illisible").locator("summary").click()
    expect(page.locator("[data-refusals] pre")).to_contain_text("ff 01")
    page.get_by_role("button", name="Rejouer : unité inconnue, room-1").click()
    confirm(page, "Rejouer")
    page.keyboard.press("Escape")
    expect(page.locator("[data-groups]")).to_contain_text("3 enregistrés")
    view(page, "Collecte")
    expect(page.locator("[data-intakes]")).to_contain_text("unité inconnue, room-1")
    expect(page.locator("[data-intakes]")).to_contain_text("admin")


def test_missing_frames_are_found(page: Page) -> None:
    view(page, "Trames manquantes")
    row = page.locator("[data-gaps] tbody tr").first
    expect(row.locator(".strong")).to_have_text(str(len(LOST)))
    row.locator("button.open").click()
    expect(page.locator("[data-gaps] .beneath")).to_contain_text(f"{LOST[0]} à {LOST[-1]}")


def test_a_sensor_is_edited_and_a_list_imported(page: Page) -> None:
    view(page, "Capteurs")
    page.locator("[data-sensors] button.open").first.click()
    page.locator("[data-sensors] .beneath").get_by_role("button", name="Modifier").click()
    page.get_by_label("Modèle d’appareil").select_option("elsys-ers-co2")
    confirm(page, "Enregistrer")
    expect(page.locator("[data-sensors]")).to_contain_text("Elsys ERS CO2")
    page.locator("[data-sensors] button.open").first.click()
    expect(page.locator("[data-sensors] .journal")).to_contain_text("modèle : rien → elsys-ers-co2")
    page.get_by_role("button", name="Importer une liste").click()
    text = f"identifiant;type;nom;commune;site\nroom-2;indoor_air;Salle 2;{COMMUNE};École\n"
    page.get_by_label("Fichier CSV").set_input_files(
        {"name": "capteurs.csv", "mimeType": "text/csv", "buffer": text.encode("utf-8-sig")}
    )
    expect(page.get_by_role("dialog")).to_contain_text("Aucune erreur")
    confirm(page, "Appliquer")
    expect(page.locator("[data-told]")).to_contain_text("1 adoptés")
    expect(page.locator("[data-sensors]")).to_contain_text("Salle 2")
