"""Supervision where nobody sits before it: on a wall, for a day, and over thousands of sensors that all speak."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from page_browser import Visit, visit
from page_crowd import crowd, crowd_app, speaking
from page_metropole import other_communes
from page_stub import serve
from page_town import COMMUNE, stub_town
from playwright.sync_api import Browser, Page, Route, expect

from core.clock import PARIS

pytestmark = pytest.mark.journey
WALL = f"/supervision?commune={COMMUNE}&kiosk=1"
SENSORS, READINGS_A_SECOND, WATCHED_S = 5_000, 200, 10
NODES_MORE_MAX = 150
"""Trends of rows, marks that come and go."""


@pytest.fixture
def visitor(browser: Browser) -> Iterator[Visit]:
    with visit(browser, stub_town()) as found:
        yield found


def test_a_wall_shows_no_pages_and_no_buttons(visitor: Visit) -> None:
    page = visitor.open(WALL)
    expect(page.locator("[data-verdict]")).to_contain_text("Trois alarmes à traiter")
    expect(page.locator('[data-alarm="1"]')).to_be_visible()
    expect(page.locator(".rail, .bar, .lang")).to_have_count(3)
    for hidden in (".rail", ".bar", ".lang", "vigie-account", ".queue .acts >> nth=0", ".head .acts"):
        expect(page.locator(hidden)).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight") is True
    page.keyboard.press("Escape")
    page.wait_for_url(f"**/supervision?commune={COMMUNE}")
    expect(page.get_by_role("link", name="Mode mural")).to_have_attribute("href", f"?commune={COMMUNE}&kiosk=1")


def test_a_wall_turns_through_the_communes_without_a_reload(browser: Browser) -> None:
    town = stub_town()
    town.others = other_communes(datetime.now(UTC))[:1]
    with visit(browser, town) as visitor:
        page = visitor.open(f"{WALL}&turn=5")
        page.evaluate("window.sameVisit = true")
        expect(page.locator("vigie-communes .place")).to_contain_text("Villiers-sur-Marne", timeout=15_000)
        expect(page.locator("vigie-communes .place")).to_contain_text("Noisy-le-Grand", timeout=15_000)
        assert page.evaluate("window.sameVisit") is True


def test_a_wall_is_dark_at_night_by_the_clock_of_paris(visitor: Visit) -> None:
    page = visitor.page
    page.clock.install(time=datetime(2026, 11, 24, 12, tzinfo=UTC))
    visitor.open(f"{WALL}&night=20-7")
    night = """(at) => import(document.querySelector('link[rel=modulepreload][href*="kiosk"]').href)
        .then(({ isNight }) => isNight("20-7", Date.parse(at)))"""
    assert [page.evaluate(night, f"2026-11-24T{hour}:30:00Z") for hour in ("05", "06", "18", "19")] == [
        True,
        False,
        False,
        True,
    ]
    expect(page.locator("html")).to_have_attribute("data-theme", "dark" if _is_night() else "light")


def _is_night() -> bool:
    """Whether it is night in Paris by the server's clock, which the page goes by."""
    hour = datetime.now(UTC).astimezone(PARIS).hour
    return hour not in range(7, 20)


def test_a_wall_comes_back_by_itself_after_an_hour_offline(visitor: Visit) -> None:
    page = visitor.page
    page.clock.install()
    visitor.open(WALL)
    while not visitor.town.resumed_after:
        page.wait_for_timeout(20)
    visitor.town.refuse_live = True
    banner = page.locator("vigie-banner")
    for _ in range(8):
        page.clock.run_for(1_000)
        page.wait_for_timeout(50)
    expect(banner).to_contain_text("Hors ligne")
    page.clock.fast_forward("01:00:00")
    visitor.town.refuse_live = False
    for _ in range(70):
        page.clock.run_for(1_000)
        if banner.is_hidden():
            break
        page.wait_for_timeout(20)
    expect(banner).to_be_hidden()


def test_a_wall_takes_the_new_version_of_the_pages(visitor: Visit) -> None:
    page = visitor.page
    page.clock.install()
    visitor.open(WALL)
    page.evaluate("window.sameVisit = true")
    old = page.locator("html").get_attribute("data-words")
    assert old

    def newer(route: Route) -> None:
        if route.request.resource_type == "fetch":
            route.fulfill(body=f'<html data-words="{old}-newer">', content_type="text/html")
        else:
            route.continue_()

    page.route("**/supervision?*", newer)
    with page.expect_navigation():
        page.clock.run_for(10 * 60_000)
    assert page.evaluate("window.sameVisit") is None


def test_a_wall_tries_again_when_nothing_could_be_read(visitor: Visit) -> None:
    page = visitor.page
    page.clock.install()
    visitor.town.alarms.refuse = True
    visitor.open(WALL)
    expect(page.locator("[data-verdict]")).to_have_text("La supervision ne répond pas.")
    visitor.town.alarms.refuse = False
    page.clock.run_for(31_000)
    expect(page.locator("[data-verdict]")).to_contain_text("Trois alarmes à traiter")


def nodes(page: Page) -> int:
    return int(page.evaluate("document.getElementsByTagName('*').length"))


def test_thousands_of_sensors_that_speak_leave_the_page_as_large_as_it_was(browser: Browser) -> None:
    town = crowd(SENSORS)
    with serve(crowd_app(town)) as url:
        context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="fr-FR")
        page = context.new_page()
        page.goto(f"{url}/supervision?commune={COMMUNE}&view=list")
        expect(page.locator('[data-figures] [data-state="all"] .v')).to_have_text("5\u202f000", timeout=30_000)
        expect(page.locator("vigie-sensors a.row").first).to_be_visible()
        while not town.resumed_after:
            page.wait_for_timeout(20)
        with speaking(town, READINGS_A_SECOND):
            page.wait_for_timeout(2_000)
            before = nodes(page)
            page.wait_for_timeout(1_000 * WATCHED_S)
            after = nodes(page)
        assert after - before < NODES_MORE_MAX
        last = {one["series_id"]: one["value"] for _, kind, items in town.events if kind == "readings" for one in items}
        assert len(last) > READINGS_A_SECOND
        held = page.evaluate("document.querySelectorAll('vigie-sensors a.row').length")
        assert held < 60
        _shows_the_last(page, town.metrics, last)
        context.close()


def _shows_the_last(page: Page, metrics: dict[int, str], last: dict[int, float]) -> None:
    """Check that each power in sight is the last that came."""
    seen = page.evaluate(
        """() => [...document.querySelectorAll("vigie-sensors a.row")].map((row) =>
            [Number(new URL(row.href).searchParams.get("series")), row.querySelector(".val").firstChild.textContent])"""
    )
    told = [(text, last[series]) for series, text in seen if series in last and metrics[series] == "power_kw"]
    for text, value in told:
        shown = float(text.replace("\u202f", "").replace(",", ".").replace("−", "-"))
        assert abs(shown - value) <= 0.51
