"""The pure parts of the scripts, run where they run: the sentence, the figures, the Paris clock."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from page_browser import visit
from page_town import stub_town
from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.journey
HOUR_MS = 3_600_000


@pytest.fixture(scope="module", params=["fr-FR", "en-GB"])
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    with visit(browser, stub_town(), language=request.param) as visitor:
        yield visitor.open("/donnees")


def call(page: Page, module: str, function: str, *arguments: Any) -> Any:
    """Call an exported function of a script with these arguments."""
    return page.evaluate(
        """async ([module, name, given]) => {
            const root = document.querySelector("script[type=module]").src.replace(/[^/]+$/, "");
            return (await import(root + module + ".js"))[name](...given);
        }""",
        [module, function, list(arguments)],
    )


def language(page: Page) -> str:
    return str(page.evaluate("document.documentElement.lang"))


def states(silent: int = 0, watch: int = 0, suspect: int = 0, normal: int = 0) -> dict[str, int]:
    return {
        "total": silent + watch + suspect + normal,
        "silent": silent,
        "watch": watch,
        "suspect": suspect,
        "normal": normal,
    }


@pytest.mark.parametrize(
    ("counts", "waiting", "french", "english"),
    [
        (
            states(silent=2, watch=1, normal=9),
            0,
            "Deux capteurs muets, un hors de l’attendu.|Tout le reste est dans l’attendu.",
            "Two sensors silent, one outside the expected.|Everything else is as expected.",
        ),
        (
            states(watch=17, suspect=3),
            0,
            "17 capteurs hors de l’attendu, trois suspects.|",
            "17 sensors outside the expected, three suspect.|",
        ),
        (
            states(silent=1, watch=2, suspect=1, normal=1),
            1,
            (
                "Un capteur muet, deux hors de l’attendu et un suspect.|"
                "Le reste arrive à l’heure, un capteur encore sans prévision."
            ),
            (
                "One sensor silent, two outside the expected and one suspect.|"
                "The rest arrives on time, one sensor without a forecast yet."
            ),
        ),
        (
            states(normal=1),
            0,
            "Tout est dans l’attendu.|1 capteur suivi.",
            "Everything is as expected.|1 sensor followed.",
        ),
        (
            states(normal=5),
            3,
            "Tout arrive à l’heure.|Trois capteurs encore sans prévision.",
            "Everything arrives on time.|Three sensors without a forecast yet.",
        ),
        (
            states(silent=4),
            0,
            "Aucun capteur ne donne de nouvelles.|Dernière mesure il y a 2\u00a0h.",
            "No sensor is reporting.|Last reading 2 h ago.",
        ),
        (
            states(),
            0,
            "Aucun capteur à Sceaux.|Choisissez une autre commune, ou adoptez un capteur.",
            "No sensor in Sceaux.|Choose another commune, or adopt a sensor.",
        ),
    ],
)
def test_the_sentence(page: Page, counts: dict[str, int], waiting: int, french: str, english: str) -> None:
    about = {"commune": "Sceaux", "waiting": waiting, "newest": 2 * HOUR_MS}
    said = call(page, "verdict", "supervision", counts, about)
    assert "|".join(said) == (french if language(page) == "fr" else english)


ALARMS = {
    "three and a gateway": {"toTreat": [{}, {}, {}], "gateways": [{"members": 8}], "behindGateways": 8},
    "one": {"toTreat": [{}], "gateways": [], "behindGateways": 0},
    "gateways alone": {"toTreat": [], "gateways": [{"members": 8}, {"members": 3}], "behindGateways": 11},
    "none": {"toTreat": [], "gateways": [], "behindGateways": 0},
}


@pytest.mark.parametrize(
    ("alarms", "counts", "french", "english"),
    [
        (
            "three and a gateway",
            states(silent=8, normal=4),
            ("Trois alarmes à traiter, et une passerelle qui tait huit capteurs.|Tout le reste est dans l’attendu."),
            "Three alarms to deal with, and one gateway that silences eight sensors.|Everything else is as expected.",
        ),
        (
            "one",
            states(silent=2, watch=1, normal=4),
            "Une alarme à traiter.|Ailleurs, deux capteurs muets, un hors de l’attendu.",
            "One alarm to deal with.|Elsewhere, two sensors silent, one outside the expected.",
        ),
        (
            "gateways alone",
            states(silent=11, suspect=1),
            "Deux passerelles qui taisent onze capteurs.|Ailleurs, un capteur suspect.",
            "Two gateways that silence eleven sensors.|Elsewhere, one sensor suspect.",
        ),
        (
            "none",
            states(normal=1),
            "Tout est dans l’attendu.|1 capteur suivi.",
            "Everything is as expected.|1 sensor followed.",
        ),
    ],
)
def test_the_sentence_of_alarms(page: Page, alarms: str, counts: dict[str, int], french: str, english: str) -> None:
    about = {"commune": "Sceaux", "waiting": 0, "newest": 0, "alarms": ALARMS[alarms]}
    said = call(page, "verdict", "supervision", counts, about)
    assert "|".join(said) == (french if language(page) == "fr" else english)


@pytest.mark.parametrize(
    ("metric", "value", "french", "english"),
    [
        ({"metric": "co2_ppm", "unit": "ppm", "nature": "level"}, 1840.4, "1\u202f840", "1,840"),
        ({"metric": "power_kw", "unit": "kW", "nature": "level"}, -3.25, "−3,3", "−3.3"),
        ({"metric": "fill_ratio", "unit": "", "nature": "level"}, 0.974, "97", "97"),
        ({"metric": "occupied", "unit": "", "nature": "state"}, 1, "occupée", "occupied"),
        ({"metric": "occupied", "unit": "", "nature": "state"}, 0, "libre", "free"),
        ({"metric": "occupied", "unit": "", "nature": "state"}, 0.35, "35\u00a0%", "35%"),
        ({"metric": "battery_v", "unit": "V", "nature": "level"}, 3.481, "3,48", "3.48"),
    ],
)
def test_a_value(page: Page, metric: dict[str, str], value: float, french: str, english: str) -> None:
    assert call(page, "formats", "measured", metric, value) == (french if language(page) == "fr" else english)


def test_local_days_of_23_and_25_hours_start_at_midnight(page: Page) -> None:
    autumn = call(page, "paris", "ticks", _ms("2026-10-24T12:00Z"), _ms("2026-10-26T12:00Z"), 24)
    assert autumn == [_ms("2026-10-24T22:00Z"), _ms("2026-10-25T23:00Z")]
    spring = call(page, "paris", "ticks", _ms("2026-03-28T12:00Z"), _ms("2026-03-30T12:00Z"), 24)
    assert spring == [_ms("2026-03-28T23:00Z"), _ms("2026-03-29T22:00Z")]
    assert call(page, "paris", "daysFrom", _ms("2026-10-25T22:30Z"), _ms("2026-10-25T23:30Z")) == 1


def test_the_file_tells_the_repeated_hour_by_its_offset(page: Page) -> None:
    assert call(page, "paris", "parisIso", _ms("2026-10-25T00:30Z")) == "2026-10-25T02:30:00+02:00"
    assert call(page, "paris", "parisIso", _ms("2026-10-25T01:30Z")) == "2026-10-25T02:30:00+01:00"


def _ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)
