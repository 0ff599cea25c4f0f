"""Tournées in a real browser over a stubbed API: the sentence, the map, the stops and their reasons, exports, paper."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from page_doors import StubDoor, stub_door
from page_stub import serve, stub_app
from page_town import COMMUNE, stub_town
from playwright.sync_api import Browser, Page, expect

from core.clock import Window
from core.decision_json import format_decision
from core.roles import Grant, Role
from models.simulation.equipment_bins import SUBJECTS
from models.simulation.town import town
from services.decisions.rounds.decide import decide
from services.decisions.rounds.inflow import recent_inflow
from services.decisions.rounds.policy import RoundPolicy, parse_policy
from services.decisions.rounds.situation import BinState, RoundSituation

pytestmark = pytest.mark.journey
AXE = Path(__file__).resolve().parents[2] / "node_modules" / "axe-core" / "axe.min.js"
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
    browser: Browser, rounds: Rounds, *, language: str = "fr-FR", width: int = 1440, door: StubDoor | None = None
) -> Iterator[tuple[Page, str]]:
    app = stub_app(stub_town(), door)

    @app.get("/api/v1/decisions")
    def decisions(kind: str) -> Row:
        return {"items": [row for row in rounds.decisions if row["kind"] == kind], "next": None}

    @app.get("/api/v1/decisions/{decision_id}")
    def decision(decision_id: int) -> Row:
        return next(row for row in rounds.decisions if row["decision_id"] == decision_id)

    @app.post("/api/v1/decisions/{decision_id}/answers")
    def answer(decision_id: int, body: Row) -> Row:
        rounds.answers.append(body)
        row = next(row for row in rounds.decisions if row["decision_id"] == decision_id)
        row["state"] = body["state"]
        row["answers"].append({**body, "by": "Nadia", "at": row["made_at"], "actions": None})
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
        page.get_by_role("button", name="Approuver").click()
        expect(page.locator("vigie-decide")).to_contain_text("Approuvée par Nadia")
    assert [one["state"] for one in rounds.answers] == ["approved"]


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


def test_who_may_not_decide_is_told_who_may(browser: Browser, made: list[Row]) -> None:
    door = stub_door()
    door.grants = [Grant(Role.ANALYST, COMMUNE)]
    with visit(browser, copy(made), door=door) as (page, url):
        page.goto(f"{url}/tournees?commune={COMMUNE}&fleet=corbeilles")
        expect(page.locator("vigie-decide .needs")).to_have_text(
            "Peut agir ici\u00a0: un responsable des tournées de la commune."
        )
        expect(page.get_by_role("button", name="Approuver")).to_have_count(0)
        expect(page.get_by_role("button", name="Lien du conducteur")).to_be_hidden()
        expect(page.get_by_role("link", name="GeoJSON")).to_be_visible()


def test_a_dispatcher_makes_and_withdraws_a_driver_s_link(browser: Browser, made: list[Row]) -> None:
    door = stub_door()
    door.grants = [Grant(Role.DISPATCHER, COMMUNE)]
    with visit(browser, copy(made), door=door) as (page, url):
        page.goto(f"{url}/tournees?commune={COMMUNE}&fleet=corbeilles")
        page.get_by_role("button", name="Lien du conducteur").click()
        page.get_by_label("Pour qui").fill("Benne légère")
        page.get_by_role("button", name="Créer le lien").click()
        expect(page.get_by_role("textbox", name="Lien")).to_have_value(f"{url}/round/abcdef")
        page.get_by_role("button", name="Fermer").click()
        page.get_by_role("button", name="Lien du conducteur").click()
        page.get_by_role("button", name="Retirer le lien de Benne légère").click()
        expect(page.get_by_text("Liens qui ouvrent cette tournée")).to_have_count(0)
    assert door.links == []


def test_a_driver_sees_the_round_and_nothing_else(browser: Browser, made: list[Row]) -> None:
    door = stub_door()
    door.grants, door.decision_id = [Grant(Role.DRIVER, COMMUNE)], 1
    street = made[0]["picture"]
    with visit(browser, copy(made), width=390, door=door) as (page, url):
        page.goto(f"{url}/supervision")
        expect(page).to_have_url(f"{url}/round")
        stops = page.locator("[data-stops] li:not(.dump)")
        expect(stops).to_have_count(street["trucks"][0]["stops"])
        expect(stops.first.locator(".why")).not_to_be_empty()
        expect(stops.first.get_by_role("link")).to_have_attribute("href", re.compile("openstreetmap.org/.mlat=48"))
        expect(page.locator("[data-note]")).to_have_text("Cette tournée n’est pas encore approuvée.")
        expect(page.locator("[data-badge]")).to_have_text("d’après des données simulées")
        expect(page.locator(".rail")).to_have_count(0)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        if AXE.exists():
            page.evaluate(AXE.read_text(encoding="utf-8"))
            assert page.evaluate("axe.run().then(({ violations }) => violations.map(({ id }) => id))") == []
        door.signed_in = False
        page.reload()
        expect(page.get_by_role("heading")).to_have_text("Ce lien de tournée ne sert plus")
