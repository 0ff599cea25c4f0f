"""The door in a real browser: signing in and out, the one-time link, coming back to where the work was."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from page_browser import Visit, visit
from page_doors import stub_door
from page_town import COMMUNE, stub_town
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.journey
AXE = Path(__file__).resolve().parents[2] / "node_modules" / "axe-core" / "axe.min.js"
PASSWORD = "cinq mots sans aucun lien"


@pytest.fixture
def outside(browser: Browser) -> Iterator[Visit]:
    """A visitor whom nobody has let in yet."""
    door = stub_door()
    door.signed_in = False
    with visit(browser, stub_town(), door=door) as found:
        yield found


def fill(page: Page, name: str, password: str) -> None:
    page.get_by_label("Nom").fill(name)
    page.get_by_label("Mot de passe").fill(password)
    page.get_by_role("button", name="Se connecter").click()


def test_signing_in_leads_to_the_address_that_was_asked(outside: Visit) -> None:
    asked = f"{outside.url}/donnees?commune={COMMUNE}&view=gaps"
    outside.page.goto(asked)
    expect(outside.page).to_have_title("Se connecter · Vigie")
    fill(outside.page, "Nadia", PASSWORD)
    expect(outside.page).to_have_url(asked)
    expect(outside.page.get_by_role("button", name="Nadia, votre accès")).to_be_visible()


def test_a_wrong_password_is_said_in_place_and_the_name_stays(outside: Visit) -> None:
    outside.page.goto(f"{outside.url}/supervision")
    fill(outside.page, "Nadia", "azerty")
    expect(outside.page.get_by_role("alert")).to_have_text("Ce nom et ce mot de passe ne vont pas ensemble.")
    expect(outside.page.get_by_label("Nom")).to_have_value("Nadia")
    expect(outside.page.get_by_label("Mot de passe")).to_be_focused()
    fill(outside.page, "Nadia", PASSWORD)
    expect(outside.page).to_have_url(re.compile("/supervision"))


def test_who_tried_too_often_is_told_for_how_long(outside: Visit) -> None:
    outside.page.goto(f"{outside.url}/signin")
    fill(outside.page, "bloqué", "azerty")
    expect(outside.page.get_by_role("alert")).to_have_text("Trop de tentatives. Réessayez dans 14 minutes.")


def test_the_provider_is_offered_only_where_there_is_one(outside: Visit) -> None:
    outside.page.goto(f"{outside.url}/signin?provider=ProConnect&next=/air")
    provider = outside.page.get_by_role("link", name="Se connecter avec ProConnect")
    expect(provider).to_have_attribute("href", "/signin/oidc?next=/air")
    outside.page.goto(f"{outside.url}/signin")
    expect(provider).to_have_count(0)


@pytest.mark.parametrize("fault", ["no_role", "disabled", "provider_absent", "not_proven", "level_too_low", "stale"])
def test_every_refusal_has_its_words(outside: Visit, fault: str) -> None:
    outside.page.goto(f"{outside.url}/signin?provider=ProConnect&fault={fault}&lang=en")
    expect(outside.page.get_by_role("alert")).not_to_be_empty()
    expect(outside.page.locator("html")).to_have_attribute("lang", "en")


def test_a_one_time_link_lets_in_by_its_button(outside: Visit) -> None:
    outside.page.goto(f"{outside.url}/enter/abcdef")
    outside.page.get_by_role("button", name="Entrer dans Vigie").click()
    expect(outside.page).to_have_url(re.compile("/supervision"))


def test_a_used_link_says_so_and_leads_on(outside: Visit) -> None:
    outside.page.goto(f"{outside.url}/enter/used")
    expect(outside.page.get_by_role("heading")).to_have_text("Ce lien ne sert plus")
    expect(outside.page.get_by_role("button")).to_have_count(0)
    expect(outside.page.get_by_role("link", name="Se connecter")).to_be_visible()


def test_a_session_that_ended_at_work_comes_back_to_the_same_place(browser: Browser) -> None:
    with visit(browser, stub_town()) as visitor:
        page = visitor.open(f"/donnees?commune={COMMUNE}&view=registry&search=tilleuls")
        visitor.door.signed_in = False
        page.get_by_role("button", name="Salle 12", exact=False).first.click()
        expect(page).to_have_title("Se connecter · Vigie")
        fill(page, "Nadia", PASSWORD)
        expect(page).to_have_url(f"{visitor.url}/donnees?commune={COMMUNE}&view=registry&search=tilleuls")
        expect(page.locator("[data-sensors] tbody tr")).to_have_count(3)


def test_who_is_signed_in_sees_their_access_ends_a_session_and_leaves(browser: Browser) -> None:
    with visit(browser, stub_town()) as visitor:
        page = visitor.open("/supervision")
        page.get_by_role("button", name="Nadia, votre accès").click()
        expect(page.locator("#account")).to_contain_text(
            "toute la Métropole\u00a0: technicien, responsable des tournées"
        )
        page.get_by_role("button", name="Mon accès").click()
        sessions = page.get_by_role("dialog").locator(".session")
        expect(sessions).to_have_count(2)
        page.get_by_role("button", name="Déconnecter la connexion").click()
        expect(sessions).to_have_count(1)
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Nadia, votre accès").click()
        page.get_by_role("button", name="Se déconnecter").click()
        expect(page).to_have_title("Se connecter · Vigie")
        assert visitor.door.signed_in is False


@pytest.mark.parametrize("width", [1440, 390])
def test_axe_finds_nothing_at_the_door(outside: Visit, width: int) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not among the browser libraries")
    outside.page.set_viewport_size({"width": width, "height": 900})
    for path in ("/signin?provider=ProConnect&fault=wrong", "/enter/abcdef?fault=short", "/enter/used"):
        outside.page.goto(outside.url + path)
        assert outside.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        outside.page.evaluate(AXE.read_text(encoding="utf-8"))
        found = outside.page.evaluate("axe.run().then(({ violations }) => violations.map(({ id }) => id))")
        assert found == [], path
