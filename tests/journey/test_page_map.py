"""The map in a real browser: drawn at once, by WebGL and without, told in words, moved by keys, its lines untangled."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from page_map import HERE, communes, map_page, sensors
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.journey
AXE = Path(__file__).resolve().parents[2] / "node_modules" / "axe-core" / "axe.min.js"
NO_WEBGL = """
    const before = HTMLCanvasElement.prototype.getContext;
    HTMLCanvasElement.prototype.getContext = function (kind, ...more) {
        return kind.startsWith("webgl") ? null : before.call(this, kind, ...more);
    };
"""
# Square brackets of a layout: labels as rectangles, lines as pieces, checked by code that is not the map's.
UNTANGLED = """
    async (seed) => {
        const { leaders } = await import(document.querySelector("script[src]").src.replace("map.js", "map_leaders.js"));
        let state = seed;
        const random = () => (state = (state * 48271) % 2147483647) / 2147483647;
        const faults = [];
        for (let round = 0; round < 60; round += 1) {
            const n = 1 + Math.floor(random() * 8);
            const narrow = random() < 0.5;
            const calls = Array.from({ length: n }, () => ({
                x: narrow ? 300 + random() * 30 : random() * 420, y: 200 + random() * (narrow ? 30 : 380),
                width: 60 + random() * 60, height: 32, reach: 380 + random() * 60,
            }));
            const found = leaders(calls, { width: 684, top: 12, bottom: 740 });
            const boxes = found.map(({ x, y }, place) => [x, y - 16, x + calls[place].width, y + 16]);
            const pieces = found.map(({ line }) => line);
            const cross = ([ax, ay], [bx, by], [cx, cy], [dx, dy]) => {
                const turn = (px, py, qx, qy, rx, ry) => Math.sign((qx - px) * (ry - py) - (qy - py) * (rx - px));
                return turn(ax, ay, bx, by, cx, cy) * turn(ax, ay, bx, by, dx, dy) < 0
                    && turn(cx, cy, dx, dy, ax, ay) * turn(cx, cy, dx, dy, bx, by) < 0;
            };
            for (let i = 0; i < n; i += 1) {
                const [left, top, right, bottom] = boxes[i];
                if (left < 0 || right > 684 || top < 0 || bottom > 752) faults.push(["out", round, boxes[i]]);
                const [[x, y]] = pieces[i];
                if (x !== calls[i].x || Math.abs(y - calls[i].y) > 1) faults.push(["loose", round]);
                for (let j = 0; j < i; j += 1) {
                    const [l, t, r, b] = boxes[j];
                    if (left < r && l < right && top < b && t < bottom) faults.push(["overlap", round, i, j]);
                    const [mine, theirs] = [pieces[i], pieces[j]];
                    for (let p = 1; p < mine.length; p += 1)
                        for (let q = 1; q < theirs.length; q += 1)
                            if (cross(mine[p - 1], mine[p], theirs[q - 1], theirs[q])) faults.push(["cross", i, j]);
                }
            }
        }
        return faults;
    }
"""


@pytest.fixture(scope="module")
def shown(browser: Browser) -> Iterator[Page]:
    with map_page(browser) as page:
        page.evaluate("""() => {
            window.map = document.querySelector("vigie-map");
            window.told = [];
            for (const name of ["chosen", "commune"])
                addEventListener(`vigie:map-${name}`, ({ detail }) => window.told.push([name, detail]));
        }""")
        yield page


def show(page: Page, points: list[dict[str, Any]], **more: Any) -> None:
    """Show points anew, and wait until they are drawn by WebGL."""
    asked = {"communes": communes(), "points": points, "chosen": HERE} | more
    page.evaluate("(asked) => { map.show(asked); map.choose(null); map.leaders([]); map.reset(); }", asked)
    expect(page.locator('vigie-map[data-drawn="webgl"]')).to_be_visible(timeout=20_000)
    page.evaluate("told.length = 0")


def place_of(page: Page, lon: float, lat: float) -> tuple[float, float]:
    """Return the pixel of the page where a place is drawn, found by the middles of what the drawing drew."""
    box = page.locator("vigie-map .view").bounding_box()
    assert box is not None
    x, y = page.evaluate("([lon, lat]) => map.pixelOf([lon, lat])", [lon, lat])
    return box["x"] + x, box["y"] + y


def label(page: Page) -> str:
    return page.locator("vigie-map .view").get_attribute("aria-label") or ""


def test_it_says_what_it_shows(shown: Page) -> None:
    show(shown, sensors(40, problems=8))
    assert label(shown).startswith(
        "Carte de Noisy-le-Grand et des communes voisines\u00a0: 40 capteurs, dont 2 en alarme, 2 à surveiller, "
        "2 muets, 1 suspect et 1 en sourdine."
    )
    expect(shown.locator("vigie-map .src")).to_have_text("IGN, Licence Ouverte")
    expect(shown.locator("vigie-map .m-label").filter(has_text="Voisine-3")).to_be_visible()
    unplaced = [{"id": 99, "lon": None, "lat": None, "state": "alarm", "label": "x"}]
    show(shown, sensors(3, problems=0) + unplaced)
    assert "3 capteurs, tous normaux. 1 capteur n’a pas de place sur la carte." in label(shown)


def test_schematic_outlines_and_the_whole_metropole_are_said(shown: Page) -> None:
    marks = [{"insee": HERE, "state": "alarm", "count": 3, "at": [2.46, 48.84]}]
    show(shown, [], communes=communes(schematic=True), chosen=None, marks=marks)
    expect(shown.locator("vigie-map .src")).to_have_text("Contours schématiques")
    assert label(shown).startswith("Carte des 9 communes\u00a0: 1 commune à regarder.")


def test_states_that_change_become_one_picture(shown: Page) -> None:
    show(shown, sensors(300, problems=0))
    before = shown.screenshot()
    shown.evaluate("""() => {
        window.pictures = 0;
        const view = document.querySelector("vigie-map .view");
        const seen = new MutationObserver((changes) => { window.pictures += changes.length; });
        seen.observe(view, { attributeFilter: ["aria-label"] });
        for (let n = 0; n < 2000; n += 1) map.update([{ id: 1 + (n % 300), state: n % 3 ? "normal" : "alarm" }]);
        map.update([{ id: 1, state: "alarm" }, { id: 2, state: "silent" }, { id: 9999, state: "alarm" }]);
    }""")
    expect(shown.locator("vigie-map .view")).to_have_attribute("aria-label", re.compile("en alarme"), timeout=3_000)
    assert shown.evaluate("pictures") == 1
    expect_changed(shown, before)


def expect_changed(page: Page, before: bytes) -> None:
    """Wait until the picture is another one."""
    for _ in range(100):
        if page.screenshot() != before:
            return
        page.wait_for_timeout(50)
    pytest.fail("the picture did not change")


def test_a_click_chooses_a_sensor_or_leads_to_a_neighbour(shown: Page) -> None:
    points = sensors(1, problems=1)
    show(shown, points)
    shown.mouse.click(*place_of(shown, points[0]["lon"], points[0]["lat"]))
    shown.mouse.click(*place_of(shown, 2.41, 48.842))
    shown.wait_for_timeout(100)
    assert shown.evaluate("told") == [["chosen", {"id": 1}], ["commune", {"insee": "94003"}]]
    shown.evaluate("map.choose(1)")
    expect(shown.locator("vigie-map .m-ring")).to_have_count(1)
    shown.mouse.move(*place_of(shown, points[0]["lon"], points[0]["lat"]))
    expect(shown.locator("vigie-map .map-tip")).to_have_text("Capteur 1")


def test_keys_move_and_zoom_and_lead_back(shown: Page) -> None:
    points = sensors(1, problems=1)
    show(shown, points)
    lon, lat = points[0]["lon"], points[0]["lat"]
    back = shown.get_by_role("button", name="Voir tout")
    expect(back).to_be_hidden()
    x, y = place_of(shown, lon, lat)
    shown.locator("vigie-map .view").focus()
    shown.keyboard.press("ArrowRight")
    expect(back).to_be_visible()
    assert place_of(shown, lon, lat) == pytest.approx((x - 80, y), abs=1.5)
    shown.keyboard.press("+")
    shown.keyboard.press("Home")
    expect(back).to_be_hidden()
    assert place_of(shown, lon, lat) == pytest.approx((x, y), abs=1.5)
    wide = shown.locator("vigie-map .length").inner_text()
    for _ in range(4):
        shown.get_by_role("button", name="Agrandir").click()
    expect(shown.locator("vigie-map .length")).not_to_have_text(wide)


def test_lines_lead_from_sensors_to_their_numbers(shown: Page) -> None:
    show(shown, sensors(40, problems=8))
    calls = [{"id": n, "number": n, "title": f"Salle {n}", "sub": "1 840 ppm"} for n in (1, 2, 3)]
    shown.evaluate("(calls) => map.leaders(calls)", [*calls, {"id": 9999, "number": 4, "title": "nowhere", "sub": ""}])
    expect(shown.locator("vigie-map .call")).to_have_text(
        ["1 · Salle 11 840 ppm", "2 · Salle 21 840 ppm", "3 · Salle 31 840 ppm"]
    )
    expect(shown.locator("vigie-map .m-lead")).to_have_count(3)


@pytest.mark.parametrize("seed", [11, 4242, 987_654])
def test_no_line_crosses_another_and_no_label_hides_one(shown: Page, seed: int) -> None:
    assert shown.evaluate(UNTANGLED, seed) == []


def test_sensors_of_one_site_are_each_seen_and_stay_where_they_are(shown: Page) -> None:
    same = [{"id": n, "lon": 2.46, "lat": 48.842, "state": "watch", "label": f"{n}"} for n in range(12, 0, -1)]
    show(shown, same)
    before = shown.evaluate("map.placesOf([1, 2, 12])")
    show(shown, same[::-1])
    assert shown.evaluate("map.placesOf([1, 2, 12])") == before
    assert before[0] == pytest.approx([2.46, 48.842])
    assert len({tuple(place) for place in shown.evaluate("map.placesOf([1,2,3,4,5,6,7,8,9,10,11,12])")}) == 12


def test_nothing_is_asked_of_anybody_else(browser: Browser) -> None:
    asked: list[str] = []
    with map_page(browser, watch=asked.append) as page:
        page.evaluate("window.map = document.querySelector('vigie-map'); window.told = []")
        show(page, sensors(10))
        ours = page.url.rstrip("/")
    assert any(url.endswith("/vendor/maplibre_worker.js") for url in asked)
    assert [url for url in asked if not url.startswith(ours)] == []


@pytest.mark.parametrize(("width", "scheme"), [(1000, "dark"), (390, "light")])
def test_no_violation_is_found(browser: Browser, width: int, scheme: Any) -> None:
    with map_page(browser, width=width, scheme=scheme) as page:
        page.evaluate("window.map = document.querySelector('vigie-map'); window.told = []")
        show(page, sensors(40))
        page.evaluate("map.leaders([{ id: 1, number: 1, title: 'Salle 12', sub: '1 840 ppm' }])")
        page.evaluate(AXE.read_text(encoding="utf-8"))
        found = page.evaluate("axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa'] })")
        assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found["violations"]] == []


def test_without_webgl_the_drawing_shows_the_same(browser: Browser) -> None:
    with map_page(browser, before=NO_WEBGL) as page:
        page.evaluate("window.map = document.querySelector('vigie-map')")
        page.evaluate("(asked) => map.show(asked)", {"communes": communes(), "points": sensors(40), "chosen": HERE})
        drawing = page.locator("vigie-map .drawing")
        expect(drawing.locator(".m-mark")).to_have_count(8)
        expect(drawing.locator(".m-here")).to_have_count(1)
        expect(drawing.locator(".m-near")).to_have_count(8)
        page.evaluate("map.update([{ id: 1, state: 'normal' }])")
        expect(drawing.locator(".m-mark")).to_have_count(7)
        length = page.locator("vigie-map .length")
        before = length.inner_text()
        for _ in range(4):
            page.get_by_role("button", name="Agrandir").click()
        expect(length).not_to_have_text(before)
        assert page.locator("vigie-map").get_attribute("data-drawn") == "svg"


def test_on_paper_the_drawing_is_printed_in_light(browser: Browser) -> None:
    with map_page(browser, scheme="dark") as page:
        page.evaluate("window.map = document.querySelector('vigie-map'); window.told = []")
        show(page, sensors(40))
        expect(page.locator("vigie-map .drawing")).not_to_be_visible()
        page.emulate_media(media="print")
        expect(page.locator("vigie-map .drawing")).to_be_visible()
        expect(page.locator("vigie-map .drawing .m-mark")).to_have_count(8)
