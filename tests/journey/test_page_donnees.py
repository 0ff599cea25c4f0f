"""Données in a real browser: frames fetched back, complete days, intakes, lanes; in both languages, by keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from page_browser import Visit, visit
from page_town import COMMUNE, EMPTY_COMMUNE, stub_town
from playwright.sync_api import Browser, expect

pytestmark = pytest.mark.journey
AXE = Path(__file__).resolve().parents[2] / "node_modules" / "axe-core" / "axe.min.js"
VIEWS = ("refusals", "gaps", "completeness", "registry", "ingest", "storage", "health")


@pytest.fixture
def visitor(browser: Browser) -> Iterator[Visit]:
    with visit(browser, stub_town()) as found:
        yield found


def test_the_figures_are_the_table_of_contents(visitor: Visit) -> None:
    page = visitor.open(f"/donnees?commune={COMMUNE}")
    tabs = page.get_by_role("tab")
    expect(tabs.locator(".v")).to_have_text(["7", "45", "90\u00a0%", "11", "0,4\u00a0s", "1,9\u00a0Go", "1"])
    tabs.first.focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tabpanel")).to_have_attribute("id", "gaps")
    assert "view=gaps" in page.url
    page.keyboard.press("End")
    expect(page.get_by_role("tabpanel")).to_have_attribute("id", "health")
    page.go_back()
    expect(page.get_by_role("tabpanel")).to_have_attribute("id", "gaps")


def test_missing_frames_are_listed_worst_first_and_fetched_back(visitor: Visit) -> None:
    page = visitor.open(f"/donnees?commune={COMMUNE}&view=gaps")
    rows = page.locator("[data-gaps] tbody tr")
    expect(rows.first).to_contain_text("Bac papier 42")
    expect(rows.first.get_by_role("img")).to_have_attribute("aria-label", "962 reçues, 5 rattrapées, 41 manquantes")
    rows.first.get_by_role("button", name="Bac papier 42", expanded=False).click()
    expect(page.locator("[data-gaps] .beneath")).to_contain_text("4310 à 4349")
    expect(page.locator("[data-gaps] .beneath")).to_contain_text("1 nouvelle session")
    page.get_by_role("button", name="Rattraper Bac papier 42").click()
    page.get_by_label("Application The Things Stack").fill("inconnue")
    send = page.get_by_role("dialog").get_by_role("button", name="Rattraper")
    send.click()
    expect(page.get_by_role("alert").filter(has_text="no such application")).to_be_visible()
    page.get_by_label("Application The Things Stack").fill("noisy-air")
    send.click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(rows.first).to_contain_text("59 enregistrés, 1 refusé")
    [asked] = visitor.town.intakes.asked
    assert (asked["kind"], asked["application"], asked["external_id"]) == ("backfill", "noisy-air", "sim-bin-005")
    assert asked["since"] < asked["until"]


def test_a_sensor_without_gap_says_so(visitor: Visit) -> None:
    page = visitor.open(f"/donnees?commune={COMMUNE}&view=gaps")
    page.get_by_role("button", name="Salle 3", exact=False).first.click()
    expect(page.locator("[data-gaps] .beneath")).to_contain_text("aucun trou")
    expect(page.locator("[data-gaps] .beneath")).to_contain_text("compteur remis à zéro 1 fois")


def test_days_without_anything_are_hatched_and_short_ones_named(visitor: Visit) -> None:
    page = visitor.open(f"/donnees?commune={COMMUNE}&view=completeness")
    row = page.locator("[data-completeness] tbody tr").first
    expect(row).to_contain_text("Bac papier 42")
    expect(row.locator(".absent")).to_have_count(4)
    expect(row.locator(".full")).to_have_count(25)
    expect(row.get_by_role("img")).to_have_attribute("aria-label", "Bac papier 42\u00a0: 25 jours valides sur 30")
    row.get_by_role("button").click()
    expect(page.locator("[data-completeness] .beneath")).to_contain_text("rien reçu")
    expect(page.locator("[data-completeness] .beneath")).to_contain_text("40\u00a0%")


def test_an_intake_under_way_is_stopped(visitor: Visit) -> None:
    page = visitor.open(f"/donnees?commune={COMMUNE}&view=ingest")
    expect(page.locator("[data-intakes]")).to_contain_text("en cours, 96\u202f000 sur 250\u202f000")
    expect(page.locator("[data-intakes]")).to_contain_text("the network server refused the key")
    page.get_by_role("button", name="Arrêter : Import").click()
    page.get_by_role("dialog").get_by_role("button", name="Arrêter").click()
    expect(page.locator("[data-intakes]")).to_contain_text("arrêté : 95\u202f300 enregistrés")


@pytest.mark.parametrize(
    ("state", "sentence", "what"),
    [
        ("late", "Une voie de collecte est en retard.", "La voie «\u00a0reseaux\u00a0» a 42\u00a0s de retard."),
        (
            "missed",
            "Une voie de collecte est en retard.",
            "La voie «\u00a0reseaux\u00a0» n’a plus donné signe de vie depuis",
        ),
        ("silent", "Une voie de collecte est muette.", "La voie «\u00a0reseaux\u00a0» est muette depuis"),
    ],
)
def test_a_lane_in_trouble_comes_first_with_what_to_do(visitor: Visit, state: str, sentence: str, what: str) -> None:
    visitor.town.lane_state = state
    page = visitor.open("/donnees")
    expect(page.locator("[data-verdict]")).to_contain_text(sentence)
    expect(page.locator("[data-lane-notes]")).to_contain_text(what)


def test_an_empty_commune_says_what_to_do(visitor: Visit) -> None:
    page = visitor.open(f"/donnees?commune={EMPTY_COMMUNE}&view=registry")
    expect(page.locator("[data-sensors]")).to_contain_text("adoptez-en un, ou importez une liste")
    expect(page.locator("#gaps")).to_contain_text("Aucun capteur LoRaWAN")
    expect(page.locator("#completeness")).to_contain_text("Aucun jour complet")


def test_one_view_that_fails_leaves_the_others(visitor: Visit) -> None:
    visitor.page.route("**/api/v1/gaps*", lambda route: route.fulfill(status=503, json={"title": "Indisponible"}))
    page = visitor.open(f"/donnees?commune={COMMUNE}&view=gaps")
    expect(page.locator("#gaps [data-fault]")).to_contain_text("Lecture impossible : Indisponible")
    expect(page.get_by_role("tab").nth(1)).to_contain_text("lecture impossible")
    expect(page.get_by_role("tab").first).to_contain_text("7")
    visitor.page.unroute("**/api/v1/gaps*")
    page.get_by_role("button", name="Réessayer").click()
    expect(page.locator("#gaps [data-fault]")).to_be_empty()
    expect(page.locator("[data-gaps] tbody tr")).to_have_count(4)


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize(("language", "width"), [("en-GB", 390), ("fr-FR", 390), ("en-GB", 1440)])
def test_no_view_is_wider_than_the_screen(browser: Browser, view: str, language: str, width: int) -> None:
    with visit(browser, stub_town(), language=language, width=width) as visitor:
        page = visitor.open(f"/donnees?commune={COMMUNE}&view={view}")
        expect(page.locator(f"#{view} .skeleton")).to_have_count(0)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.get_by_role("tabpanel").inner_text().strip()


@pytest.mark.parametrize("view", VIEWS)
def test_axe_finds_nothing_in_an_opened_view(visitor: Visit, view: str) -> None:
    if not AXE.is_file():
        pytest.skip("axe-core is not among the browser libraries")
    page = visitor.open(f"/donnees?commune={COMMUNE}&view={view}")
    for row in page.locator(f"#{view} button.open").all()[:1]:
        row.click()
        expect(page.locator(f"#{view} .beneath .skeleton")).to_have_count(0)
    # Through the debugger, because the page's own policy lets no foreign script in.
    page.context.new_cdp_session(page).send("Runtime.evaluate", {"expression": AXE.read_text(encoding="utf-8")})
    found = page.evaluate("axe.run().then(({ violations }) => violations.map(({ id, nodes }) => [id, nodes[0].html]))")
    assert found == []


def test_what_takes_the_room_and_which_export_fails(visitor: Visit) -> None:
    page = visitor.open(f"/donnees?commune={COMMUNE}&view=storage")
    expect(page.get_by_role("tab", name="Stockage")).to_contain_text("1 export en échec")
    first = page.locator("[data-relations] tbody tr").first
    expect(first).to_contain_text("mesures")
    expect(first).to_contain_text("2,0\u00a0Go")
    expect(first).to_contain_text("×\u00a07,3")
    expect(page.locator("[data-storage-facts]")).to_contain_text("TimescaleDB 2.28.3, mesures anciennes compressées")
    expect(page.locator("[data-storage-facts]")).to_contain_text("il y a 5\u00a0h")
    expect(page.locator("[data-schedules] tbody tr").last).to_contain_text("the bucket refuses us")
    page.locator("[data-schedules]").get_by_role("button", name="air").click()
    expect(page.locator("[data-schedules] .beneath")).to_contain_text("1/2026-03-02.csv")
    expect(page.locator("[data-schedules] .beneath")).to_contain_text("corrigé")


def test_a_month_is_walked_day_by_day(visitor: Visit) -> None:
    page = visitor.open(f"/donnees?commune={COMMUNE}&view=completeness")
    page.get_by_role("button", name="Détails\u00a0: Bac papier 42").click()
    months = page.get_by_role("group", name="Jours de Bac papier 42, par mois")
    assert months.locator("table caption").count() in {1, 2}
    expect(months.locator(".day-cell")).to_have_count(30)
    expect(months.locator(".day-cell.absent")).to_have_count(4)
    expect(months.locator("[tabindex='0']")).to_have_count(1)
    months.locator("[tabindex='0']").focus()
    page.keyboard.press("ArrowUp")
    expect(page.locator(".day-said")).to_contain_text("rien reçu")
    page.keyboard.press("Home")
    expect(months.locator(".day-cell").first).to_be_focused()
    expect(page.locator("[data-completeness] .beneath tbody tr").last).to_be_visible()


def test_what_the_platform_says_of_itself_comes_with_what_to_do(visitor: Visit) -> None:
    page = visitor.open(f"/donnees?commune={COMMUNE}&view=health")
    rows = page.locator("[data-health] tbody tr")
    expect(rows.first).to_have_attribute("data-key", "storage")
    expect(rows.first).to_contain_text("pleine vers le")
    expect(rows.first).to_contain_text("vigie storage keep")
    expect(rows.nth(1)).to_contain_text("412 messages refusés depuis 24\u00a0h, pour 91 par jour d’ordinaire.")
    expect(rows.last).to_have_class("good")
    expect(page.get_by_role("tab", name="Santé")).to_contain_text("1 point à réparer")


@pytest.mark.parametrize("view", ["gaps", "completeness", "registry"])
def test_every_sensor_leads_to_its_page(visitor: Visit, view: str) -> None:
    page = visitor.open(f"/donnees?commune={COMMUNE}&view={view}")
    link = page.locator(f"#{view}").get_by_role("link", name="Bac papier 42")
    expect(link).to_have_attribute("href", f"/capteur?sensor=5&commune={COMMUNE}")
