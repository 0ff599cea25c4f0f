"""How the Supervision page bears a commune of 5,000 sensors and 200 readings a second, in headless Chromium.

The pages are the real ones, the API behind them is stubbed in a process of its own. Printed beside the budgets: the
heap after a forced collection at each minute and its slope, how long the main thread was busy at a stretch, what was
painted, the nodes of the document, and the first view over 10 Mbit/s with 40 ms of delay on a cold cache.

    ./run bench supervision [--minutes 10] [--sensors 5000] [--list] [--json]
"""

from __future__ import annotations

import argparse
import gzip
import math
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from figures import Figure, below, tell
from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "journey")]

from services.api.pages import modules_of  # noqa: E402 - the path is set above

SCRIPTS = ROOT / "dashboards" / "static" / "js"
COMMUNE = "93051"
READINGS_A_SECOND = 200
LINE_BYTES_A_SECOND = 10_000_000 / 8
DELAY_MS = 40
SETTLE_S = 20
"""Until the first trends, the map and what is compiled late have come."""
HEAP_SLOPE_MAX_KB = 50.0
"""A minute; of 10 MB this would be a day's doubling, and lies within the noise of a collection."""
NODES_GROWTH_MAX = 200
TASK_P95_MAX_MS = 50.0
VIEW_MAX_S = 1.5
SCRIPT_MAX_KB = 100.0

_WATCH = """
window.seen = { long: [], frames: 0, view: null };
const keep = (list) => { for (const one of list.getEntries()) window.seen.long.push([one.startTime, one.duration]); };
new PerformanceObserver(keep).observe({ type: "longtask", buffered: true });
(function frame() { window.seen.frames += 1; requestAnimationFrame(frame); })();
new MutationObserver(() => {
    const drawn = document.querySelector("[data-verdict]") && !document.querySelector("[data-verdict] .skeleton");
    if (drawn && document.querySelector("vigie-queue [data-alarm]")) window.seen.view ??= performance.now();
}).observe(document, { subtree: true, childList: true });
"""


@dataclass
class Minutes:
    """What was seen at the end of each minute."""

    heap_mb: list[float] = field(default_factory=list)
    nodes: list[int] = field(default_factory=list)
    tasks_ms: list[float] = field(default_factory=list)

    def slope_kb(self) -> float:
        """Return the heap's growth a minute, by the least-squares line."""
        n = len(self.heap_mb)
        middle, mean = (n - 1) / 2, sum(self.heap_mb) / n
        spread = sum((place - middle) ** 2 for place in range(n)) or 1.0
        return 1000 * sum((place - middle) * (heap - mean) for place, heap in enumerate(self.heap_mb)) / spread


@contextmanager
def crowd(sensors: int) -> Iterator[str]:
    """Serve a commune of so many sensors in another process while in the block; yield its address."""
    command = [sys.executable, str(Path(__file__).with_name("crowd_server.py")), str(sensors), str(READINGS_A_SECOND)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


def visited(browser: Browser) -> tuple[Page, CDPSession]:
    """Return a new visitor's page, watched from its first byte."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="fr-FR")
    page = context.new_page()
    page.add_init_script(_WATCH)
    return page, context.new_cdp_session(page)


def first_view(browser: Browser, address: str) -> tuple[float, float]:
    """Return the seconds until sentence and queue stand, and the kilobytes that came till then, on a slow line."""
    page, session = visited(browser)
    session.send("Network.enable")
    session.send(
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": DELAY_MS, "downloadThroughput": LINE_BYTES_A_SECOND, "uploadThroughput": 125_000},
    )
    page.goto(address, wait_until="commit")
    page.wait_for_selector("[data-verdict] .skeleton", state="detached")
    page.wait_for_selector("vigie-queue [data-alarm]")
    view = float(page.evaluate("window.seen.view")) / 1000
    sizes = "performance.getEntriesByType('resource').reduce((sum, one) => sum + one.transferSize, 0)"
    kilobytes = float(page.evaluate(sizes)) / 1000
    page.context.close()
    return view, kilobytes


def measure(page: Page, session: CDPSession) -> tuple[float, int]:
    """Return the heap in MB after a forced collection, and the nodes that live."""
    session.send("HeapProfiler.collectGarbage")
    found = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
    return found["JSHeapUsedSize"] / 1e6, int(page.evaluate("document.getElementsByTagName('*').length"))


def stay(browser: Browser, address: str, minutes: int) -> tuple[Minutes, list[float], float]:
    """Leave the page open; return the minutes, the long tasks in ms, and the frames a second."""
    page, session = visited(browser)
    session.send("Performance.enable")
    page.goto(address)
    page.wait_for_selector("[data-verdict] .skeleton", state="detached")
    page.wait_for_timeout(1000 * SETTLE_S)
    began, frames = page.evaluate("[performance.now(), window.seen.frames]")
    seen = Minutes()
    for _ in range(minutes):
        seen.tasks_ms += tasks(browser, page)
        heap, nodes = measure(page, session)
        seen.heap_mb.append(heap)
        seen.nodes.append(nodes)
        print(f"  heap {heap:6.2f} MB, {nodes} nodes", file=sys.stderr)
    ended, painted, long = page.evaluate("[performance.now(), window.seen.frames, window.seen.long]")
    return seen, [length for at, length in long if at >= began], 1000 * (painted - frames) / (ended - began)


def tasks(browser: Browser, page: Page) -> list[float]:
    """Return the lengths in ms of the tasks of the page's main thread during a minute, those over half a ms."""
    session = browser.new_browser_cdp_session()
    events: list[dict[str, Any]] = []
    session.on("Tracing.dataCollected", lambda said: events.extend(said["value"]))
    done: list[bool] = []
    session.on("Tracing.tracingComplete", lambda _: done.append(True))
    config = {"includedCategories": ["toplevel"], "excludedCategories": ["*"]}
    session.send("Tracing.start", {"traceConfig": config, "transferMode": "ReportEvents"})
    page.wait_for_timeout(60_000)
    session.send("Tracing.end")
    while not done:
        page.wait_for_timeout(50)
    session.detach()
    mains = {(one["pid"], one["tid"]) for one in events if one.get("args", {}).get("name") == "CrRendererMain"}
    lengths = [one["dur"] / 1000 for one in events if "dur" in one and (one["pid"], one["tid"]) in mains]
    return [length for length in lengths if length >= 0.5]


def script_kb() -> float:
    """Return the kilobytes of the page's own scripts, each compressed as it is sent."""
    names = ["supervision", *modules_of("supervision", SCRIPTS)]
    return sum(len(gzip.compress((SCRIPTS / f"{name}.js").read_bytes())) for name in names) / 1000


def quantile(values: list[float], share: float) -> float:
    """Return the value that this share of them is not above; 0 of none."""
    return sorted(values)[math.ceil(share * len(values)) - 1] if values else 0.0


def run(sensors: int, minutes: int, *, as_list: bool) -> list[Figure]:
    """Return the figures of one run."""
    path = f"/supervision?commune={COMMUNE}{'&view=list' if as_list else ''}"
    with crowd(sensors) as url, sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-quic", "--enable-unsafe-swiftshader"]
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=arguments)
        view, kilobytes = first_view(browser, url + path)
        seen, long, frames = stay(browser, url + path, minutes)
        browser.close()
    return [
        below("first view, 10 Mbit/s and 40 ms", view, "s", VIEW_MAX_S),
        Figure("came till then", kilobytes, "kB", "lower"),
        below("scripts beside the libraries, gzip", script_kb(), "kB", SCRIPT_MAX_KB),
        below("heap, slope", seen.slope_kb(), "kB/min", HEAP_SLOPE_MAX_KB),
        Figure("heap, first minute", seen.heap_mb[0], "MB", "lower"),
        Figure("heap, last minute", seen.heap_mb[-1], "MB", "lower"),
        below("nodes, growth", seen.nodes[-1] - seen.nodes[0], "nodes", NODES_GROWTH_MAX),
        Figure("tasks of the main thread, p50", quantile(seen.tasks_ms, 0.5), "ms", "lower"),
        below("tasks of the main thread, p95", quantile(seen.tasks_ms, 0.95), "ms", TASK_P95_MAX_MS),
        Figure("tasks of the main thread, max", max(seen.tasks_ms, default=0.0), "ms", "lower"),
        Figure("tasks over 50 ms, a minute", len(long) / minutes, "", "lower"),
        Figure("tasks over 50 ms, p95", quantile(long, 0.95), "ms", "lower"),
        Figure("frames", frames, "1/s", "higher"),
    ]


def main() -> None:
    """Run it and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=int, default=10)
    parser.add_argument("--sensors", type=int, default=5_000)
    parser.add_argument("--list", action="store_true", help="the list in place of the map")
    parser.add_argument("--quick", action="store_true", help="one minute")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    figures = run(asked.sensors, 1 if asked.quick else asked.minutes, as_list=asked.list)
    tell("supervision", figures, as_json_only=asked.json)


if __name__ == "__main__":
    main()
