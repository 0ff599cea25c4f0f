"""Pictures of every page over the stubbed API, to be laid beside the drawings: ``./run screenshots FOLDER [NAME ...]``.

A picture is named ``<page>.<language>.<width>.<theme>.png``; what goes to paper is ``<page>.<language>.print.png``, as
wide as A4 between its margins. Nothing is compared here: a person looks.
"""

from __future__ import annotations

import argparse
import itertools
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from page_every import EVERY, every_app, settle
from page_stub import serve
from page_town import stub_town
from playwright.sync_api import Browser, BrowserContext, sync_playwright

LOCALES = {"fr": "fr-FR", "en": "en-GB"}
HEIGHTS = {1440: 900, 768: 1024, 390: 844}
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
PAPER_PX = 703
"""A4 less its margins of 12 mm, at 96 to the inch."""
DRAWN_MS = 350
"""A chart takes so long to draw itself."""


def main() -> int:
    """Write the pictures that are asked for; return 1 where a page is not served."""
    asked = _asked()
    asked.folder.mkdir(parents=True, exist_ok=True)
    names = [name for name in EVERY if not asked.names or any(name.startswith(start) for start in asked.names)]
    with serve(every_app(stub_town())) as url, _chromium() as browser:
        absent = {name for place in _places(asked) for name in _pictures(browser, url, names, place, asked.folder)}
    for name in sorted(absent):
        sys.stderr.write(f"not served: {EVERY[name]}\n")
    return 1 if absent else 0


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./run screenshots", description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*", help="pages whose names start so; all unless told")
    parser.add_argument("--language", choices=LOCALES, action="append")
    parser.add_argument("--width", type=int, choices=HEIGHTS, action="append")
    parser.add_argument("--theme", choices=THEMES, action="append")
    parser.add_argument("--no-print", dest="paper", action="store_false")
    return parser.parse_args()


def _places(asked: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Return how each round of pictures is looked at: a language, and a width with a theme, or paper."""
    for language in asked.language or LOCALES:
        screens = itertools.product(asked.width or HEIGHTS, asked.theme or THEMES)
        yield from ({"language": language, "width": width, "theme": theme} for width, theme in screens)
        if asked.paper:
            yield {"language": language, "width": PAPER_PX, "theme": None}


def _pictures(browser: Browser, url: str, names: list[str], place: dict[str, Any], folder: Path) -> Iterator[str]:
    """Write one round of pictures; yield the names of the pages that are not served."""
    context: BrowserContext = browser.new_context(
        base_url=url,
        locale=LOCALES[place["language"]],
        viewport={"width": place["width"], "height": HEIGHTS.get(place["width"], 900)},
        color_scheme=place["theme"] or "light",
        reduced_motion="reduce",
    )
    page = context.new_page()
    for name in names:
        answer = page.goto(EVERY[name])
        if answer is None or answer.status == 404:
            yield name
            continue
        settle(page)
        page.wait_for_timeout(DRAWN_MS)
        look = "print" if place["theme"] is None else f"{place['width']}.{place['theme']}"
        if place["theme"] is None:
            page.emulate_media(media="print")
        page.screenshot(path=folder / f"{name}.{place['language']}.{look}.png", full_page="kiosk" not in name)
        page.emulate_media(media="screen")
    context.close()


@contextmanager
def _chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-quic"]
        )
        yield browser
        browser.close()


if __name__ == "__main__":
    sys.exit(main())
