"""A page with nothing but the map on it, under the real pages' policy, with made-up communes and sensors."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from fastapi import FastAPI, Response
from fastapi.responses import HTMLResponse
from page_stub import serve
from playwright.sync_api import Browser, Page

from services.api.page_policy import NO_TILES, page_headers
from services.api.pages import Pages, mount_static

DASHBOARDS = Path(__file__).resolve().parents[2] / "dashboards"
HERE = "93051"
SIDE = 0.04
WEST, SOUTH = 2.40, 48.80
STATES = ("alarm", "watch", "silent", "suspect", "muted", "normal")
_SHEETS = ("tokens", "components", "fonts", "frame", "pages", "map")

Feature = dict[str, Any]


def communes(rows: int = 3, *, schematic: bool = False) -> Feature:
    """Return square communes in rows and columns, the one in the middle being `HERE`."""
    features = []
    for number in range(rows * rows):
        west, south = WEST + SIDE * (number % rows), SOUTH + SIDE * (number // rows) * 0.7
        ring = [[west, south], [west + SIDE, south], [west + SIDE, south + SIDE * 0.7], [west, south + SIDE * 0.7]]
        middle = number == rows * rows // 2
        properties = {
            "insee": HERE if middle else f"940{number:02}",
            "name": "Noisy-le-Grand" if middle else f"Voisine-{number}",
            "schematic": schematic,
            "source": "" if schematic else "IGN, Licence Ouverte",
        }
        geometry = {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}
        features.append({"type": "Feature", "properties": properties, "geometry": geometry})
    return {"type": "FeatureCollection", "features": features}


def sensors(count: int, problems: int = 8) -> list[Feature]:
    """Return sensors strewn over the commune in the middle, the first of them with problems of all states in turn."""
    found = []
    for number in range(count):
        x, y = (number * 0.6180339887) % 1, (number * 0.7548776662 + 0.1) % 1
        state = STATES[number % 5] if number < problems else "normal"
        lon, lat = WEST + SIDE * (1.08 + 0.84 * x), SOUTH + SIDE * 0.7 * (1.08 + 0.84 * y)
        found.append({"id": number + 1, "lon": lon, "lat": lat, "state": state, "label": f"Capteur {number + 1}"})
    return found


def strewn(count: int, rows: int, problem_share: float = 0.03) -> list[Feature]:
    """Return sensors over all communes, a share of them with problems."""
    every = max(1, math.floor(1 / problem_share))
    found = []
    for number in range(count):
        x, y = (number * 0.6180339887) % 1, (number * 0.7548776662 + 0.1) % 1
        state = STATES[(number // every) % 4] if number % every == 0 else "normal"
        place = {"lon": WEST + SIDE * rows * x, "lat": SOUTH + SIDE * 0.7 * rows * y}
        found.append({"id": number + 1, **place, "state": state, "label": f"Capteur {number + 1}"})
    return found


def map_app() -> FastAPI:
    """Return the page at ``/``, with the static files and the words where the real pages have them."""
    app = FastAPI()
    pages = Pages(DASHBOARDS)
    static = f"/static/{pages.version}"
    sheets = "".join(f'<link rel="stylesheet" href="{static}/css/{name}.css">' for name in _SHEETS)
    glyphs = (DASHBOARDS / "pages" / "glyphs.html").read_text(encoding="utf-8")
    html = (
        f'<!doctype html><html lang="fr" data-words="/words.json"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>Carte</title>'
        f'<link rel="icon" href="{static}/icon.svg">{sheets}'
        f'<script type="module" src="{static}/js/map.js"></script></head><body>'
        f"{glyphs}<main><h1>Carte</h1><vigie-map></vigie-map></main></body></html>"
    )

    @app.get("/")
    def page() -> HTMLResponse:
        return HTMLResponse(html, headers=page_headers(NO_TILES))

    @app.get("/words.json")
    def words() -> Response:
        return Response(json.dumps(pages.catalogues["fr"].words), media_type="application/json")

    mount_static(app, DASHBOARDS)
    return app


SOFTWARE_WEBGL = """
    {
        const asked = HTMLCanvasElement.prototype.getContext;
        HTMLCanvasElement.prototype.getContext = function (kind, how, ...more) {
            return asked.call(this, kind, how && { ...how, failIfMajorPerformanceCaveat: false }, ...more);
        };
    }
"""
"""The pages leave WebGL aside where software draws it; tests of it have nothing else."""


@contextmanager
def map_page(
    browser: Browser,
    *,
    width: int = 1000,
    scheme: Literal["light", "dark"] = "light",
    before: str = "",
    watch: Callable[[str], None] = lambda _: None,
) -> Iterator[Page]:
    """Serve the page and open it, after the script ``before``; whatever the browser complains of fails the test.

    ``watch`` is told of the address of each request.
    """
    complaints: list[str] = []
    with serve(map_app()) as url:
        context = browser.new_context(viewport={"width": width, "height": 860}, color_scheme=scheme)
        page = context.new_page()
        page.add_init_script(SOFTWARE_WEBGL + before)
        page.on("request", lambda request: watch(request.url))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.goto(url)
        page.locator("vigie-map .view").wait_for()
        yield page
        context.close()
    assert not complaints, complaints
