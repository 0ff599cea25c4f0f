"""The map with all sensors of the Métropole: how soon it is drawn, how it moves, how it bears changes of state.

In headless Chromium, which draws WebGL by software (SwiftShader) on the same cores as all else: a machine with a
graphics processor is faster, so what the main thread spends in scripts is told beside the frames. The communes and
the sensors are made up; 3 in 100 have a problem.

    ./run bench map [--sensors 26000] [--quick] [--json]
"""

from __future__ import annotations

import argparse
import math
import shutil
import sys
from pathlib import Path
from typing import Any

from figures import Figure, below, tell
from playwright.sync_api import Browser, CDPSession, Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "journey")]

from page_map import communes, map_page, strewn  # noqa: E402 - the path is set above

ROWS = 11
"""121 communes."""
SENSORS, QUICK_SENSORS = 26_000, 2_600
CHANGES_A_SECOND = 200
SECONDS = 10
SCRIPT_MAX_MS = 100.0
"""A tenth of the main thread: the rest is for the page around it, and for drawing."""

_WATCH = """
window.long = [];
const keep = (list) => { for (const one of list.getEntries()) window.long.push([one.startTime, one.duration]); };
new PerformanceObserver(keep).observe({ type: "longtask", buffered: true });
"""
# Each change goes through the map's own door; each frame is timed as the page sees it.
_LIVE = """
([seconds, rate, sensors, moving]) => new Promise((resolve) => {
    const frames = [];
    const costs = [];
    const began = performance.now();
    let [before, given] = [began, 0];
    const frame = (at) => {
        frames.push(at - before);
        before = at;
        const due = Math.floor(((at - began) / 1000) * rate);
        const states = ["alarm", "watch", "silent", "suspect", "normal", "normal", "normal", "normal"];
        const asked = performance.now();
        for (; given < due; given += 1) map.update([{ id: 1 + ((given * 7919) % sensors), state: states[given % 8] }]);
        costs.push(performance.now() - asked);
        if (moving) {
            const key = ["ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp"][Math.floor((at - began) / 500) % 4];
            map.querySelector(".view").dispatchEvent(new KeyboardEvent("keydown", { key }));
        }
        if (at - began < seconds * 1000) requestAnimationFrame(frame);
        else resolve({ frames: frames.slice(1), costs, began });
    };
    requestAnimationFrame(frame);
})
"""


def quantile(values: list[float], share: float) -> float:
    """Return the value that this share of them is not above; 0 of none."""
    return sorted(values)[math.ceil(share * len(values)) - 1] if values else 0.0


def opened(page: Page, sensors: int) -> dict[str, float]:
    """Show all sensors; return the milliseconds until they are drawn, as SVG and by WebGL, and the longest task."""
    asked = {"communes": communes(ROWS), "points": strewn(sensors, ROWS)}
    page.evaluate("(asked) => { window.asked = asked; window.map = document.querySelector('vigie-map'); }", asked)
    took = page.evaluate("() => { const at = performance.now(); map.show(asked); return performance.now() - at; }")
    began: float = page.evaluate("performance.now()")
    expect(page.locator('vigie-map[data-drawn="webgl"]')).to_be_visible(timeout=120_000)
    webgl = page.evaluate("performance.now()") - began + took
    longest = page.evaluate("Math.max(0, ...long.map(([, duration]) => duration))")
    again = page.evaluate("() => { const at = performance.now(); map.show(asked); return performance.now() - at; }")
    page.wait_for_timeout(2_000)
    return {"svg": took, "webgl": webgl, "longest": longest, "again": again}


def live(page: Page, sensors: int, *, moving: bool) -> dict[str, Any]:
    """Let states change while in the picture, and move it or not; return frames and costs, ms, and script, ms/s."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    before = _script_s(session)
    found: dict[str, Any] = page.evaluate(_LIVE, [SECONDS, CHANGES_A_SECOND, sensors, moving])
    script = 1_000 * (_script_s(session) - before) / SECONDS
    session.detach()
    return found | {"script": script}


def _script_s(session: CDPSession) -> float:
    metrics = session.send("Performance.getMetrics")["metrics"]
    return next(float(one["value"]) for one in metrics if one["name"] == "ScriptDuration")


def run(browser: Browser, sensors: int) -> list[Figure]:
    """Return the figures of one run."""
    with map_page(browser, before=_WATCH) as page:
        first = opened(page, sensors)
        still = live(page, sensors, moving=False)
        moved = live(page, sensors, moving=True)
    return [
        Figure("drawn as SVG", first["svg"], "ms", "lower"),
        Figure("drawn by WebGL", first["webgl"], "ms", "lower"),
        Figure("longest task till then", first["longest"], "ms", "lower"),
        Figure("shown again", first["again"], "ms", "lower"),
        below(f"script, {CHANGES_A_SECOND} changes a second", still["script"], "ms/s", SCRIPT_MAX_MS),
        Figure("changes given, a frame, p95", quantile(still["costs"], 0.95), "ms", "lower"),
        Figure("frame meanwhile, p50", quantile(still["frames"], 0.5), "ms", "lower"),
        Figure("frame meanwhile, p95", quantile(still["frames"], 0.95), "ms", "lower"),
        Figure("script, moving as well", moved["script"], "ms/s", "lower"),
        Figure("frame, moving as well, p50", quantile(moved["frames"], 0.5), "ms", "lower"),
        Figure("frame, moving as well, p95", quantile(moved["frames"], 0.95), "ms", "lower"),
    ]


def main() -> None:
    """Run it and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sensors", type=int, default=SENSORS)
    parser.add_argument("--quick", action="store_true", help="a tenth of the sensors")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-quic", "--enable-unsafe-swiftshader"]
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=arguments)
        figures = run(browser, QUICK_SENSORS if asked.quick else asked.sensors)
        browser.close()
    tell("map", figures, as_json_only=asked.json)


if __name__ == "__main__":
    main()
