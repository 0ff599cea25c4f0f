"""Modèles in a real browser: what asks for a look first, figures as data, the card, doubts, who lets a model speak."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from page_browser import Visit, visit
from page_doors import stub_door
from page_town import COMMUNE, stub_town
from playwright.sync_api import Browser, Page, Route, expect

from core.roles import Grant, Role

pytestmark = pytest.mark.journey
AXE = Path(__file__).resolve().parents[2] / "node_modules" / "axe-core" / "axe.min.js"


@pytest.fixture
def visitor(browser: Browser) -> Iterator[Visit]:
    with visit(browser, stub_town()) as found:
        yield found


def test_what_asks_for_a_look_comes_first_and_opens(visitor: Visit) -> None:
    page = visitor.open("/modeles")
    expect(page.locator("[data-verdict]")).to_have_text(
        "NO₂ et CO₂ sont à regarder. Les cinq\u00a0autres modèles font mieux que la naïve et tiennent leur promesse. "
        "Une grandeur attend son premier modèle."
    )
    rows = page.locator(".every tbody tr:not(.family)")
    expect(rows.first).to_contain_text("Dérive, fait moins bien que la naïve")
    expect(rows.first).to_contain_text("−3\u00a0%")
    expect(rows.first).to_contain_text("22\u00a0%le modèle a fait moins bien que la naïve ces derniers jours")
    expect(rows.nth(1)).to_contain_text("Trop sûr de lui")
    expect(rows.nth(1)).to_contain_text("4,2\u00a0Wh · 0,24\u00a0g\u00a0CO₂e")
    expect(rows.nth(1)).to_contain_text("un autre à l’essai")
    expect(rows.last).to_contain_text("La naïve parle, pas encore de modèle")
    page.get_by_role("link", name="CO₂").click()
    expect(page).to_have_url(re.compile("metric=co2_ppm"))
    expect(page.locator("[data-verdict]")).to_contain_text("CO₂\u00a0: 27\u00a0% mieux que la naïve sur 30\u00a0jours.")


def test_the_sentence_praises_only_what_was_scored(visitor: Visit) -> None:
    page = visitor.open("/modeles")
    sound = {"metric": "power_kw", "champion": {}, "skill": 0.2, "coverage_90": 0.9, "drifting": False}
    fresh = {**sound, "metric": "o3_ugm3", "skill": None, "coverage_90": None}
    losing = {**sound, "metric": "no2_ugm3", "skill": -0.1}
    naive = {**fresh, "champion": None}
    said = page.evaluate(
        """async (cases) => {
            const root = document.querySelector("script[type=module]").src.replace(/[^/]+$/, "");
            const { everyVerdict } = await import(root + "models_list.js");
            return cases.map((items) => everyVerdict(items).join("|"));
        }""",
        [[sound], [sound, sound, fresh], [fresh, naive], [losing, sound, fresh], [naive, naive]],
    )
    assert [one.replace("\u00a0", " ") for one in said] == [
        "Le modèle fait mieux que la naïve et tient sa promesse.|",
        "Deux modèles font mieux que la naïve et tiennent leur promesse.|Un modèle n’est pas encore noté.",
        "Aucune prévision n’est encore notée.|Une grandeur attend son premier modèle.",
        (
            "NO₂ fait moins bien que la naïve.|L’autre modèle fait mieux que la naïve et tient sa promesse. "
            "Un modèle n’est pas encore noté."
        ),
        "La naïve parle partout.|La naïve parle en attendant : elle répète la semaine d’avant.",
    ]


def test_without_a_model_it_says_what_is_awaited(visitor: Visit) -> None:
    visitor.town.models.items.clear()
    page = visitor.open("/modeles")
    expect(page.locator("[data-verdict]")).to_contain_text("Aucun modèle n’a encore appris.")
    expect(page.locator("[data-families]")).to_contain_text("quelques semaines d’historique")


def test_models_that_cannot_be_read_say_so_and_can_be_asked_for_again(visitor: Visit) -> None:
    visitor.page.route("**/api/v1/models", lambda route: route.fulfill(status=503, json={"title": "Indisponible"}))
    page = visitor.open("/modeles")
    expect(page.locator("[data-verdict]")).to_have_text("Les modèles n’ont pas pu être lus.")
    expect(page.get_by_role("alert")).to_contain_text("Indisponible")
    page.unroute("**/api/v1/models")
    page.get_by_role("button", name="Réessayer").click()
    expect(page.locator("[data-verdict]")).to_contain_text("NO₂ et CO₂ sont à regarder.")
    expect(page.get_by_role("alert")).to_have_count(0)


def test_a_gain_is_drawn_told_in_a_table_and_taken_away(visitor: Visit) -> None:
    page = visitor.open("/modeles?metric=co2_ppm")
    expect(page.get_by_role("img", name="Gain sur la naïve par échéance")).to_have_accessible_name(
        re.compile("3 à 6\u00a0h 20\u00a0%")
    )
    expect(page.locator('[data-part="leads"] tbody tr')).to_have_count(6)
    expect(page.locator('[data-part="regimes"] tbody tr').nth(1)).to_contain_text("jour ouvré27\u00a0%22\u00a0ppm")
    with page.expect_download() as file:
        page.get_by_role("button", name="CSV").first.click()
    assert file.value.suggested_filename == "vigie-scores-co2_ppm-lead-30d.csv"
    lines = file.value.path().read_text(encoding="utf-8-sig").splitlines()
    assert lines[0].startswith("lead;series;steps;skill;pinball")
    assert lines[1].startswith("0 à 1\u00a0h;3;7200;0,34")


def test_the_days_are_chosen_and_the_address_keeps_them(visitor: Visit) -> None:
    page = visitor.open("/modeles?metric=co2_ppm&view=reliability")
    expect(page.locator('[data-part="promises"] tbody tr').first).to_contain_text("toutes les heures")
    page.get_by_role("button", name="7 jours").click()
    expect(page.locator("[data-verdict]")).to_contain_text("sur 7\u00a0jours")
    expect(page).to_have_url(re.compile("days=7d"))
    assert "co2_ppm regime 7" in visitor.town.models.asked
    page.reload()
    expect(page.get_by_role("button", name="7 jours")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("tab", name="Fiabilité")).to_have_attribute("aria-selected", "true")


def test_small_and_large_communes_stand_side_by_side_and_the_worst_series_first(visitor: Visit) -> None:
    page = visitor.open("/modeles?metric=co2_ppm")
    page.get_by_role("tab", name="Gain").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Séries")).to_be_focused()
    expect(page.get_by_role("tab", name="Séries")).to_contain_text("1 moins bien que la naïve")
    expect(page.locator('[data-part="fairness"] .says')).to_have_text(
        "Les petites communes sont moins bien servies\u00a0: 19\u00a0% de gain, contre 30\u00a0% dans les grandes."
    )
    worst = page.locator('[data-part="series"] tbody tr').first
    expect(worst).to_contain_text("−8\u00a0%")
    expect(worst.get_by_role("link", name="Salle 3")).to_have_attribute("href", re.compile("series=5"))


def test_the_card_speaks_both_languages_and_prints_alone(visitor: Visit) -> None:
    page = visitor.open("/modeles?metric=co2_ppm&view=card")
    card = page.locator('[data-part="card"]')
    expect(card.get_by_role("heading", level=2)).to_have_text("Fiche du modèle\u00a0: CO₂")
    expect(card.locator("section").last).to_have_text("AI ActPrévoit le CO₂ des salles sur un jour.")
    card.get_by_role("button", name="English").click()
    expect(card.get_by_role("heading", level=2)).to_have_text("Model card: CO₂")
    expect(card.locator(".sheet-of")).to_have_attribute("lang", "en")
    expect(page).to_have_url(re.compile("card=en"))
    page.emulate_media(media="print")
    expect(card.get_by_role("heading", level=2)).to_be_visible()
    expect(page.locator(".tabs")).to_be_hidden()
    expect(page.locator(".head")).to_be_hidden()


def test_a_doubt_is_said_and_listed(visitor: Visit) -> None:
    page = visitor.open("/modeles?metric=co2_ppm&view=concerns")
    expect(page.locator(".doubts li")).to_have_count(1)
    page.get_by_role("button", name="Signaler un doute").click()
    page.get_by_label("Ce qui ne va pas").fill("Faux pendant les vacances.")
    page.get_by_role("button", name="Envoyer").click()
    expect(page.locator("[data-told]")).to_have_text("Votre doute est gardé.")
    expect(page.locator(".doubts li").first).to_contain_text("NadiaFaux pendant les vacances.")
    expect(page.get_by_role("tab", name="Doutes")).to_contain_text("2")


def test_who_operates_lets_a_model_speak_and_an_earlier_one_again(visitor: Visit) -> None:
    page = visitor.open("/modeles?metric=co2_ppm&view=life")
    expect(page.locator(".reigns li")).to_have_count(2)
    expect(page.locator(".reigns li").first).to_contain_text("Il a perdu 4\u00a0% de moins que le modèle n°\u00a04")
    expect(page.locator(".reigns li").last).to_contain_text("Premier modèle.")
    page.get_by_role("button", name="Lui donner la parole").click()
    page.get_by_label("Pourquoi", exact=False).fill("Mieux depuis la rentrée.")
    page.get_by_role("dialog").get_by_role("button", name="Lui donner la parole").click()
    expect(page.locator("[data-told]")).to_have_text("Le modèle n°\u00a030 parle désormais pour CO₂.")
    assert visitor.town.models.promoted == [(30, {"why": "Mieux depuis la rentrée."})]
    expect(page.get_by_role("tab", name="Modèle")).to_contain_text("n°\u00a030")


def test_who_does_not_operate_sees_who_could_and_no_button(browser: Browser) -> None:
    door = stub_door()
    door.grants = (Grant(Role.ANALYST, COMMUNE),)
    with visit(browser, stub_town(), door=door) as visitor:
        page = visitor.open("/modeles?metric=co2_ppm&view=life")
        expect(page.locator(".reigns li")).to_have_count(2)
        expect(page.get_by_role("button", name="parole")).to_have_count(0)
        expect(page.locator("#life .needs")).to_have_text("Peut agir ici\u00a0: un administrateur.")


def test_what_is_simulated_is_labelled_so(visitor: Visit) -> None:
    page = visitor.open("/modeles")
    for metric, words in (("CO₂", "9 séries sur 12 simulées"), ("NO₂", "séries simulées")):
        named = page.locator(".every .who", has=page.get_by_role("link", name=metric, exact=True))
        expect(named.locator(".simulated")).to_have_text(words)
    page = visitor.open("/modeles?metric=no2_ugm3")
    expect(page.locator("[data-crumb] .simulated")).to_have_text("séries simulées")


def test_a_tiny_training_is_told_in_thousandths(visitor: Visit) -> None:
    page = visitor.open("/modeles")
    said = page.evaluate(
        """async (cases) => {
            const root = document.querySelector("script[type=module]").src.replace(/[^/]+$/, "");
            const { energyWords } = await import(root + "model_words.js");
            return cases.map(([energy_kwh, co2e_g]) => energyWords({ energy_kwh, co2e_g }));
        }""",
        [[0.0042, 0.24], [0.000038, 0.0021], [0.0000042, 0.0004], [0.5, 26], [0, 0], [None, None]],
    )
    assert [one.replace("\u00a0", " ") for one in said] == [
        "4,2 Wh · 0,24 g CO₂e",
        "38 mWh · 2,1 mg CO₂e",
        "4,2 mWh · 0,4 mg CO₂e",
        "500 Wh · 26 g CO₂e",
        "0 Wh · 0 g CO₂e",
        "énergie non comptée",
    ]


def test_series_that_nobody_scored_are_not_praised(visitor: Visit) -> None:
    def unscored(route: Route) -> None:
        answer = route.fetch()
        items = [{**one, "skill": None, "coverage_90": None} for one in answer.json()["items"]]
        route.fulfill(json={"items": items, "next": None})

    visitor.page.route("**/api/v1/scores?*by=series*", unscored)
    page = visitor.open("/modeles?metric=co2_ppm")
    expect(page.get_by_role("tab", name="Séries")).to_contain_text("pas encore noté")


@pytest.mark.parametrize("width", [1440, 390])
def test_axe_finds_nothing_and_nothing_overflows(browser: Browser, width: int) -> None:
    if not AXE.is_file():
        pytest.skip("axe-core is not among the browser libraries")
    with visit(browser, stub_town(), width=width) as visitor:
        _assert_sound(visitor.open("/modeles"))
        page = visitor.open("/modeles?metric=co2_ppm")
        expect(page.locator("main .skeleton")).to_have_count(0)
        # All views at once: axe then runs once for all.
        page.evaluate("document.querySelectorAll('[role=tabpanel]').forEach((panel) => (panel.hidden = false))")
        _assert_sound(page)


def _assert_sound(page: Page) -> None:
    page.context.new_cdp_session(page).send("Runtime.evaluate", {"expression": AXE.read_text(encoding="utf-8")})
    assert page.evaluate("axe.run().then(({ violations }) => violations.map(({ id }) => id))") == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth") is True
