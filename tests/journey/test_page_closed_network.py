"""A closed network: with every other address out of reach, each page is complete, and asks nobody but us."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from page_doors import stub_door
from page_every import EVERY, every_app
from page_map import SOFTWARE_WEBGL
from page_stub import serve
from page_town import stub_town
from playwright.sync_api import Browser, Page, Request, Response, Route, expect

pytestmark = pytest.mark.journey
WITH_A_CHART = ("capteur",)
PAGES = [name for name in EVERY if "-" not in name]


@dataclass
class Closed:
    """A visitor's page behind a wall: who was asked beyond it, and what of ours did not come."""

    page: Page
    url: str
    beyond: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def hold(self, route: Route) -> None:
        """Let a request to us pass, and no other."""
        if route.request.url.startswith(self.url):
            route.continue_()
        else:
            self.beyond.append(route.request.url)
            route.abort()

    def note(self, response: Response) -> None:
        """Note what of our files is not there; what the stubbed API lacks is not the network's fault."""
        if response.status >= 400 and "/api/" not in response.url:
            self.missing.append(f"{response.status} {response.url}")

    def fail(self, request: Request) -> None:
        """Note a file of ours that broke off; what a page let go of itself is none."""
        if request.url.startswith(self.url) and request.failure and "ERR_ABORTED" not in request.failure:
            self.missing.append(f"{request.failure} {request.url}")


@pytest.fixture(scope="module")
def closed(browser: Browser) -> Iterator[Closed]:
    with serve(every_app(stub_town(), stub_door())) as url:
        context = browser.new_context(locale="fr-FR", viewport={"width": 1440, "height": 900})
        found = Closed(context.new_page(), url)
        context.add_init_script(SOFTWARE_WEBGL)
        context.route("**/*", found.hold)
        found.page.on("response", found.note)
        found.page.on("requestfailed", found.fail)
        yield found
        context.close()


@pytest.mark.parametrize("name", PAGES)
def test_each_page_is_complete_and_asks_nobody_else(closed: Closed, name: str) -> None:
    page = closed.page
    closed.missing.clear()
    page.goto(closed.url + EVERY[name])
    expect(page.locator("main .skeleton:visible")).to_have_count(0, timeout=15_000)
    faces = page.evaluate("document.fonts.ready.then((all) => [...all].map(({ family, status }) => [family, status]))")
    assert ["Inter", "loaded"] in [[family.strip('"'), status] for family, status in faces]
    if name == "supervision":
        expect(page.locator('vigie-map[data-drawn="webgl"]')).to_be_visible(timeout=20_000)
    if name in WITH_A_CHART:
        expect(page.locator("vigie-chart canvas, vigie-chart svg").first).to_be_attached(timeout=15_000)
    assert closed.beyond == []
    assert closed.missing == []


def test_what_a_page_would_ask_of_others_is_noticed(closed: Closed) -> None:
    page = closed.page
    page.goto(closed.url + EVERY["signin"])
    refused = page.evaluate("fetch('https://elsewhere.example/tile.png').then(() => 'came', () => 'refused')")
    assert refused == "refused"
    image = "new Promise((done) => { const one = new Image(); one.onload = one.onerror = ({ type }) => done(type);"
    assert page.evaluate(image + " one.src = 'https://elsewhere.example/1.png'; })") == "error"
