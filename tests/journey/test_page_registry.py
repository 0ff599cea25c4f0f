"""Données, sensors: an unknown one is adopted; an adopted one edited, moved, replaced, retired; a list imported."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from page_browser import Visit, visit
from page_town import COMMUNE, stub_town
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.journey
HEADER = "external_id;kind;name;commune;site\n"


@pytest.fixture
def visitor(browser: Browser) -> Iterator[Visit]:
    with visit(browser, stub_town()) as found:
        yield found


def registry(visitor: Visit) -> Page:
    return visitor.open(f"/donnees?commune={COMMUNE}&view=registry")


def ask(page: Page, act: str) -> None:
    """Open the sensor Salle 12 and ask for one act."""
    page.get_by_role("button", name="Salle 12", exact=False).first.click()
    page.locator("[data-sensors] .beneath").get_by_role("button", name=act).click()


def send(page: Page, label: str) -> None:
    page.get_by_role("dialog").get_by_role("button", name=label).click()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_an_unknown_sensor_is_adopted_on_a_new_site(visitor: Visit) -> None:
    page = registry(visitor)
    page.get_by_role("button", name="Adopter eui-24e124707c481005").click()
    page.get_by_label("Nom du capteur").fill("Salle 4")
    page.get_by_label("Type").select_option("indoor_air")
    page.get_by_label("Modèle d’appareil").select_option("milesight-am307")
    page.get_by_label("Intervalle d’envoi").fill("10")
    page.locator("select[name=site]").select_option(label="Nouveau site")
    page.get_by_label("Nom du site").fill("École des Érables")
    expect(page.get_by_label("Code du site")).to_have_value("ecole-des-erables")
    send(page, "Adopter")
    expect(page.locator("[data-told]")).to_contain_text("Salle 4 est adopté")
    expect(page.locator("[data-unknown]")).to_contain_text("Aucun capteur inconnu")
    assert visitor.town.adopted == [
        {
            "external_id": "eui-24e124707c481005",
            "name": "Salle 4",
            "kind": "indoor_air",
            "model": "milesight-am307",
            "interval_s": 600,
            "site": {"commune_insee": COMMUNE, "code": "ecole-des-erables", "name": "École des Érables"},
        }
    ]


def test_only_models_of_the_chosen_kind_are_offered(visitor: Visit) -> None:
    page = registry(visitor)
    page.get_by_role("button", name="Adopter eui").click()
    page.get_by_label("Type").select_option("bin")
    expect(page.get_by_label("Modèle d’appareil").locator("option")).to_have_text(["décodé par le réseau", "EM500-UDL"])


def test_a_sensor_is_edited(visitor: Visit) -> None:
    page = registry(visitor)
    ask(page, "Modifier")
    expect(page.get_by_label("Modèle d’appareil")).to_have_value("milesight-am307")
    page.get_by_label("Nom du capteur").fill("Salle 12 bis")
    page.get_by_label("Intervalle d’envoi").fill("")
    send(page, "Enregistrer")
    expect(page.locator("[data-told]")).to_have_text("Salle 12 est modifié.")
    expect(page.locator("[data-sensors]")).to_contain_text("Salle 12 bis")
    edited = {"name": "Salle 12 bis", "kind": "indoor_air", "model": "milesight-am307", "interval_s": None}
    assert visitor.town.acts == [("edit", edited)]


def test_a_sensor_is_moved_since_an_instant_of_paris(visitor: Visit) -> None:
    page = registry(visitor)
    ask(page, "Déplacer")
    page.locator("select[name=site]").select_option(label="Mairie")
    page.get_by_label("À partir de").fill("2026-07-01T08:30")
    send(page, "Déplacer")
    site = {"commune_insee": COMMUNE, "code": "site-5", "name": "Mairie"}
    assert visitor.town.acts == [("move", {"site": site, "moved_at": "2026-07-01T06:30:00.000Z"})]


def test_a_device_is_replaced(visitor: Visit) -> None:
    page = registry(visitor)
    ask(page, "Remplacer")
    page.get_by_label("Identifiant du nouvel appareil").fill("24e124707c481099")
    page.get_by_label("À partir de").fill("2026-01-05T09:00")
    send(page, "Remplacer")
    asked = {"external_id": "24e124707c481099", "model": "milesight-am307", "replaced_at": "2026-01-05T08:00:00.000Z"}
    assert visitor.town.acts == [("replace", asked)]


def test_a_retired_sensor_can_be_put_back(visitor: Visit) -> None:
    page = registry(visitor)
    ask(page, "Retirer")
    send(page, "Retirer")
    expect(page.locator("[data-sensors] tbody tr").last).to_contain_text("retiré")
    ask(page, "Remettre")
    send(page, "Remettre en service")
    assert [act for act, _ in visitor.town.acts] == ["retire", "edit"]
    assert visitor.town.acts[1][1] == {"retired_at": None}


def test_a_sensor_opens_on_its_history(visitor: Visit) -> None:
    page = registry(visitor)
    page.get_by_role("button", name="Salle 12", exact=False).first.click()
    journal = page.locator("[data-sensors] .journal")
    expect(journal).to_contain_text("Déplacé par Nadia")
    expect(journal).to_contain_text("site : Mairie → École des Tilleuls")


def test_the_search_narrows_and_stays_in_the_address(visitor: Visit) -> None:
    page = registry(visitor)
    page.get_by_role("searchbox").fill("tilleuls")
    expect(page.locator("[data-sensors] tbody tr")).to_have_count(3)
    expect(page.locator("[data-found]")).to_have_text("3 capteurs")
    assert "search=tilleuls" in page.url


@pytest.mark.parametrize("width", [1440, 390])
def test_a_list_is_checked_before_it_is_applied(browser: Browser, width: int) -> None:
    with visit(browser, stub_town(), width=width) as visitor:
        page = registry(visitor)
        page.get_by_role("button", name="Importer une liste").click()
        apply = page.get_by_role("button", name="Appliquer")
        choose(page, HEADER + "a1;indoor_air;Salle 1;93051;x\na2;toaster;Salle 2;93051;x\n")
        expect(page.get_by_text("1 ligne est à corriger")).to_be_visible()
        first = page.get_by_role("dialog").locator("tbody tr").first
        expect(first).to_contain_text("kind : valeur impossible")
        expect(first).to_contain_text("a2")
        expect(apply).to_be_disabled()
        assert visitor.town.acts == []
        choose(page, HEADER + "a1;indoor_air;Salle 1;93051;x\n")
        expect(apply).to_be_enabled()
        apply.click()
        expect(page.locator("[data-told]")).to_contain_text("Liste appliquée : 1 adoptés, 0 modifiés.")
        assert visitor.town.acts == [("bulk", {})]


def choose(page: Page, text: str) -> None:
    page.get_by_label("Fichier CSV").set_input_files(
        {"name": "capteurs.csv", "mimeType": "text/csv", "buffer": text.encode()}
    )


def test_what_an_unknown_sensor_may_be_is_proposed(visitor: Visit) -> None:
    page = registry(visitor)
    page.get_by_role("button", name="Adopter eui").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Deviné d’après ce qu’en dit le réseau (ERS CO2)\u00a0: à vérifier.")
    expect(dialog.get_by_label("Nom du capteur")).to_have_value("Salle 14")
    expect(dialog.get_by_label("Modèle d’appareil")).to_have_value("elsys-ers-co2")
