"""Signing in and out in a real browser, by a real OpenID provider."""

from __future__ import annotations

import re

import pytest
from oidc_house import living
from playwright.sync_api import Browser, expect

pytestmark = pytest.mark.journey


def test_a_person_comes_by_the_provider_and_leaves_by_it(browser: Browser, database_url: str) -> None:
    with living(database_url) as house:
        context = browser.new_context(locale="fr-FR")
        page = context.new_page()
        house.provider.tell(person="jean")
        page.goto(f"{house.api}/tournees?lang=fr")
        expect(page).to_have_url(re.compile(r"/signin\?next=%2Ftournees"))
        page.get_by_role("link", name="Se connecter avec ProConnect").click()
        expect(page.get_by_role("alert")).to_contain_text("aucun rôle ne vous est encore donné")
        assert not {"code", "state"} & set(page.url.partition("?")[2].replace("=", "&").split("&"))
        # In the other language the page says the same, and offers the same way on.
        page.get_by_role("link", name="EN").click()
        expect(page.get_by_role("alert")).to_contain_text("no role was given to you yet")
        page.get_by_role("link", name="FR").click()

        # Jean is still signed in at the provider: from here it asks anew who it is.
        house.provider.tell(person="amina")
        page.get_by_role("link", name="Se connecter avec ProConnect").click()
        expect(page).to_have_url(re.compile(r"/tournees\?lang=fr"))
        page.get_by_role("button", name="Amina Diallo, votre accès").click()
        page.get_by_role("button", name="Se déconnecter").click()
        expect(page).to_have_url(re.compile(re.escape(house.relay.issuer)))
        page.goto(f"{house.api}/tournees")
        expect(page).to_have_url(re.compile(r"/signin\?"))
        context.close()
