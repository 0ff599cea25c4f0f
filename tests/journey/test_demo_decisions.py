"""The four decisions as their people meet them on the running demo: proposed, explained, approved, heard over MQTT."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect
from test_demo import Demo, start_demo, stop_demo

pytestmark = pytest.mark.journey
PROPOSES_S = 180
HEARD_S = 30
PAGES = {"ventilation": "air", "round": "tournees", "load_shifting": "energie", "bay": "livraisons"}


@dataclass
class Begun:
    """A demo on its first start, and when that was."""

    demo: Demo
    began_s: float


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Begun]:
    folder: Path = tmp_path_factory.mktemp("deciding")
    began_s = time.monotonic()
    demo = start_demo(folder)
    yield Begun(demo, began_s)
    stop_demo(demo)


def approvable(demo: Demo, kind: str) -> dict[str, Any] | None:
    """Return a proposal of this kind that carries something, if there is one yet."""
    newest = demo.get(f"api/v1/decisions?kind={kind}&newest=true&limit=100")["items"]
    return next((one for one in newest if one["soundness"] != "impossible" and one["state"] == "proposed"), None)


@contextmanager
def listening(demo: Demo, topic: str) -> Iterator[subprocess.Popen[str]]:
    """Listen with the broker's own tool, which ends after one message."""
    binary = shutil.which("mosquitto_sub")
    if binary is None:
        pytest.skip("Debian's mosquitto-clients are not installed")
    command = [
        "stdbuf", "-oL", binary, "-h", "127.0.0.1", "-p", str(demo.broker_port), "-q", "1", "-t", topic,
        "-d", "-C", "1", "-W", str(HEARD_S + 60),
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        while "SUBACK" not in process.stdout.readline():
            assert process.poll() is None, "mosquitto_sub ended before it subscribed"
        yield process
        process.kill()


def heard(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("{"):
            message: dict[str, Any] = json.loads(line)
            return message
    pytest.fail("nothing was heard over MQTT")


@pytest.mark.parametrize("kind", PAGES)
def test_a_kind_proposes_explains_is_approved_and_is_heard(begun: Begun, browser: Browser, kind: str) -> None:
    demo = begun.demo
    while (proposal := approvable(demo, kind)) is None:
        assert time.monotonic() - begun.began_s < PROPOSES_S, f"no {kind} was proposed within {PROPOSES_S} s"
        time.sleep(1)
    page = demo.page(browser, locale="fr-FR")
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    insee = proposal["commune_insee"]
    page.goto(f"{demo.url}{PAGES[kind]}?commune={insee}", wait_until="load")
    bar = page.locator("vigie-decide")
    expect(bar.locator("[data-approve]")).to_be_visible(timeout=15_000)
    shown = page.evaluate("document.querySelector('vigie-decide').decision.decision_id")
    expect(bar.locator(".simulated")).to_be_visible()
    bar.locator("[data-why]").click()
    why = page.locator("vigie-why")
    expect(why).to_be_visible()
    assert why.locator(".reasons li").count() >= 1
    with listening(demo, f"vigie/out/v1/{insee}/decision/{kind}") as listener:
        bar.locator("[data-approve]").click()
        expect(bar.locator(".what strong")).to_contain_text("Approuvée par admin", timeout=10_000)
        message = heard(listener)
    assert (message["decision_id"], message["state"], message["by"]) == (shown, "approved", "admin")
    kept = demo.get(f"api/v1/decisions/{shown}")
    assert (kept["state"], kept["answers"][-1]["by"]) == ("approved", "admin")
    assert message["actions"] == kept["actions"]
    assert errors == []
    page.close()


def test_a_refusal_says_why_and_an_escape_takes_it_back(begun: Begun, browser: Browser) -> None:
    demo = begun.demo
    while (proposal := approvable(demo, "bay")) is None:
        assert time.monotonic() - begun.began_s < PROPOSES_S, f"nothing was proposed within {PROPOSES_S} s"
        time.sleep(1)
    page = demo.page(browser, locale="en-GB", viewport={"width": 390, "height": 844})
    page.goto(f"{demo.url}livraisons?commune={proposal['commune_insee']}", wait_until="load")
    bar = page.locator("vigie-decide")
    bar.locator("[data-refuse]").click()
    expect(bar.locator("textarea")).to_be_focused()
    page.keyboard.press("Escape")
    expect(bar.locator("[data-refuse]")).to_be_focused()
    page.keyboard.press("Enter")
    shown = page.evaluate("document.querySelector('vigie-decide').decision.decision_id")
    bar.locator("textarea").fill("Market day")
    bar.locator("[type=submit]").click()
    expect(bar.locator(".what strong")).to_contain_text("Refused by admin", timeout=10_000)
    expect(bar.locator("[data-approve]")).to_have_count(0)
    [answer] = demo.get(f"api/v1/decisions/{shown}")["answers"]
    assert (answer["state"], answer["note"]) == ("refused", "Market day")
    page.close()


def test_a_driver_s_link_shows_its_round_and_says_that_the_data_is_simulated(begun: Begun, browser: Browser) -> None:
    demo = begun.demo
    while not (rounds := demo.get("api/v1/decisions?kind=round&newest=true&limit=100")["items"]):
        assert time.monotonic() - begun.began_s < PROPOSES_S, f"no round was proposed within {PROPOSES_S} s"
        time.sleep(1)
    dispatcher = demo.page(browser, locale="fr-FR")
    dispatcher.goto(f"{demo.url}tournees?commune={rounds[0]['commune_insee']}")
    dispatcher.get_by_role("button", name="Lien du conducteur").click()
    dispatcher.get_by_label("Pour qui").fill("Benne légère")
    dispatcher.get_by_role("button", name="Créer le lien").click()
    link = dispatcher.get_by_role("textbox", name="Lien").input_value()
    dispatcher.close()
    phone = browser.new_page(locale="fr-FR", viewport={"width": 390, "height": 844})
    phone.goto(link)
    expect(phone).to_have_url(f"{demo.url}round")
    expect(phone.locator("[data-stops] li").first).to_be_visible()
    expect(phone.locator("[data-badge]")).to_have_text("d’après des données simulées")
    phone.goto(f"{demo.url}donnees")
    expect(phone).to_have_url(f"{demo.url}round")
    asked = phone.evaluate("fetch('/api/v1/sensors?commune=93051').then(({ status }) => status)")
    assert asked == 403
    phone.close()
