"""The whole system, as its user meets it: the demo starts, a value published outside appears on the page, it stops."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from passes import EVERYTHING, enter, shown
from playwright.sync_api import Browser, Page, StorageState, expect

pytestmark = pytest.mark.journey
READY_S, FIRST_READING_S, MODELS_S, APPEARS_S, SECOND_START_S = 120, 60, 240, 5, 30
FOUR_FAMILIES = {"co2_ppm", "fill_ratio", "occupied", "power_kw"}


@dataclass
class Demo:
    """A running demo: where its pages, its broker and its database are, and how long it took to answer.

    Parameters
    ----------
    link
        The one-time link that it printed.
    secret
        Of a program's token, for what the test asks of the API itself.
    state
        The browser's cookies once somebody entered by the link.
    """

    process: subprocess.Popen[str]
    link: str
    broker_port: int
    secret: str
    ready_s: float
    state: StorageState | None = None

    @property
    def url(self) -> str:
        """Where its pages begin."""
        return self.link[: self.link.index("enter/")]

    def get(self, path: str) -> Any:
        """Ask its API."""
        asked = Request(self.url + path, headers=shown(self.secret))  # noqa: S310 - the demo's own loopback address
        with urlopen(asked, timeout=10) as answer:  # noqa: S310 - as above
            return json.load(answer)

    def page(self, browser: Browser, **look: Any) -> Page:
        """Return a page of somebody who entered by the link; its context is closed with it."""
        if self.state is None:
            context = browser.new_context()
            page = context.new_page()
            page.goto(self.link)
            page.get_by_role("button").click()
            expect(page.locator("vigie-account")).to_contain_text("admin")
            self.state = context.storage_state()
            context.close()
        return browser.new_page(storage_state=self.state, **look)


def start_demo(folder: Path) -> Demo:
    """Start the demo as a person would and read from what it says where it listens."""
    process = subprocess.Popen(
        [sys.executable, "-m", "vigie", "demo", "--folder", str(folder), "--days", "18", "--port", "18080"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    started, broker_port, dsn, lines = time.monotonic(), 0, "", []
    for line in process.stdout:
        lines.append(line)
        if found := re.search(r"mqtt://127\.0\.0\.1:(\d+)", line):
            broker_port = int(found[1])
        if found := re.search(r'VIGIE_DATABASE_URL="(.+)"', line):
            dsn = found[1]
        if found := re.search(r"open (http://\S+/enter/\S+)", line):
            told = f'export VIGIE_PUBLIC_URL="{found[1].partition("/enter/")[0]}"'
            assert any(told in said for said in lines), "for the links of `vigie admin link`"
            return Demo(process, found[1], broker_port, enter(dsn, *EVERYTHING), time.monotonic() - started)
        if time.monotonic() - started > READY_S:
            break
    process.kill()
    pytest.fail("the demo did not say where it is:\n" + "".join(lines))


def stop_demo(demo: Demo) -> None:
    """Stop it with Ctrl-C."""
    demo.process.send_signal(signal.SIGINT)
    output, _ = demo.process.communicate(timeout=60)
    assert demo.process.returncode == 0, output
    assert "the data is kept" in output


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def demo(folder: Path) -> Iterator[Demo]:
    demo = start_demo(folder)
    deadline = time.monotonic() + FIRST_READING_S
    while not demo.get("api/v1/series?metric=power_kw")["items"] and time.monotonic() < deadline:
        time.sleep(0.5)
    yield demo
    if demo.process.poll() is None:
        stop_demo(demo)


def forecast_metrics(demo: Demo) -> set[str]:
    """Return the metrics of which some series is forecast by its model, or by the naive since that one judged better.

    Eighteen days are short: on a stretch of them a model may honestly lose, and then the naive speaks and says so.
    """
    spoken: set[str] = set()
    lost = {one["metric"] for one in demo.get("api/v1/models")["items"] if one["challenger"] and not one["champion"]}
    for series in demo.get("api/v1/series")["items"]:
        if series["metric"] in FOUR_FAMILIES - spoken:
            try:
                forecast = demo.get(f"api/v1/series/{series['series_id']}/forecast")
            except OSError:  # 404: none yet
                continue
            if forecast["model_id"] is not None or series["metric"] in lost:
                spoken.add(series["metric"])
    return spoken


def test_the_four_families_are_live_and_forecast(demo: Demo) -> None:
    deadline = time.monotonic() + MODELS_S
    spoken: set[str] = set()
    while spoken != FOUR_FAMILIES and time.monotonic() < deadline:
        time.sleep(2)
        spoken = forecast_metrics(demo)
    assert spoken == FOUR_FAMILIES
    live = {item["metric"] for commune in demo.get("api/v1/communes")["items"] if commune["sensors"]
            for item in demo.get(f"api/v1/latest?commune={commune['insee']}")["items"]}  # fmt: skip
    assert live >= FOUR_FAMILIES


def test_a_value_published_outside_appears_on_the_page_without_reload(demo: Demo, browser: Browser) -> None:
    publisher = shutil.which("mosquitto_pub")
    if publisher is None:
        pytest.skip("Debian's mosquitto-clients are not installed")
    sensors = demo.get("api/v1/sensors?commune=93051&kind=indoor_air")["items"]
    sensor = sensors[0]["external_id"]
    page = demo.page(browser, locale="fr-FR")
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{demo.url}supervision?commune=93051&view=list", wait_until="load")
    expect(page.locator("main")).to_contain_text("ppm", timeout=15_000)
    page.evaluate("window.notReloaded = true")
    pack = [{"n": "co2", "u": "ppm", "v": 4321, "t": datetime.now(UTC).timestamp()}]
    started = time.monotonic()
    subprocess.run(
        [
            publisher,
            "-h",
            "127.0.0.1",
            "-p",
            str(demo.broker_port),
            "-q",
            "1",
            "-t",
            f"vigie/v1/93051/indoor_air/{sensor}/up",
            "-m",
            json.dumps(pack),
        ],
        check=True,
        timeout=10,
    )
    expect(page.locator("main")).to_contain_text(re.compile(r"4\s321"), timeout=APPEARS_S * 1000)
    assert time.monotonic() - started < APPEARS_S
    assert page.evaluate("window.notReloaded") is True
    assert errors == []
    page.close()


def test_the_second_start_is_quick_and_keeps_data_and_sessions(demo: Demo, folder: Path, browser: Browser) -> None:
    def stored() -> int:
        return sum(item["stored"] for item in demo.get("api/v1/reception?minutes=60")["items"])

    before = stored()
    demo.page(browser).close()
    stop_demo(demo)
    again = start_demo(folder)
    demo.process, demo.link, demo.broker_port = again.process, again.link, again.broker_port
    assert again.ready_s < SECOND_START_S
    assert 0 < before <= stored()
    page = demo.page(browser, locale="fr-FR")
    page.goto(f"{demo.url}acces")
    expect(page.locator("vigie-account")).to_contain_text("admin")
    page.close()
    assert os.path.isdir(folder / "postgres")  # noqa: PTH112 - the folder belongs to the server's own user
