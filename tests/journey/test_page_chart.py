"""The chart in a real browser: any stretch of it closer, sampled anew by the server; as a table and as files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from page_browser import Visit, visit
from page_town import stub_town
from playwright.sync_api import Browser, Page, Request, expect

pytestmark = pytest.mark.journey
ROOM_12, ROOM_12_TEMPERATURE = 1, 2


@pytest.fixture
def visitor(browser: Browser) -> Iterator[Visit]:
    with visit(browser, stub_town()) as found:
        yield found


def opened(visitor: Visit, series: int = ROOM_12, period: str = "7d") -> Page:
    page = visitor.open(f"/capteur?series={series}&period={period}")
    expect(page.locator("vigie-chart canvas")).to_be_visible()
    expect(page.locator("vigie-chart")).to_have_attribute("aria-busy", "false")
    return page


def asked(request: Request) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(request.url).query).items()}


def window(request: Request) -> tuple[datetime, datetime]:
    query = asked(request)
    return datetime.fromisoformat(query["from"]), datetime.fromisoformat(query["until"])


def draw(page: Page, first: float, last: float) -> None:
    """Draw a stretch of the chart, from one share of its width to another."""
    box = page.locator("vigie-chart canvas").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * first, box["y"] + 80)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * last, box["y"] + 90, steps=4)
    page.mouse.up()


def test_a_stretch_is_drawn_and_sampled_anew_and_the_address_keeps_it(visitor: Visit) -> None:
    page = opened(visitor)
    with page.expect_request("**/series/1/chart**") as sampled:
        draw(page, 0.3, 0.45)
    start, end = window(sampled.value)
    assert timedelta(hours=20) < end - start < timedelta(hours=32)
    assert int(asked(sampled.value)["points"]) > 500
    expect(page.locator("vigie-chart h2")).to_contain_text(re.compile(r"^Entre .+ et .+ CO₂, ppm"))
    assert "from=" in page.url
    assert "until=" in page.url
    expect(page.locator(".explain")).to_be_hidden()
    page.reload()
    expect(page.locator("vigie-chart h2")).to_contain_text(re.compile("^Entre "))
    page.get_by_role("button", name="Tout voir").click()
    expect(page.locator("vigie-chart h2")).to_contain_text("Dernière semaine")
    page.go_back()
    expect(page.locator("vigie-chart h2")).to_contain_text(re.compile("^Entre "))
    page.locator("vigie-chart canvas").dblclick()
    expect(page.locator("vigie-chart h2")).to_contain_text("Dernière semaine")
    assert "from=" not in page.url


def test_buttons_come_closer_move_along_and_stop_at_what_there_is(visitor: Visit) -> None:
    page = opened(visitor, period="24h")
    spans = []
    for name in ("Se rapprocher", "Se rapprocher", "Avant", "S’éloigner"):
        with page.expect_request("**/series/1/chart**") as sampled:
            page.get_by_role("button", name=name, exact=True).click()
        start, end = window(sampled.value)
        spans.append(round((end - start) / timedelta(hours=1)))
    assert spans[0] > spans[1]
    assert spans[3] > spans[2]
    for _ in range(12):
        page.get_by_role("button", name="Après").click()
    expect(page.locator("vigie-chart")).to_have_attribute("aria-busy", "false")
    until = datetime.fromisoformat(parse_qs(urlsplit(page.url).query)["until"][0])
    assert until - datetime.now(until.tzinfo) < timedelta(hours=6, minutes=30)


def test_an_answer_that_comes_too_late_is_not_drawn(visitor: Visit) -> None:
    page = opened(visitor)
    ended: list[str] = []
    page.on("requestfailed", lambda request: ended.append(request.url))
    page.evaluate(
        """() => {
            const stage = document.querySelector("vigie-chart .stage");
            for (const key of "++-") stage.dispatchEvent(new KeyboardEvent("keydown", { key }));
        }"""
    )
    expect(page.locator("vigie-chart")).to_have_attribute("aria-busy", "false")
    assert sum("/chart?" in url for url in ended) >= 1
    assert page.evaluate("document.querySelectorAll('vigie-chart canvas').length") == 1


def test_what_is_shown_is_a_table_and_two_files(visitor: Visit) -> None:
    page = opened(visitor, period="24h")
    expect(page.locator("vigie-chart .words")).to_contain_text("8 fois sur 10 entre")
    said = re.compile(r"CO₂, Salle 12, entre .+ De \d")
    expect(page.locator("vigie-chart .canvas")).to_have_attribute("aria-label", said)
    page.get_by_text("Données en tableau").click()
    expect(page.locator("vigie-chart tbody tr").nth(100)).to_be_attached()
    with page.expect_download() as french:
        page.get_by_role("button", name="CSV", exact=True).click()
    text = Path(french.value.path()).read_bytes().decode("utf-8")
    head, first, *_ = text.splitlines()
    assert head.startswith("\ufeffheure;grandeur_unite;mesure")
    time, metric, value = first.split(";")[:3]
    assert metric == "co2_ppm"
    assert time[-6:] in {"+01:00", "+02:00"}
    assert "," in value or value.isdigit()
    with page.expect_download() as iso:
        page.get_by_role("button", name="CSV ISO").click()
    line = Path(iso.value.path()).read_text(encoding="utf-8").splitlines()[1]
    assert line.split(",")[0].endswith("Z")


def test_a_file_of_a_stretch_holds_that_stretch_alone(visitor: Visit) -> None:
    page = opened(visitor)
    draw(page, 0.2, 0.3)
    expect(page.locator("vigie-chart h2")).to_contain_text(re.compile("^Entre "))
    expect(page.locator("vigie-chart")).to_have_attribute("aria-busy", "false")
    with page.expect_download() as iso:
        page.get_by_role("button", name="CSV ISO").click()
    rows = Path(iso.value.path()).read_text(encoding="utf-8").splitlines()[1:]
    instants = [datetime.fromisoformat(row.split(",")[0]) for row in rows]
    assert max(instants) - min(instants) < timedelta(days=1)
    assert re.search(r"\d{4}-\d\d-\d\dT\d{4}_", iso.value.suggested_filename)


def test_a_year_is_drawn_by_means_and_their_range(visitor: Visit) -> None:
    page = opened(visitor, period="1y")
    expect(page.locator("vigie-chart .legend")).to_contain_text("mesuré, moyenne sur 6\u00a0h")
    expect(page.locator("vigie-chart .legend")).to_contain_text("du plus bas au plus haut")
    expect(page.locator("vigie-chart .words")).to_be_empty()
    page.get_by_text("Données en tableau").click()
    expect(page.locator("vigie-chart thead th")).to_have_text(["Heure", "moyenne", "min", "max"])
    page.get_by_role("button", name="7 jours").click()
    expect(page.locator("vigie-chart .legend")).to_contain_text("prévu")


def test_an_index_is_shown_by_what_it_grew_and_more_finely_when_closer(visitor: Visit) -> None:
    index = next(key for key, name in visitor.town.metrics.items() if name == "electricity_kwh")
    page = opened(visitor, index, "1y")
    expect(page.locator("vigie-chart .legend")).to_contain_text("total par semaine")
    expect(page.locator("vigie-chart .legend")).to_contain_text("période connue en partie")
    page.get_by_text("Données en tableau").click()
    expect(page.locator("vigie-chart tbody tr").first).to_contain_text("semaine du")
    page.get_by_text("Données en tableau").click()
    with page.expect_request("**/rollups**") as closer:
        draw(page, 0.4, 0.48)
    assert asked(closer.value)["by"] == "day"
    expect(page.locator("vigie-chart .legend")).to_contain_text("total par jour")


def test_the_sum_of_a_day_is_no_rate_and_nothing_is_expected_of_it(visitor: Visit) -> None:
    bikes = next(key for key, name in visitor.town.metrics.items() if name == "bikes_count")
    page = opened(visitor, bikes, "24h")
    expect(page.locator("vigie-chart h2 .unit")).to_have_text("Vélos, vélos/h")
    expect(page.get_by_role("button", name="Naïve")).to_be_visible()
    page.get_by_role("button", name="30 jours").click()
    expect(page.locator("vigie-chart h2 .unit")).to_have_text("Vélos, passages")
    expect(page.locator("vigie-chart .legend")).to_contain_text("total par jour")
    expect(page.locator("vigie-chart .legend")).not_to_contain_text("prévu")
    expect(page.get_by_role("button", name="Naïve")).to_be_hidden()


def test_what_was_measured_is_exported_by_local_days(visitor: Visit) -> None:
    page = opened(visitor)
    page.get_by_role("button", name="Exporter…").press("Enter")
    dialog = page.get_by_role("dialog")
    assert dialog.evaluate("(dialog) => dialog.offsetWidth < innerWidth / 2")
    dialog.get_by_label("Quoi").select_option("sensor")
    dialog.get_by_label("Du", exact=True).fill("2026-03-29")
    dialog.get_by_label("Au").fill("2026-03-28")
    dialog.get_by_role("button", name="Télécharger").click()
    expect(dialog).to_have_count(1)
    dialog.get_by_label("Au").fill("2026-03-29")
    dialog.get_by_label("Une ligne par").select_option("hour")
    with page.expect_download() as file:
        dialog.get_by_role("button", name="Télécharger").click()
    query = parse_qs(urlsplit(file.value.url).query)
    assert query["from"] == ["2026-03-28T23:00:00.000Z"]
    assert query["until"] == ["2026-03-29T22:00:00.000Z"]
    assert (query["by"], query["format"]) == (["hour"], ["csv-fr"])
    assert query["sensor"] == [visitor.town.sensors[0]["external_id"]]


def test_the_address_chooses_series_and_period_and_back_returns(visitor: Visit) -> None:
    page = opened(visitor, ROOM_12_TEMPERATURE, "24h")
    expect(page.locator("vigie-chart h2")).to_contain_text("Température, °C")
    expect(page.get_by_role("button", name="24 h")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="30 jours").click()
    expect(page.get_by_role("button", name="30 jours")).to_have_attribute("aria-pressed", "true")
    assert "period=30d" in page.url
    page.go_back()
    expect(page.get_by_role("button", name="24 h")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("group", name="Grandeurs de ce capteur").get_by_role("button", name="CO₂").click()
    expect(page.locator("vigie-chart h2")).to_contain_text("CO₂, ppm")
    expect(page.locator("[data-crumb]")).to_contain_text("Salle 12, CO₂")


def test_what_was_forecast_of_each_day_is_drawn_on_demand(visitor: Visit) -> None:
    page = opened(visitor)
    with page.expect_request("**/forecasts/past?day=*") as past:
        page.get_by_role("button", name="Prévu la veille").click()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", asked(past.value)["day"])
    expect(page.locator("vigie-chart .legend")).to_contain_text("et prévu la veille")
    page.get_by_role("button", name="30 jours").click()
    expect(page.get_by_role("button", name="Prévu la veille")).to_be_hidden()


def test_a_finger_draws_a_stretch_and_still_scrolls_the_page(browser: Browser) -> None:
    with visit(browser, stub_town(), width=390) as visitor:
        page = opened(visitor)
        stage = page.locator("vigie-chart .stage")
        assert stage.evaluate("(node) => getComputedStyle(node).touchAction") == "pan-y"
        assert stage.evaluate("(node) => node.scrollWidth <= node.clientWidth") is True
        page.get_by_role("button", name="Se rapprocher").click()
        expect(page.locator("vigie-chart h2")).to_contain_text(re.compile("^Entre "))
