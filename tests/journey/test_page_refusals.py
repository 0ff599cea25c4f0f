"""Données in a real browser: what was refused, raw on demand; an unknown sensor is adopted."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from page_browser import Visit, chromium, visit
from page_town import COMMUNE, stub_town
from playwright.sync_api import Browser, expect

pytestmark = pytest.mark.journey


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def visitor(browser: Browser) -> Iterator[Visit]:
    with visit(browser, stub_town()) as found:
        yield found


def test_refusals_are_counted_and_shown_raw(visitor: Visit) -> None:
    page = visitor.open(f"/donnees?commune={COMMUNE}")
    expect(page.locator("[data-verdict]")).to_contain_text("Sept messages refusés depuis 24 heures")
    expect(page.locator("[data-reasons] tbody tr")).to_have_count(3)
    refused = page.locator("details.refusal", has_text="valeur impossible").first
    refused.locator("summary").click()
    expect(refused.locator("pre")).to_contain_text('"v":91000')


def test_a_hostile_payload_is_text(visitor: Visit) -> None:
    visitor.town.rejections[-1]["payload_text"] = "<img src=x onerror=alert(1)>"
    page = visitor.open("/donnees")
    page.locator("details.refusal summary").first.click()
    expect(page.locator("details.refusal pre").first).to_have_text("<img src=x onerror=alert(1)>")
    expect(page.locator("details.refusal img")).to_have_count(0)


def test_an_unknown_sensor_is_adopted_on_a_new_site(visitor: Visit) -> None:
    page = visitor.open("/donnees")
    page.get_by_role("button", name="Adopter eui-24e124707c481005").click()
    page.get_by_label("Nom du capteur").fill("Salle 4")
    page.get_by_label("Type").select_option("indoor_air")
    page.locator("select[name=site]").select_option(label="Nouveau site")
    page.get_by_label("Nom du site").fill("École des Érables")
    expect(page.get_by_label("Code du site")).to_have_value("ecole-des-erables")
    page.get_by_role("button", name="Adopter", exact=True).last.click()
    expect(page.locator("[data-unknown]")).to_contain_text("Salle 4 est adopté")
    assert visitor.town.adopted == [
        {
            "external_id": "eui-24e124707c481005",
            "kind": "indoor_air",
            "name": "Salle 4",
            "site": {"commune_insee": COMMUNE, "code": "ecole-des-erables", "name": "École des Érables"},
        }
    ]


def test_nothing_refused_is_said(visitor: Visit) -> None:
    visitor.town.rejections.clear()
    visitor.town.unknown.clear()
    page = visitor.open("/donnees")
    expect(page.locator("[data-verdict]")).to_have_text(
        "Aucun message refusé depuis 24 heures. Tous les capteurs qui publient sont connus."
    )
