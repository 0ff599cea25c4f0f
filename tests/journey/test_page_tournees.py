"""Tournées in a real browser over a stubbed API: the sentence, the map, the stops and their reasons, exports, paper."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from page_stub import serve, stub_app
from page_town import COMMUNE, stub_town
from playwright.sync_api import Browser, Page, expect

from core.clock import Window
from core.decision_json import format_decision
from models.simulation.equipment_bins import SUBJECTS
from models.simulation.town import town
from services.decisions.rounds.decide import decide
from services.decisions.rounds.inflow import recent_inflow
from services.decisions.rounds.policy import RoundPolicy, parse_policy
from services.decisions.rounds.situation import BinState, RoundSituation

pytestmark = pytest.mark.journey
Row = dict[str, Any]


@dataclass
class Rounds:
    """What the stubbed API answers, and what it was told."""

    decisions: list[Row]
    answers: list[Row] = field(default_factory=list)


def _situation(subject: Row, policy: RoundPolicy, at: datetime) -> RoundSituation:
    sensors = {sensor.external_id: sensor for sensor in town().sensors}
    levels: dict[str, list[tuple[datetime, float]]] = {}
    for delivery in town().deliveries(Window(at - timedelta(days=10), at)):
        if delivery.metric == "fill_ratio":
            levels.setdefault(delivery.external_id, []).append((delivery.observed_at, delivery.value))
    states = []
    for container in policy.bins:
        site, known = sensors[container.sensor].site, sorted(set(levels[container.sensor]))
        name = sensors[container.sensor].name
        place = (site.longitude, site.latitude)
        newest = known[-1]
        states.append(
            BinState(container.sensor, name, *place, 1, newest[1], newest[0], None, "no_model", recent_inflow(known))
        )
    return RoundSituation(subject["code"], subject["commune_insee"], at, tuple(states))


@pytest.fixture(scope="module")
def made() -> list[Row]:
    """Return the town's three fleets decided on now, as the API gives them."""
    at = datetime.now(UTC)
    rows = []
    for number, subject in enumerate(SUBJECTS, start=1):
        policy = parse_policy(subject["policy"])
        body = format_decision(decide(_situation(subject, policy, at), policy, at))
        life = {"decision_id": number, "state": "proposed", "answers": [], "simulated": True}
        rows.append({**body, **life, "subject_name": subject["name"]})
    return rows


@contextmanager
def visit(
    browser: Browser, rounds: Rounds, *, language: str = "fr-FR", width: int = 1440
) -> Iterator[tuple[Page, str]]:
    app = stub_app(stub_town())

    @app.get("/api/v1/decisions")
    def decisions(kind: str) -> Row:
        return {"items": [row for row in rounds.decisions if row["kind"] == kind], "next": None}

    @app.post("/api/v1/decisions/{decision_id}/answers")
    def answer(decision_id: int, body: Row) -> Row:
        rounds.answers.append(body)
        row = next(row for row in rounds.decisions if row["decision_id"] == decision_id)
        row["state"] = body["state"]
        row["answers"].append({**body, "at": row["made_at"], "actions": None})
        return row

    with serve(app) as url:
        context = browser.new_context(locale=language, viewport={"width": width, "height": 900})
        page = context.new_page()
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        yield page, url
        context.close()
    assert complaints == []


def copy(rows: list[Row]) -> Rounds:
    return Rounds([{**row, "answers": list(row["answers"])} for row in rows])


def test_the_round_is_said_drawn_listed_and_approved(browser: Browser, made: list[Row]) -> None:
    rounds = copy(made)
    street = made[0]
    with visit(browser, rounds) as (page, url):
        page.goto(f"{url}/tournees?commune={COMMUNE}&fleet=corbeilles")
        expect(page.locator("[data-verdict]")).to_contain_text(
            f"sur {len(street['picture']['left_out']) + len(street['picture']['stops'])}"
        )
        expect(page.locator("table.stops tbody tr:not(.unload)")).to_have_count(street["picture"]["trucks"][0]["stops"])
        expect(page.locator("table.stops tr.unload")).to_have_count(len(street["picture"]["trucks"][0]["unloadings"]))
        expect(page.locator("[data-map] svg circle.m-left")).to_have_count(len(street["picture"]["left_out"]))
        expect(page.locator("[data-map] .m-no").first).to_have_text("1")
        expect(page.locator("table.stops .motive").first).not_to_be_empty()
        expect(page.locator("[data-badges]").first).to_contain_text("données simulées")
        expect(page.get_by_role("link", name="GeoJSON")).to_have_attribute(
            "href", "/api/v1/decisions/1/export?format=geojson"
        )
        page.get_by_role("button", name="Pourquoi ?").click()
        expect(page.locator("vigie-why")).to_contain_text("aucune route n’a été consultée")
        page.get_by_label("Votre nom").fill("Nadia")
        page.get_by_role("button", name="Approuver").click()
        expect(page.locator("vigie-decide")).to_contain_text("Approuvée par Nadia")
    assert [(one["state"], one["by"]) for one in rounds.answers] == [("approved", "Nadia")]


def test_another_fleet_is_one_click_away_and_in_the_address(browser: Browser, made: list[Row]) -> None:
    with visit(browser, copy(made), language="en-GB") as (page, url):
        page.goto(f"{url}/tournees?commune={COMMUNE}&fleet=corbeilles")
        page.get_by_role("button", name="Colonnes à verre").click()
        expect(page).to_have_url(f"{url}/tournees?commune={COMMUNE}&fleet=verre")
        expect(page.locator("[data-verdict]")).to_contain_text("6 bins")
        page.go_back()
        expect(page.get_by_role("button", name="Corbeilles de rue")).to_have_attribute("aria-pressed", "true")


def test_paper_has_the_stops_and_boxes_and_no_controls(browser: Browser, made: list[Row]) -> None:
    with visit(browser, copy(made)) as (page, url):
        page.goto(f"{url}/tournees?commune={COMMUNE}&fleet=corbeilles")
        expect(page.locator("table.stops")).to_be_visible()
        page.emulate_media(media="print")
        expect(page.locator("[data-sheet]")).to_contain_text("Benne légère")
        expect(page.locator("td.box").first).to_be_visible()
        expect(page.locator("vigie-decide")).to_be_hidden()
        expect(page.locator("[data-compare]")).to_be_hidden()


def test_what_cannot_be_done_is_said_and_cannot_be_approved(browser: Browser) -> None:
    subject = SUBJECTS[0]
    policy = parse_policy({**subject["policy"], "trucks": []})
    at = datetime.now(UTC)
    body = format_decision(decide(_situation(subject, policy, at), policy, at))
    row = {
        **body,
        "decision_id": 9,
        "state": "proposed",
        "answers": [],
        "simulated": True,
        "subject_name": subject["name"],
    }
    with visit(browser, Rounds([row])) as (page, url):
        page.goto(f"{url}/tournees?commune={COMMUNE}")
        expect(page.locator("[data-verdict]")).to_contain_text("Aucun camion n’est déclaré")
        expect(page.locator("vigie-decide")).to_contain_text("Rien ne peut être proposé")
        expect(page.get_by_role("button", name="Approuver")).to_have_count(0)


def test_no_round_yet_is_said(browser: Browser) -> None:
    with visit(browser, Rounds([])) as (page, url):
        page.goto(f"{url}/tournees?commune={COMMUNE}")
        expect(page.locator("[data-verdict]")).to_contain_text("Aucune tournée n’est encore proposée à Noisy-le-Grand")


def test_a_phone_shows_it_without_scrolling_sideways(browser: Browser, made: list[Row]) -> None:
    with visit(browser, copy(made), width=390) as (page, url):
        page.goto(f"{url}/tournees?commune={COMMUNE}&fleet=corbeilles")
        expect(page.locator("table.stops")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
