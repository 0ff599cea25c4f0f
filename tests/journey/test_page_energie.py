"""Énergie in a real browser, over schedules of two small buildings: said, drawn, explained, answered."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from load_cases import ALL, CAR, ZONE, policy, situation
from page_decisions import Proposed, visiting
from page_town import COMMUNE, EMPTY_COMMUNE
from playwright.sync_api import Browser, expect

from core.decision_json import format_decision
from services.decisions.load_shifting.decider import decide
from services.decisions.load_shifting.situation import next_quarter

pytestmark = pytest.mark.journey
EVERY_DAY = {"weekdays": list(range(7))}


def kept(number: int, name: str, **changed: Any) -> dict[str, Any]:
    """Return the schedule of a building, made a moment ago, as the API gives it."""
    now = datetime.now(UTC).replace(microsecond=0)
    known = replace(situation(start=next_quarter(now)), subject=f"{COMMUNE}:{number}")
    if changed.pop("blind", False):
        known = replace(known, load_kw=())
    return {
        **format_decision(decide(known, policy(**changed), now)),
        "decision_id": number,
        "state": "proposed",
        "subject_name": name,
        "simulated": True,
        "answers": [],
    }


def proposals() -> Proposed:
    shed = {**EVERY_DAY, "start": "02:00", "end": "02:30", "power_kw": 500}
    car = {**CAR, **EVERY_DAY}
    zone = {**ZONE, "bands": [{"start": "08:00", "end": "18:00", "low_c": 19, "high_c": 22}]}
    return Proposed(
        "load_shifting",
        [
            # A limit that is near the day's peaks, whatever the hour of the test: it is drawn.
            kept(
                1,
                "Hôtel de ville",
                **{**ALL, "sessions": [car], "zone": zone},
                shed=shed,
                peak_eur_per_kw=0.2,
                subscribed_kw=50,
            ),
            kept(2, "Gymnase", sessions=[car]),
        ],
    )


def test_a_schedule_is_said_drawn_and_explained(browser: Browser) -> None:
    with visiting(browser, proposals()) as page:
        page.goto(f"/energie?commune={COMMUNE}&building={COMMUNE}:1")
        expect(page.locator("[data-verdict]")).to_contain_text(re.compile(r"fait gagner .*\s€"))
        expect(page.locator("[data-building]")).to_have_text("Hôtel de ville")
        expect(page.locator(".badges .simulated, .decide .simulated").first).to_be_visible()
        expect(page.locator("[data-figures] > div")).to_have_count(5)
        load = page.locator(".pr.load svg")
        expect(load).to_have_attribute("aria-label", re.compile("Puissance appelée .* kilowatts"))
        for drawn in ("g-reffan", "g-ref", "g-fc", "g-limit"):
            expect(load.locator(f".{drawn}")).to_have_count(1)
        expect(page.locator(".tariff li").first).to_be_visible()
        expect(page.locator(".pr.act")).to_have_count(4)
        expect(page.locator(".gant .on").first).to_be_visible()
        expect(page.locator(".g-ok").first).to_be_attached()
        page.locator("[data-why]").click()
        why = page.locator("vigie-why")
        expect(why).to_contain_text("le kWh en moyenne")
        expect(why).to_contain_text("Puissance souscrite, charge de base au p90")
        expect(why).to_contain_text("Ne rien changer")
        assert "_" not in why.inner_text()


def test_a_shed_event_that_is_too_much_is_refused_on_the_page(browser: Browser) -> None:
    with visiting(browser, proposals()) as page:
        page.goto(f"/energie?commune={COMMUNE}&building={COMMUNE}:1")
        expect(page.locator("#shed-title")).to_contain_text("Effacement")
        expect(page.locator("[data-shed]")).to_contain_text(re.compile(r"au plus .*\skW peuvent être effacés"))
        page.get_by_role("button", name="Gymnase").click()
        expect(page.locator("[data-building]")).to_have_text("Gymnase")
        expect(page.locator("[data-shed-part]")).to_be_hidden()
        expect(page).to_have_url(re.compile("building="))
        page.go_back()
        expect(page.locator("[data-building]")).to_have_text("Hôtel de ville")


def test_the_table_has_every_quarter_and_the_file_is_one_click_away(browser: Browser) -> None:
    with visiting(browser, proposals()) as page:
        page.goto(f"/energie?commune={COMMUNE}&building={COMMUNE}:2")
        page.locator("[data-quarters] summary").click()
        expect(page.locator("[data-quarters] tbody tr")).to_have_count(96)
        expect(page.locator("[data-export]")).to_have_attribute("href", "/api/v1/decisions/2/export?format=csv")
        expect(page.locator("[data-actions] tbody tr").first).to_contain_text("Voiture")


def test_it_is_approved_by_a_person(browser: Browser) -> None:
    proposed = proposals()
    with visiting(browser, proposed) as page:
        page.goto(f"/energie?commune={COMMUNE}&building={COMMUNE}:2")
        page.locator("[data-approve]").click()
        expect(page.locator(".decide .what strong")).to_contain_text("Approuvée par Nadia")
    assert proposed.answers == [{"decision_id": 2, "state": "approved", "note": ""}]


def test_without_a_forecast_the_page_says_so_and_draws_nothing(browser: Browser) -> None:
    with visiting(browser, Proposed("load_shifting", [kept(1, "Hôtel de ville", blind=True)])) as page:
        page.goto(f"/energie?commune={COMMUNE}")
        expect(page.locator("[data-verdict]")).to_contain_text("Pas de programme")
        expect(page.locator("[data-schedule]")).to_be_hidden()
        expect(page.locator("[data-approve]")).to_have_count(0)


def test_a_commune_without_buildings_leads_to_one_that_has(browser: Browser) -> None:
    with visiting(browser, proposals()) as page:
        page.goto(f"/energie?commune={EMPTY_COMMUNE}")
        expect(page.locator("[data-verdict]")).to_contain_text("Aucun bâtiment")
        expect(page.locator("[data-message] a")).to_have_attribute("href", f"?commune={COMMUNE}")


@pytest.mark.parametrize(
    ("language", "said"), [("fr-FR", "Programme des équipements"), ("en-GB", "Schedule of the equipment")]
)
def test_a_phone_shows_it_without_scrolling_sideways(browser: Browser, language: str, said: str) -> None:
    with visiting(browser, proposals(), language, width=390) as page:
        page.goto(f"/energie?commune={COMMUNE}&building={COMMUNE}:1")
        expect(page.locator("#actions-title")).to_have_text(said)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
