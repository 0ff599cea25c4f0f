"""Accès and Audit in a real browser: people, programs, webhooks; what was done, and what each role is offered."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from page_browser import Visit, visit
from page_doors import stub_door
from page_town import COMMUNE, stub_town
from playwright.sync_api import Browser, expect

from core.roles import Grant, Role

pytestmark = pytest.mark.journey
AXE = Path(__file__).resolve().parents[2] / "node_modules" / "axe-core" / "axe.min.js"


@pytest.fixture
def visitor(browser: Browser) -> Iterator[Visit]:
    with visit(browser, stub_town()) as found:
        yield found


def as_roles(browser: Browser, *grants: Grant) -> AbstractContextManager[Visit]:
    """Let somebody in who has these roles."""
    door = stub_door()
    door.grants = grants
    return visit(browser, stub_town(), door=door)


def test_a_token_is_made_shown_once_and_revoked(visitor: Visit) -> None:
    page = visitor.open("/acces?view=tokens")
    page.get_by_role("button", name="Créer un jeton").click()
    page.get_by_role("textbox", name="Programme").fill("Entrepôt")
    page.get_by_label("Rôle", exact=True).select_option("analyst")
    page.get_by_label("Commune", exact=True).select_option(COMMUNE)
    page.get_by_role("dialog").get_by_role("button", name="Créer").click()
    expect(page.get_by_role("textbox", name="Jeton")).to_have_value("vigie_s3cret")
    page.get_by_role("button", name="Fermer").click()
    row = page.locator("#tokens tbody tr", has_text="Entrepôt")
    expect(row).to_contain_text("jamais")
    expect(page.locator("body")).not_to_contain_text("vigie_s3cret")
    page.get_by_role("button", name="Révoquer le jeton Entrepôt").click()
    page.get_by_role("dialog").get_by_role("button", name="Révoquer").click()
    expect(row).to_contain_text("révoqué")
    expect(page.locator("[data-told]")).to_have_text("Le jeton Entrepôt est révoqué.")


def test_a_person_is_invited_given_a_role_and_shut_out(visitor: Visit) -> None:
    page = visitor.open("/acces")
    page.get_by_role("button", name="Inviter").click()
    page.get_by_label("Nom", exact=True).fill("Sacha")
    page.get_by_label("Rôle", exact=True).select_option("building_manager")
    page.get_by_label("Commune", exact=True).select_option(COMMUNE)
    page.get_by_label("Site", exact=True).select_option(label="École des Tilleuls")
    page.get_by_role("button", name="Créer le lien").click()
    expect(page.get_by_role("textbox", name="Lien à usage unique")).to_have_value(f"{visitor.url}/enter/abcdef")
    page.get_by_role("button", name="Fermer", exact=True).last.click()
    expect(page.locator("#people tbody tr", has_text="Sacha")).to_contain_text(
        "École des Tilleuls, Noisy-le-Grand\u00a0: gestionnaire de bâtiments"
    )
    page.get_by_role("button", name="Fermer le compte de Yanis").click()
    page.get_by_role("dialog").get_by_role("button", name="Fermer").click()
    expect(page.locator("#people tbody tr", has_text="Yanis")).to_contain_text("fermé")


def test_a_role_of_one_site_stays_of_that_site_where_the_sites_cannot_be_read(visitor: Visit) -> None:
    page = visitor.open("/acces")
    page.get_by_role("button", name="Inviter").click()
    page.get_by_label("Nom", exact=True).fill("Sacha")
    page.get_by_label("Commune", exact=True).select_option(COMMUNE)
    page.get_by_label("Site", exact=True).select_option(label="École des Tilleuls")
    page.get_by_role("button", name="Créer le lien").click()
    page.get_by_role("button", name="Fermer", exact=True).last.click()
    page.route("**/api/v1/sites*", lambda route: route.fulfill(status=503, json={}))
    page.get_by_role("button", name="Changer les rôles de Sacha").click()
    page.get_by_label("Rôle", exact=True).select_option("analyst")
    page.get_by_role("button", name="Enregistrer").click()
    expect(page.locator("#people tbody tr", has_text="Sacha")).to_contain_text(
        "École des Tilleuls, Noisy-le-Grand\u00a0: analyste"
    )


def test_a_webhook_opens_on_what_was_sent(visitor: Visit) -> None:
    page = visitor.open("/acces?view=webhooks")
    expect(page.locator("#webhooks tbody tr").first).to_contain_text("2 échecs de suite")
    page.locator("#webhooks button.open").click()
    expect(page.locator("#webhooks .beneath")).to_contain_text("reçu au premier essai")


def test_what_was_done_is_filtered_and_shown_as_a_difference(visitor: Visit) -> None:
    page = visitor.open("/audit")
    rows = page.locator("[data-acts] tbody tr")
    expect(rows).to_have_count(4)
    page.get_by_label("Acte").select_option("sensor_moved")
    expect(rows).to_have_count(1)
    expect(page).to_have_url(re.compile("what=sensor_moved"))
    rows.get_by_role("button").click()
    changed = page.locator(".changed")
    expect(changed.locator("del").first).to_have_text("mairie")
    expect(changed.locator("ins").first).to_have_text("ecole")
    expect(page.locator("[data-chain]")).to_contain_text("Chaîne vérifiée jusqu’à l’acte 811")
    expect(page.get_by_role("link", name="CSV", exact=True)).to_have_attribute(
        "href", re.compile(r"/audit/export\?what=sensor_moved&from=.*&format=csv-fr")
    )


def test_an_auditor_finds_audit_and_nothing_else(browser: Browser) -> None:
    with as_roles(browser, Grant(Role.AUDITOR)) as visitor:
        visitor.page.goto(visitor.url)
        expect(visitor.page).to_have_url(re.compile("/audit"))
        expect(visitor.page.locator("[data-acts] tbody tr")).to_have_count(4)
        expect(visitor.page.locator(".rail a")).to_have_text(["Audit"])
        visitor.page.goto(f"{visitor.url}/donnees")
        expect(visitor.page).to_have_url(re.compile("/audit"))


def test_an_analyst_is_offered_no_act_and_told_who_could(browser: Browser) -> None:
    with as_roles(browser, Grant(Role.ANALYST, COMMUNE)) as visitor:
        page = visitor.open(f"/donnees?commune={COMMUNE}&view=registry")
        expect(page.locator(".rail a")).to_have_count(7)
        expect(page.get_by_role("tab", name="Stockage")).to_have_count(0)
        expect(page.get_by_role("button", name="Importer une liste")).to_have_count(0)
        expect(page.get_by_role("button", name="Adopter")).to_have_count(0)
        expect(page.locator("#registry .needs")).to_have_text(
            "Peut agir ici\u00a0: un technicien ou un administrateur de la commune."
        )
        page.get_by_role("button", name="Salle 12", exact=False).first.click()
        expect(page.locator("[data-sensors] .journal")).to_be_visible()
        expect(page.get_by_role("button", name="Modifier")).to_have_count(0)
        page.goto(f"{visitor.url}/donnees?commune={COMMUNE}")
        expect(page.locator("[data-groups] tbody tr")).to_have_count(6)
        expect(page.get_by_role("button", name="Rejouer")).to_have_count(0)


def test_a_building_manager_of_one_site_tends_nothing_elsewhere(browser: Browser) -> None:
    with as_roles(browser, Grant(Role.TECHNICIAN, COMMUNE, 1)) as visitor:
        page = visitor.open(f"/donnees?commune={COMMUNE}&view=registry")
        page.get_by_role("button", name="Salle 12", exact=False).first.click()
        expect(page.locator("[data-sensors] .beneath").get_by_role("button", name="Déplacer")).to_be_visible()
        page.get_by_role("button", name="Bac papier 42", exact=False).first.click()
        expect(page.locator("[data-sensors] .journal")).to_have_count(2)
        expect(page.get_by_role("button", name="Déplacer")).to_have_count(1)


@pytest.mark.parametrize("width", [1440, 390])
def test_axe_finds_nothing_and_nothing_overflows(browser: Browser, width: int) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not among the browser libraries")
    with visit(browser, stub_town(), width=width) as visitor:
        for path, opener in (("/acces", "Inviter"), ("/acces?view=webhooks", "Ajouter un webhook"), ("/audit", None)):
            page = visitor.open(path)
            if opener:
                page.get_by_role("button", name=opener).click()
            else:
                page.locator("[data-acts] button.open").first.click()
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            page.evaluate(AXE.read_text(encoding="utf-8"))
            found = page.evaluate("axe.run().then(({ violations }) => violations.map(({ id }) => id))")
            assert found == [], path
