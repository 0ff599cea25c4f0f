"""The page of a sensor in a real browser: the technician’s stories, both languages, a phone, the keyboard alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from page_alarms import live_item
from page_browser import Visit, visit
from page_doors import stub_door
from page_sensor import PIXEL
from page_town import COMMUNE, iso, stub_town
from PIL import Image
from playwright.sync_api import Browser, expect

from core.roles import Grant, Role

pytestmark = pytest.mark.journey
AXE = Path(__file__).resolve().parents[2] / "node_modules" / "axe-core" / "axe.min.js"
ROOM_12, SILENT_SERIES = "/capteur?sensor=1", 12


@pytest.fixture
def visitor(browser: Browser) -> Iterator[Visit]:
    with visit(browser, stub_town()) as found:
        yield found


def part(name: str) -> str:
    return f'[data-part="{name}"]'


def test_the_sentence_says_what_is_wrong_and_that_the_sensor_is_sound(visitor: Visit) -> None:
    page = visitor.open(ROOM_12)
    expect(page.locator("[data-verdict]")).to_have_text(
        "1\u202f840\u00a0ppm, bien au-dessus des 900 à 1\u202f250 attendus. "
        "Le capteur est sain\u00a0: c’est la salle qui manque d’air."
    )
    figures = page.locator("[data-figures]")
    expect(figures).to_contain_text("Attendu à cette heure1\u202f060\u00a0ppm")
    expect(figures).to_contain_text("Retour sous 1\u202f500\u00a0ppm")
    expect(figures).to_contain_text("Reçu, 7 jours97,9\u00a0%")
    expect(figures).to_contain_text("fin probable")
    expect(page.locator("[data-crumb]")).to_contain_text("École des Tilleuls")
    expect(page.locator("[data-crumb] .simulated")).to_have_text("simulé")
    expect(page.locator(".rail [aria-current]")).to_have_text("Supervision3")
    assert f"commune={COMMUNE}" in page.url


def test_last_week_what_is_expected_its_limits_and_what_was_forecast(visitor: Visit) -> None:
    page = visitor.open(ROOM_12)
    chart = page.locator("vigie-chart")
    expect(chart.locator("h2")).to_have_text("Dernière semaine et 6\u00a0h à venir CO₂, ppm")
    expect(chart.locator(".canvas")).to_have_attribute("aria-label", re.compile("1 lacune"))
    expect(chart.locator(".legend")).to_contain_text("prévu, p10 à p90")
    past = page.locator(part("past"))
    expect(past).to_contain_text("Dans l’éventail, 30 jours81\u00a0% visé 80\u00a0%")
    expect(past.locator(".hits i.out").first).to_be_attached()
    expect(page.locator(part("gap"))).to_contain_text("le niveau récent+150\u00a0ppm")
    expect(page.locator(part("quality"))).to_contain_text("Valeur figée12")
    expect(page.locator(part("radio"))).to_contain_text("987 sur 1\u202f008, 97,9\u00a0%")
    expect(page.locator(part("battery"))).to_contain_text("Fin probable")
    expect(page.locator(part("neighbours"))).to_contain_text("Salle 3")


def test_it_is_opened_from_the_queue_and_follows_the_live_feed(visitor: Visit) -> None:
    page = visitor.open("/supervision")
    heard = len(visitor.town.resumed_after)
    with page.expect_response(lambda one: "/api/v1/live" in one.url and "capteur" in one.request.headers["referer"]):
        page.locator("vigie-queue").get_by_role("link", name="CO₂ élevé, salle 12").click()
    assert len(visitor.town.resumed_after) > heard
    now = page.locator("[data-figures] div", has_text="Maintenant")
    expect(now).to_contain_text("1\u202f840\u00a0ppm")
    page.evaluate("window.sameVisit = true")
    visitor.town.latest[1] |= {"value": 1234.0, "observed_at": iso(datetime.now(UTC))}
    visitor.town.publish([visitor.town.reading(1, 1234.0)])
    expect(now).to_contain_text("1\u202f234\u00a0ppm")
    visitor.town.alarms.clear(1, datetime.now(UTC))
    visitor.town.publish([live_item(visitor.town.alarms.named(1))], "alarms")
    expect(page.get_by_role("button", name="Acquitter")).to_have_count(0)
    expect(page.locator(part("alarms"))).to_contain_text("close")
    assert page.evaluate("window.sameVisit") is True


def test_an_alarm_is_explained_acknowledged_and_taken_back(visitor: Visit) -> None:
    page = visitor.open(ROOM_12)
    page.locator("[data-acts]").get_by_role("button", name="Pourquoi").click()
    expect(page.locator("#alarm-why")).to_contain_text("Au-dessus de 1\u202f500\u00a0ppm")
    page.locator("#alarm-why").get_by_role("button", name="Confier").click()
    page.get_by_role("dialog").get_by_label("À qui").fill("Équipe du matin")
    page.get_by_role("dialog").get_by_role("button", name="Confier").click()
    expect(page.locator("#alarm-why")).to_contain_text("Équipe du matin")
    page.get_by_role("button", name="Acquitter").click()
    back = page.locator("[data-told]").get_by_role("button")
    expect(back).to_be_focused()
    assert visitor.town.alarms.acts[-1]["what"] == "acknowledged"
    expect(page.locator(part("alarms"))).to_contain_text("acquittée")
    back.press("Enter")
    expect(page.locator(part("alarms"))).to_contain_text("ouverte")
    assert [one["what"] for one in visitor.town.alarms.acts] == ["assigned", "acknowledged", "unacknowledged"]


def test_a_repair_is_noted_with_a_photo_shown_large_and_removed(visitor: Visit, tmp_path: Path) -> None:
    photo, letter = tmp_path / "pile.png", tmp_path / "pile.pdf"
    photo.write_bytes(PIXEL)
    letter.write_bytes(b"%PDF")
    page = visitor.open(ROOM_12)
    form = page.locator(part("note"))
    form.get_by_label("Quoi").select_option("battery_changed")
    form.get_by_role("textbox", name="Remarque").fill("Deux piles neuves.\nCouvercle resserré.")
    form.get_by_label("Photos").set_input_files(letter)
    assert form.get_by_label("Photos").evaluate("(field) => field.validationMessage").startswith("Des photos JPEG")
    form.get_by_label("Photos").set_input_files(photo)
    form.get_by_role("button", name="Ajouter au journal").click()
    entry = page.locator(f"{part('journal')} li", has_text="Pile changée")
    expect(entry).to_contain_text("Couvercle resserré.")
    assert visitor.town.facts.photos == {1: PIXEL}
    entry.locator(".photo").click()
    expect(page.get_by_role("dialog").locator("img.full")).to_be_visible()
    page.get_by_role("dialog").get_by_role("button", name="Fermer").click()
    entry.get_by_role("button", name="Effacer").click()
    page.get_by_role("dialog").get_by_role("button", name="Effacer").click()
    expect(entry).to_have_count(0)


def test_what_a_phone_takes_is_made_small_enough_before_it_is_sent(visitor: Visit, tmp_path: Path) -> None:
    large = tmp_path / "grande.png"
    noise = np.random.default_rng(8).integers(0, 256, (1_400, 1_400, 3), dtype=np.uint8)
    Image.fromarray(noise).save(large)
    assert large.stat().st_size > 5 * 1024 * 1024
    page = visitor.open(ROOM_12)
    form = page.locator(part("note"))
    form.get_by_label("Photos").set_input_files(large)
    form.get_by_role("button", name="Ajouter au journal").click()
    expect(page.locator(f"{part('journal')} .photo")).to_have_count(1)
    sent = visitor.town.facts.photos[1]
    assert sent.startswith(b"\xff\xd8")
    assert len(sent) < 5 * 1024 * 1024


def test_a_sensor_is_calibrated_from_its_page(visitor: Visit) -> None:
    page = visitor.open(ROOM_12)
    page.locator(part("identity")).get_by_role("button", name="Étalonner").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Décalage").fill("-31")
    dialog.get_by_role("button", name="Étalonner").click()
    expect(page.locator(part("identity"))).to_contain_text("CO₂\u00a0: × 1, −31\u00a0ppm")


def test_a_message_is_taken_apart_step_by_step(visitor: Visit) -> None:
    page = visitor.open(ROOM_12)
    frames = page.locator(part("frames"))
    frames.locator("button.open").first.click()
    expect(frames.locator(".steps > li")).to_have_count(5)
    expect(frames.locator(".steps")).to_contain_text("Enveloppe du réseau")
    expect(frames.locator("tbody > tr").last).to_contain_text("refusé")


def test_the_label_is_shown_and_prints_alone(visitor: Visit) -> None:
    page = visitor.open(ROOM_12)
    page.get_by_role("button", name="Étiquette QR").click()
    label = page.locator(".device-label")
    expect(label).to_contain_text("sim-indoor_air-001")
    expect(label.get_by_role("img")).to_have_attribute("alt", re.compile("Code QR"))
    page.emulate_media(media="print")
    expect(label).to_be_visible()
    expect(page.locator("main")).to_be_hidden()
    # One page of 62 by 32 mm, in points of the printed file.
    printed = page.pdf(prefer_css_page_size=True)
    sizes = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", printed)
    assert [(round(float(wide) / 72 * 25.4), round(float(tall) / 72 * 25.4)) for wide, tall in sizes] == [(62, 32)]


def test_by_keyboard_alone_acknowledge_zoom_open_and_go_back(visitor: Visit) -> None:
    page = visitor.open(ROOM_12)
    expect(page.locator("vigie-chart canvas")).to_be_visible()
    page.get_by_role("button", name="Acquitter").focus()
    page.keyboard.press("Enter")
    expect(page.locator("[data-told]").get_by_role("button")).to_be_focused()
    page.locator("vigie-chart .stage").focus()
    page.keyboard.press("+")
    page.wait_for_url("**from=**")
    page.keyboard.press("ArrowLeft")
    expect(page.locator("vigie-chart h2")).to_contain_text("Entre ")
    page.keyboard.press("Home")
    expect(page.locator("vigie-chart h2")).to_contain_text("Dernière semaine")
    expect(page.locator("vigie-chart .stage")).to_be_focused()
    page.locator(part("neighbours")).get_by_role("link", name="Salle 3").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**sensor=2**")


def test_who_may_only_look_is_offered_nothing_to_do(browser: Browser) -> None:
    door = stub_door()
    door.grants = (Grant(Role.AUDITOR), Grant(Role.BUILDING_MANAGER, COMMUNE, 99))
    with visit(browser, stub_town(), door=door) as visitor:
        page = visitor.open(ROOM_12)
        expect(page.locator(part("identity"))).to_contain_text("sim-indoor_air-001")
        expect(page.get_by_role("button", name="Acquitter")).to_have_count(0)
        expect(page.locator(part("note"))).to_be_hidden()
        expect(page.get_by_role("button", name="Étalonner")).to_have_count(0)


def test_a_sensor_that_never_spoke_has_what_there_is_of_it(visitor: Visit) -> None:
    town = visitor.town
    for series in town.sensors[0]["series"]:
        del town.latest[series["series_id"]]
    town.facts.heard = town.facts.past = False
    town.facts.journal.clear()
    town.alarms.items.clear()
    page = visitor.open(ROOM_12)
    expect(page.locator("[data-verdict]")).to_contain_text("Aucune mesure reçue.")
    for name in ("radio", "battery", "gap", "frames"):
        expect(page.locator(part(name))).to_be_hidden()
    expect(page.locator(part("past"))).to_contain_text("Aucune prévision n’avait été émise")
    expect(page.locator(part("journal"))).to_contain_text("Rien n’est encore noté.")


@pytest.mark.parametrize(
    ("sensor", "says"),
    [
        (4, "97\u00a0%, bien au-dessus des"),
        (5, "Muet depuis 5\u00a0h. Dernière mesure"),
        (8, "kW, bien au-dessus des 40,0 à 58,0 attendus. Le capteur est sain"),
        (10, "µg/m³"),
        (11, ""),
    ],
)
def test_every_kind_of_sensor_has_its_page(visitor: Visit, sensor: int, says: str) -> None:
    if sensor == 4:
        series = visitor.town.sensors[3]["series"][0]["series_id"]
        visitor.town.latest[series] |= {"value": 0.97, "expected": {"p05": 0.44, "p50": 0.5, "p95": 0.56}}
    if sensor == 8:
        series = visitor.town.sensors[7]["series"][0]["series_id"]
        visitor.town.latest[series] |= {"value": 91.2, "expected": {"p05": 40.0, "p50": 49.0, "p95": 58.0}}
    page = visitor.open(f"/capteur?sensor={sensor}")
    expect(page.locator("[data-verdict]")).to_contain_text(says)
    expect(page.locator("vigie-chart canvas")).to_be_visible()


def test_a_retired_sensor_keeps_its_history(visitor: Visit) -> None:
    visitor.town.sensors[0]["retired_at"] = "2026-03-02T10:00:00Z"
    page = visitor.open(ROOM_12)
    expect(page.locator("[data-verdict]")).to_contain_text("Retiré depuis le 2 mars.")
    expect(page.locator("vigie-chart canvas")).to_be_visible()
    expect(page.get_by_role("button", name="Remettre en service")).to_be_visible()


def test_an_address_of_no_sensor_leads_to_supervision_and_of_an_absent_one_says_so(visitor: Visit) -> None:
    page = visitor.page
    page.goto(f"{visitor.url}/capteur?commune={COMMUNE}")
    page.wait_for_url("**/supervision**")
    absent = {"title": "Introuvable", "status": 404}
    page.route("**/api/v1/sensors/999", lambda route: route.fulfill(status=404, json=absent))
    page.goto(f"{visitor.url}/capteur?sensor=999")
    expect(page.locator("[data-verdict]")).to_have_text("Ce capteur n’existe pas, ou il n’est pas à voir d’ici.")
    visitor.complaints[:] = [said for said in visitor.complaints if "status of 404" not in said]


@pytest.mark.parametrize(("language", "says"), [("fr-FR", "Dernière semaine"), ("en-GB", "Last week")])
@pytest.mark.parametrize("width", [1440, 390])
def test_axe_finds_nothing_in_either_language_on_any_width(
    browser: Browser, language: str, says: str, width: int
) -> None:
    if not AXE.is_file():
        pytest.skip("axe-core is not among the browser libraries")
    with visit(browser, stub_town(), language=language, width=width) as visitor:
        page = visitor.open(ROOM_12)
        expect(page.locator("vigie-chart h2")).to_contain_text(says)
        expect(page.locator("vigie-chart canvas")).to_be_visible()
        page.locator(f"{part('frames')} button.open").first.click()
        expect(page.locator(".steps")).to_be_visible()
        page.locator("[data-acts] [aria-expanded]").click()
        page.context.new_cdp_session(page).send("Runtime.evaluate", {"expression": AXE.read_text(encoding="utf-8")})
        assert page.evaluate("axe.run().then(({ violations }) => violations.map(({ id }) => id))") == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth") is True
