"""What is said beside a forecast in a real browser: doubts, the fallback, why, and what if it were colder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from page_browser import Visit, visit
from page_town import stub_town
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.journey
AXE = Path(__file__).resolve().parents[2] / "node_modules" / "axe-core" / "axe.min.js"
ROOM_12 = "/capteur?series=1&period=24h"


@pytest.fixture
def visitor(browser: Browser) -> Iterator[Visit]:
    with visit(browser, stub_town()) as found:
        yield found


def opened(visitor: Visit) -> Page:
    """Open Pourquoi on the chart of a room."""
    page = visitor.open(ROOM_12)
    page.locator("vigie-chart").get_by_role("button", name="Pourquoi").press("Enter")
    expect(page.locator(".explain .says")).to_be_visible()
    return page


def weather(page: Page, degrees: int) -> None:
    """Move the slider of the weather to so many degrees more."""
    slider = page.get_by_role("slider", name="Et s’il faisait")
    slider.focus()
    for _ in range(abs(degrees)):
        page.keyboard.press("ArrowLeft" if degrees < 0 else "ArrowRight")


def test_doubts_and_the_fallback_are_said_in_words(visitor: Visit) -> None:
    visitor.town.doubts = ["gaps", "no_weather"]
    visitor.town.fallback = "worse_lately"
    words = visitor.open(ROOM_12).locator("vigie-chart .words")
    expect(words.locator(".fallback")).to_have_text(
        "Prévision naïve\u00a0: le modèle a fait moins bien que la naïve ces derniers jours."
    )
    expect(words.locator(".doubt")).to_have_count(2)
    expect(words.locator(".doubt").last).to_contain_text("La météo des prochaines heures n’était pas connue")


def test_where_a_doubt_is_the_reason_it_is_said_once(visitor: Visit) -> None:
    visitor.town.doubts = ["stuck"]
    visitor.town.fallback = "stuck"
    words = visitor.open(ROOM_12).locator("vigie-chart .words")
    expect(words.locator(".doubt")).to_contain_text("la prévision répète les jours passés.")
    expect(words.locator(".fallback")).to_have_count(0)


def test_a_sensor_just_stuck_is_not_said_to_repeat_while_the_model_speaks(visitor: Visit) -> None:
    visitor.town.doubts = ["stuck"]
    visitor.town.fallback = None
    words = visitor.open(ROOM_12).locator("vigie-chart .words")
    expect(words.locator(".doubt")).to_contain_text("Capteur figé\u00a0: ses dernières mesures sont laissées de côté.")


def test_a_sensor_is_stuck_since_its_value_is_the_same(visitor: Visit) -> None:
    page = visitor.open(ROOM_12)
    found = page.evaluate(
        """async () => {
            const root = document.querySelector("script[type=module]").src.replace(/[^/]+$/, "");
            const { stuckSince } = await import(root + "doubts.js");
            const since = (...values) => stuckSince(values.map((value, at) => ({ at, value })));
            return [since(1, 2, 5, 5, 5, 5), since(5, 5, 5), since(1, 5, 5), since()];
        }"""
    )
    assert found == [2, None, None, None]


def test_a_step_is_explained_and_another_by_keyboard(visitor: Visit) -> None:
    page = opened(visitor)
    expect(page.locator(".explain .says")).to_have_text("Surtout le niveau de la dernière heure.")
    bars = page.locator("vigie-chart").get_by_role("group", name="Ce qui pousse la prévision")
    expect(bars).to_contain_text("le niveau récent+150\u00a0ppml’habitude−60\u00a0ppm")
    slider = page.get_by_role("slider", name="Heure expliquée")
    before = slider.get_attribute("aria-valuetext")
    with page.expect_request("**/forecast/explanation*") as asked:
        slider.press("ArrowRight")
    assert before != slider.get_attribute("aria-valuetext")
    assert "language=fr" in asked.value.url
    page.get_by_role("button", name="Fermer").click()
    expect(page.locator("vigie-chart").get_by_role("button", name="Pourquoi")).to_be_focused()
    expect(page.locator(".explain")).to_be_hidden()


def test_a_click_on_the_chart_explains_that_hour(visitor: Visit) -> None:
    page = visitor.open(ROOM_12)
    chart = page.locator("vigie-chart canvas")
    expect(page.locator("vigie-chart").get_by_role("button", name="Pourquoi")).to_be_visible()
    box = chart.bounding_box()
    assert box is not None
    chart.click(position={"x": box["width"] * 0.3, "y": box["height"] / 2})
    expect(page.locator(".explain")).to_be_hidden()
    chart.click(position={"x": box["width"] * 0.96, "y": box["height"] / 2})
    expect(page.locator(".explain .says")).to_be_visible()


def test_another_weather_is_drawn_beside_and_leaves_again(visitor: Visit) -> None:
    page = opened(visitor)
    weather(page, -5)
    expect(page.locator(".what-if p")).to_have_text("+5 °C de moins, série 1.")
    legend = page.locator("vigie-chart .legend")
    expect(legend).to_contain_text("prévu, 5\u00a0°C de moins")
    weather(page, 5)
    expect(legend).not_to_contain_text("de moins")
    expect(page.locator(".what-if output")).to_have_text("comme prévu")


def test_a_model_that_knows_no_weather_says_so(visitor: Visit) -> None:
    visitor.town.models.knows_weather = False
    page = opened(visitor)
    weather(page, 1)
    expect(page.locator(".what-if p")).to_contain_text("Ce modèle ne connaît pas la météo")
    expect(page.get_by_role("slider", name="Et s’il faisait")).to_be_disabled()
    visitor.complaints[:] = [said for said in visitor.complaints if "status of 409" not in said]


def test_the_naive_is_explained_without_a_question_about_the_weather(visitor: Visit) -> None:
    visitor.town.fallback = "no_model"
    page = opened(visitor)
    expect(page.locator(".what-if")).to_be_hidden()


@pytest.mark.parametrize("width", [1440, 390])
def test_axe_finds_nothing_beside_a_forecast(browser: Browser, width: int) -> None:
    if not AXE.is_file():
        pytest.skip("axe-core is not among the browser libraries")
    town = stub_town()
    town.doubts = ["level_shift"]
    with visit(browser, town, width=width) as visitor:
        page = opened(visitor)
        page.context.new_cdp_session(page).send("Runtime.evaluate", {"expression": AXE.read_text(encoding="utf-8")})
        assert page.evaluate("axe.run().then(({ violations }) => violations.map(({ id }) => id))") == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth") is True
