"""Alarmes in a real browser: what raises an alarm and is tried first, where nobody is called out, who is told when."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from page_browser import Visit, visit
from page_doors import stub_door
from page_town import COMMUNE, stub_town
from playwright.sync_api import Browser, expect

from core.roles import Grant, Role

pytestmark = pytest.mark.journey
PAGE = f"/alarmes?commune={COMMUNE}"


@pytest.fixture
def visitor(browser: Browser) -> Iterator[Visit]:
    with visit(browser, stub_town()) as found:
        yield found


def test_rules_stand_in_groups_with_their_words_and_their_source(visitor: Visit) -> None:
    page = visitor.open(PAGE)
    expect(page.locator("[data-verdict]")).to_contain_text("Quatre règles veillent sur Noisy-le-Grand.")
    expect(page.locator("[data-verdict]")).to_contain_text("Une fenêtre de maintenance est ouverte")
    expect(page.get_by_role("tab", name="Règles en service")).to_contain_text("1 éteinte")
    expect(page.locator(".rules .family")).to_have_text(["Règles d’ici", "Valeurs de référence", "Capteurs et données"])
    expect(page.locator(".rules tbody").first).to_contain_text("Noisy-le-Grand, Bacs")
    page.get_by_role("button", name="CO₂ très élevé").click()
    expect(page.locator(".beneath")).to_contain_text("Arrêté du 27 décembre 2022")
    # A page behind the rail: the page of the rail that it is a part of is the current one.
    expect(page.locator(".rail [aria-current=page]")).to_have_text("Supervision")


def test_a_rule_is_tried_on_the_past_then_added(visitor: Visit) -> None:
    page = visitor.open(PAGE)
    page.get_by_role("button", name="Ajouter une règle").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Ce qui lève l’alarme").select_option("threshold")
    dialog.get_by_label("Grandeur").select_option("fill_ratio")
    dialog.get_by_role("button", name="Essayer").click()
    expect(dialog.locator(".trial-said")).to_be_empty()
    dialog.get_by_label("Limite, %").fill("85")
    dialog.get_by_role("button", name="90 jours").click()
    dialog.get_by_role("button", name="Essayer").click()
    expect(dialog.locator(".trial-said")).to_contain_text(
        "Elle aurait levé 14 alarmes en 90 jours, sur 3 capteurs\u00a0: 1,4 par capteur et par mois."
    )
    expect(dialog.locator(".trial-said tbody tr")).to_have_count(2)
    dialog.get_by_label("Où").select_option("site:2")
    dialog.get_by_label("Relancer après, h").fill("1,5".replace(",", "."))
    dialog.get_by_label("Nom").fill("Colonnes de la rue des Charmes")
    dialog.get_by_role("button", name="Ajouter une règle").click()
    expect(page.locator("[data-done]")).to_have_text("Colonnes de la rue des Charmes\u00a0: la règle est en service.")
    what, body = visitor.town.rules.asked[-1]
    assert what == "add"
    assert body["parameters"]["raise"] == pytest.approx(0.85)
    assert body["parameters"]["clear"] == pytest.approx(0.85)
    assert (body["commune_insee"], body["site_id"], body["escalate_after_s"]) == (COMMUNE, 2, 5_400)
    tried = next(asked for asked in visitor.town.rules.asked if asked[0] == "trial")[1]
    assert tried["days"] == 90
    assert tried["rule"]["metric"] == "fill_ratio"


def test_a_condition_asks_for_what_is_its_own(visitor: Visit) -> None:
    page = visitor.open(PAGE)
    page.get_by_role("button", name="Ajouter une règle").click()
    dialog = page.get_by_role("dialog")
    asked = {
        "rate": ["per_minute", "minutes"],
        "stuck": ["minutes"],
        "silence": ["factor"],
        "battery": ["empty", "days"],
        "expected": ["margin_ratio", "minutes"],
        "will_exceed": ["will_exceed", "within_hours", "chance"],
        "completeness": ["ratio", "days"],
    }
    for condition, names in asked.items():
        dialog.get_by_label("Ce qui lève l’alarme").select_option(condition)
        fields = dialog.locator("form > div:nth-of-type(2) input")
        assert [field.get_attribute("name") for field in fields.all()] == names


def test_a_rule_that_is_edited_keeps_what_it_was(visitor: Visit) -> None:
    page = visitor.open(PAGE)
    page.get_by_role("button", name="Colonnes presque pleines").click()
    page.get_by_role("button", name="Modifier Colonnes").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Limite, %")).to_have_value("90")
    expect(dialog.get_by_label("Relancer après, h")).to_have_value("2")
    dialog.get_by_role("button", name="Enregistrer").click()
    expect(page.locator("[data-done]")).to_contain_text("enregistré")
    what, body = visitor.town.rules.asked[-1]
    kept = visitor.town.rules.rules[-1]
    assert what == "write"
    assert {name: body[name] for name in ("metric", "kind", "severity", "escalate_after_s")} == {
        name: kept[name] for name in ("metric", "kind", "severity", "escalate_after_s")
    }


def test_a_rule_is_switched_on_again(visitor: Visit) -> None:
    page = visitor.open(PAGE)
    page.get_by_role("button", name="CO₂ élevé", exact=False).first.click()
    page.get_by_role("button", name="Rallumer CO₂ élevé").click()
    page.get_by_role("dialog").get_by_role("button", name="Rallumer").click()
    expect(page.locator("[data-done]")).to_have_text("CO₂ élevé est en service.")
    expect(page.locator("[data-verdict]")).to_contain_text("Cinq règles veillent")
    assert visitor.town.rules.asked[-1][1]["enabled"] is True


def test_a_technician_changes_the_rules_of_the_commune_only(browser: Browser) -> None:
    door = stub_door()
    door.grants = (Grant(Role.TECHNICIAN, COMMUNE),)
    with visit(browser, stub_town(), door=door) as visitor:
        page = visitor.open(PAGE)
        page.get_by_role("button", name="CO₂ très élevé").click()
        expect(page.get_by_role("button", name="Modifier CO₂ très élevé")).to_have_count(0)
        page.get_by_role("button", name="Nouvelle règle à partir de CO₂ très élevé").click()
        places = page.get_by_role("dialog").get_by_label("Où").locator("> option")
        expect(places).to_have_text(["Noisy-le-Grand"])


def test_maintenance_is_announced_and_ended(visitor: Visit) -> None:
    page = visitor.open(f"{PAGE}&view=maintenance")
    expect(page.locator("[data-maintenance] tbody tr").first).to_contain_text("en cours")
    expect(page.locator("[data-maintenance] tbody tr").last).to_contain_text("passée")
    page.get_by_role("button", name="Terminer\u00a0: Remplacement des sondes").click()
    page.get_by_role("dialog").get_by_role("button", name="Terminer").click()
    expect(page.locator("[data-verdict]")).to_contain_text("Aucune maintenance en cours.")
    page.get_by_role("button", name="Annoncer une maintenance").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Où").select_option("sensor:4")
    dialog.get_by_label("Début").fill("2026-11-30T08:00")
    dialog.get_by_label("Fin").fill("2026-11-30T12:00")
    dialog.get_by_label("Pourquoi").fill("Nouvelle colonne")
    dialog.get_by_role("button", name="Annoncer").click()
    expect(page.locator("[data-done]")).to_have_text("La maintenance est annoncée.")
    body = visitor.town.rules.asked[-1][1]
    # 08:00 of Paris, in winter.
    assert (body["sensor_id"], body["site_id"], body["start_at"]) == (4, None, "2026-11-30T07:00:00.000Z")


def test_the_journal_is_filtered_opened_and_taken_away(visitor: Visit) -> None:
    page = visitor.open(f"{PAGE}&view=journal")
    rows = page.locator("[data-journal] tbody tr")
    expect(rows).to_have_count(len(visitor.town.alarms.items))
    page.get_by_label("Gravité").select_option("critical")
    expect(rows).to_have_count(1)
    expect(page).to_have_url(re.compile("severity=critical"))
    link = page.get_by_role("link", name="CSV").get_attribute("href") or ""
    asked = parse_qs(urlsplit(link).query)
    assert urlsplit(link).path == "/api/v1/alarms.csv"
    assert (asked["commune"], asked["format"]) == ([COMMUNE], ["csv-fr"])
    page.get_by_role("button", name="CO₂ élevé, salle 12").click()
    expect(page.locator(".beneath")).to_contain_text("Au-dessus de 1\u202f500\u00a0ppm depuis 24\u00a0min.")
    expect(page.get_by_role("link", name="Ouvrir Salle 12")).to_have_attribute("href", re.compile("sensor=1"))


def test_one_is_told_in_ones_own_hours(visitor: Visit) -> None:
    page = visitor.open(f"{PAGE}&view=told")
    row = page.locator("[data-told-list] tbody tr").first
    expect(row).to_contain_text("du lundi au vendredi, 08:00 – 18:00")
    expect(row).to_contain_text("regroupées sur 30\u00a0min, 12 courriels par heure au plus")
    page.get_by_role("button", name="nadia@ville.example").first.click()
    page.get_by_role("button", name="Envoyer un essai à nadia").click()
    expect(page.locator(".beneath [role=status]")).to_have_text("Un essai part vers nadia@ville.example.")
    page.get_by_role("button", name="M’avertir par courriel").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Adresse").fill("garde@ville.example")
    dialog.get_by_label("Ce qui avertit").select_option("critical")
    dialog.get_by_role("button", name="Ajouter des heures").click()
    for day in ("mardi", "mercredi", "jeudi", "vendredi"):
        dialog.get_by_label(day).uncheck(force=True)
    dialog.get_by_label("samedi").check(force=True)
    dialog.get_by_role("button", name="M’avertir").click()
    expect(page.locator("[data-done]")).to_contain_text("garde@ville.example")
    body = visitor.town.rules.asked[-1][1]
    assert body["timetable"] == [[0, "08:00", "18:00"], [5, "08:00", "18:00"]]
    assert (body["severity_min"], body["communes"], body["digest_min"]) == ("critical", [COMMUNE], 0)


def test_one_view_that_fails_leaves_the_others(visitor: Visit) -> None:
    visitor.page.route("**/api/v1/maintenance*", lambda route: route.fulfill(status=503, json={"title": "Absent"}))
    page = visitor.open(f"{PAGE}&view=maintenance")
    expect(page.locator("#maintenance [data-fault]")).to_contain_text("Lecture impossible\u00a0: Absent")
    expect(page.get_by_role("tab").first).to_contain_text("4")
    visitor.page.unroute("**/api/v1/maintenance*")
    page.get_by_role("button", name="Réessayer").click()
    expect(page.locator("[data-maintenance] tbody tr")).to_have_count(2)


@pytest.mark.parametrize("width", [1440, 390])
def test_english_and_nothing_wider_than_the_screen(browser: Browser, width: int) -> None:
    with visit(browser, stub_town(), language="en-GB", width=width) as visitor:
        page = visitor.open(PAGE)
        expect(page.locator("[data-verdict]")).to_contain_text("Four rules watch over Noisy-le-Grand.")
        for tab in page.get_by_role("tab").all():
            tab.click()
            assert page.evaluate("document.documentElement.scrollWidth") <= width
