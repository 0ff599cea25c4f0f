"""Every page to everybody: axe-core on each page and state, 320 pixels, the keyboard; in both languages and themes.

What axe cannot see stands in docs/accessibility.md, with how it was looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import pytest
from page_every import EVERY, every_app, settle
from page_stub import serve
from page_town import COMMUNE, stub_town
from playwright.sync_api import Browser, Page, Route

pytestmark = pytest.mark.journey
AXE = Path(__file__).resolve().parents[2] / "node_modules" / "axe-core" / "axe.min.js"
TABS_MAX = 60
_FOUND = """axe.run(document, {resultTypes: ["violations"]}).then(({ violations }) =>
    violations.map(({ id, nodes }) => `${id}: ${nodes[0].html.slice(0, 160)}`))"""
# Whether the one that has the focus shows it: an outline, or a line of its own that it has only then.
_SHOWS_FOCUS = """() => {
    const node = document.activeElement;
    if (!node || node === document.body) return null;
    // Of a field of dates the browser itself rings the part that has the focus.
    if (node.matches("input:is([type^=date], [type=time])")) return { shown: true };
    const shown = [node, node.closest(".field, .day, label")].filter(Boolean).some((one) => {
        const { outlineStyle, outlineWidth } = getComputedStyle(one);
        return outlineStyle !== "none" && parseFloat(outlineWidth) > 0;
    });
    return { shown, html: node.outerHTML.slice(0, 120) };
}"""
_LOOKS: dict[str, tuple[str, Literal["light", "dark"]]] = {"fr": ("fr-FR", "light"), "en": ("en-GB", "dark")}
STATEFUL = ("supervision", "capteur", "alarmes", "donnees", "modeles", "tournees", "acces")
DIALOGS = {
    f"/alarmes?commune={COMMUNE}": "[data-add-rule]",
    f"/alarmes?commune={COMMUNE}&view=maintenance": "[data-add-maintenance]",
    f"/alarmes?commune={COMMUNE}&view=told": "[data-add-told]",
    f"/donnees?commune={COMMUNE}&view=registry": "[data-unknown] .btn",
    f"/donnees?commune={COMMUNE}": "[data-groups] .replay .btn",
    "/modeles?metric=co2_ppm": "[data-doubt]",
    "/acces": "#people [data-add]",
}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    if not AXE.is_file():
        pytest.skip("axe-core is not among the browser libraries")
    with serve(every_app(stub_town())) as found:
        yield found


@contextmanager
def looking(browser: Browser, url: str, language: str, width: int = 1440) -> Iterator[Page]:
    """Open one page in a language, with the theme that goes with it here; motion is reduced."""
    locale, theme = _LOOKS[language]
    context = browser.new_context(
        base_url=url,
        locale=locale,
        color_scheme=theme,
        reduced_motion="reduce",
        viewport={"width": width, "height": 900},
    )
    yield context.new_page()
    context.close()


def violations(page: Page) -> list[str]:
    """Return what axe finds. It comes through the debugger: the pages' policy lets no foreign script in."""
    page.context.new_cdp_session(page).send("Runtime.evaluate", {"expression": AXE.read_text(encoding="utf-8")})
    found: list[str] = page.evaluate(_FOUND)
    return found


@pytest.mark.parametrize("language", _LOOKS)
def test_axe_finds_nothing_on_any_page(browser: Browser, url: str, language: str) -> None:
    found: dict[str, list[str]] = {}
    with looking(browser, url, language) as page:
        for name, path in EVERY.items():
            page.goto(path)
            settle(page)
            if told := violations(page):
                found[name] = told
    assert found == {}


@pytest.mark.parametrize("state", ["loading", "refused", "offline"])
def test_axe_finds_nothing_while_answers_are_missing(browser: Browser, url: str, state: str) -> None:
    def answer(route: Route) -> None:
        if state == "refused":
            route.fulfill(status=503, json={"title": "Indisponible"})
        elif state == "offline":
            route.abort()
        # While loading, nothing comes at all.

    found: dict[str, list[str]] = {}
    with looking(browser, url, "fr") as page:
        page.route("**/api/v1/**", answer)
        for name in STATEFUL:
            page.goto(EVERY[name], wait_until="domcontentloaded")
            page.wait_for_timeout(600)
            if told := violations(page):
                found[name] = told
    assert found == {}


def test_axe_finds_nothing_in_a_dialog(browser: Browser, url: str) -> None:
    found: dict[str, list[str]] = {}
    with looking(browser, url, "en") as page:
        for path, opener in DIALOGS.items():
            page.goto(path)
            settle(page)
            page.locator(opener).first.click()
            page.get_by_role("dialog").wait_for()
            if told := violations(page):
                found[path] = told
    assert found == {}


def test_nothing_is_lost_at_320_pixels(browser: Browser, url: str) -> None:
    """A screen of 1280 at 400 % (WCAG 1.4.10): nothing is wider than it but what scrolls by itself."""
    wide: dict[str, int] = {}
    with looking(browser, url, "fr", width=320) as page:
        for name, path in EVERY.items():
            page.goto(path)
            settle(page)
            if (width := page.evaluate("document.documentElement.scrollWidth")) > 320:
                wide[name] = width
    assert wide == {}


def test_the_keyboard_reaches_and_shows_what_it_is_on(browser: Browser, url: str) -> None:
    hidden: dict[str, str] = {}
    with looking(browser, url, "fr") as page:
        for name in STATEFUL:
            page.goto(EVERY[name])
            settle(page)
            page.keyboard.press("Tab")
            assert page.evaluate("document.activeElement.className") == "skip", name
            page.keyboard.press("Enter")
            for _ in range(TABS_MAX):
                page.keyboard.press("Tab")
                told = page.evaluate(_SHOWS_FOCUS)
                if told is None:
                    break
                if not told["shown"]:
                    hidden[name] = told["html"]
    assert hidden == {}
