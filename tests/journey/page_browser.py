"""A real browser on the real pages over the stubbed API; whatever the console complains of fails the test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from page_doors import StubDoor, stub_door
from page_stub import serve, stub_app
from page_town import StubTown
from playwright.sync_api import Browser, BrowserContext, Page, expect

# A closed feed, an ended session are refused on purpose in some tests; the browser says so by itself.
EXPECTED_COMPLAINTS = ("status of 503", "status of 401", "status of 403")


@dataclass
class Visit:
    """One visitor's page: where it is, what it complained of."""

    page: Page
    url: str
    town: StubTown
    door: StubDoor = field(default_factory=stub_door)
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str) -> Page:
        """Open a page and wait until its figures stand."""
        self.page.goto(self.url + path)
        expect(self.page.locator("[data-verdict] .skeleton")).to_have_count(0)
        return self.page


@contextmanager
def visit(
    browser: Browser, town: StubTown, language: str = "fr-FR", width: int = 1440, door: StubDoor | None = None
) -> Iterator[Visit]:
    """Serve the pages over ``town`` and let a visitor in; nothing but refused feeds may be complained of."""
    door = door or stub_door()
    with serve(stub_app(town, door)) as url:
        context: BrowserContext = browser.new_context(locale=language, viewport={"width": width, "height": 900})
        found = Visit(context.new_page(), url, town, door)
        found.page.on("pageerror", lambda error: found.complaints.append(str(error)))
        found.page.on("console", lambda said: found.complaints.append(said.text) if said.type == "error" else None)
        yield found
        context.close()
    assert [said for said in found.complaints if not any(one in said for one in EXPECTED_COMPLAINTS)] == []
