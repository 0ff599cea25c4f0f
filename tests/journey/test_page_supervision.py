"""Supervision in a real browser: the list lives, the address holds the state, the feed resumes, the chart is data."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from page_browser import Visit, visit
from page_town import COMMUNE, EMPTY_COMMUNE, stub_town
from playwright.sync_api import Browser, expect

pytestmark = pytest.mark.journey
ROOM_12, ROOM_12_TEMPERATURE, SILENT_BIN = 1, 2, 12
AXE = Path(__file__).resolve().parents[2] / "node_modules" / "axe-core" / "axe.min.js"


@pytest.fixture
def visitor(browser: Browser) -> Iterator[Visit]:
    with visit(browser, stub_town()) as found:
        yield found


def row(series_id: int) -> str:
    return f'vigie-sensors a.row[href$="series={series_id}"]'


def test_a_reading_appears_without_reload(visitor: Visit) -> None:
    page = visitor.open("/supervision")
    page.evaluate("window.sameVisit = true")
    expect(page.locator(row(ROOM_12)).locator(".val")).to_have_text("1\u202f840\u00a0ppm")
    while not visitor.town.resumed_after:
        page.wait_for_timeout(20)
    visitor.town.publish([visitor.town.reading(ROOM_12, 1234.0)])
    expect(page.locator(row(ROOM_12)).locator(".val")).to_have_text("1\u202f234\u00a0ppm")
    expect(page.locator("vigie-ticker tbody tr").first).to_contain_text("École des Tilleuls, Salle 12")
    assert page.evaluate("window.sameVisit") is True


def test_a_retired_sensor_is_neither_listed_nor_counted_silent(visitor: Visit) -> None:
    page = visitor.open("/supervision")
    silent = page.locator('[data-figures] button[data-state="silent"] .v')
    total = page.locator('[data-figures] button[data-state="all"] .v')
    expect(silent).to_have_text("1")
    expect(total).to_have_text("11")
    retired = next(
        one for one in visitor.town.sensors if SILENT_BIN in [series["series_id"] for series in one["series"]]
    )
    retired["retired_at"] = "2026-03-01T10:00:00Z"
    page.reload()
    expect(total).to_have_text("10")
    expect(silent).to_have_text("0")
    expect(page.locator(row(SILENT_BIN))).to_have_count(0)


def test_only_rows_that_a_reading_touched_are_written(visitor: Visit) -> None:
    page = visitor.open("/supervision")
    page.evaluate(
        """() => {
            window.written = new Set();
            const series = (node) => new URL(node.closest("a.row").href).searchParams.get("series");
            const watch = (node) => new MutationObserver(() => window.written.add(series(node)))
                .observe(node, { childList: true, characterData: true, subtree: true });
            document.querySelectorAll("a.row .val").forEach(watch);
        }"""
    )
    while not visitor.town.resumed_after:
        page.wait_for_timeout(20)
    began = datetime.now(UTC)
    for second, value in enumerate(range(400, 600)):
        at = began + timedelta(seconds=second)
        visitor.town.publish([visitor.town.reading(ROOM_12, float(value), at)])
    expect(page.locator(row(ROOM_12)).locator(".val")).to_have_text("599\u00a0ppm")
    assert page.evaluate("[...window.written]") == [str(ROOM_12)]


def test_the_feed_resumes_where_it_stopped_and_the_banner_says_so(visitor: Visit) -> None:
    page = visitor.open("/supervision")
    while not visitor.town.resumed_after:
        page.wait_for_timeout(20)
    visitor.town.publish([visitor.town.reading(ROOM_12, 700.0)])
    expect(page.locator(row(ROOM_12)).locator(".val")).to_have_text("700\u00a0ppm")
    visitor.town.refuse_live = True
    banner = page.locator("vigie-banner")
    expect(banner).to_contain_text("Hors ligne", timeout=10_000)
    visitor.town.publish([visitor.town.reading(ROOM_12, 810.0)])
    visitor.town.refuse_live = False
    banner.get_by_role("button").click()
    expect(page.locator(row(ROOM_12)).locator(".val")).to_have_text("810\u00a0ppm")
    expect(banner).to_be_hidden()
    assert visitor.town.resumed_after[-1] == "1"


def test_a_reset_reads_everything_again(visitor: Visit) -> None:
    page = visitor.open("/supervision")
    expect(page.locator("[data-verdict]")).to_have_text(
        "Un capteur muet, un hors de l’attendu et un suspect. Tout le reste est dans l’attendu."
    )
    while not visitor.town.resumed_after:
        page.wait_for_timeout(20)
    for latest in visitor.town.latest.values():
        latest["state"] = "normal"
    visitor.town.publish([], "reset")
    expect(page.locator("[data-verdict]")).to_have_text("Tout est dans l’attendu. 11 capteurs suivis.")


def test_figures_and_search_filter_the_list_and_the_address_keeps_it(visitor: Visit) -> None:
    page = visitor.open("/supervision")
    page.locator('[data-figures] [data-state="silent"]').click()
    expect(page.locator("a.row")).to_have_count(1)
    expect(page.locator(row(SILENT_BIN))).to_be_visible()
    assert "state=silent" in page.url
    page.locator('[data-figures] [data-state="all"]').click()
    page.locator("[data-search]").fill("ecole des till")
    expect(page.locator("a.row")).to_have_count(3)
    page.reload()
    expect(page.locator("a.row")).to_have_count(3)
    page.locator("[data-search]").fill("zzz")
    page.get_by_role("button", name="Tout afficher").click()
    expect(page.locator("a.row")).to_have_count(11)


def test_the_address_chooses_series_and_period_and_back_returns(visitor: Visit) -> None:
    page = visitor.open(f"/supervision?commune={COMMUNE}&series={ROOM_12_TEMPERATURE}&period=24h")
    expect(page.locator("vigie-chart h2")).to_contain_text("Température, °C")
    expect(page.get_by_role("button", name="24 h")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="30 jours").click()
    expect(page.get_by_role("button", name="30 jours")).to_have_attribute("aria-pressed", "true")
    assert "period=30d" in page.url
    page.go_back()
    expect(page.get_by_role("button", name="24 h")).to_have_attribute("aria-pressed", "true")


def test_a_link_to_a_series_finds_its_commune(visitor: Visit) -> None:
    page = visitor.open(f"/supervision?series={ROOM_12_TEMPERATURE}")
    expect(page.locator("vigie-chart h2")).to_contain_text("Température, °C")
    assert f"commune={COMMUNE}" in page.url


def test_the_chart_is_a_table_and_two_files(visitor: Visit) -> None:
    page = visitor.open(f"/supervision?commune={COMMUNE}&series={ROOM_12_TEMPERATURE - 1}&period=24h")
    expect(page.locator("vigie-chart .words")).to_contain_text("8 fois sur 10 entre")
    expect(page.locator("vigie-chart canvas")).to_be_visible()
    expect(page.locator("vigie-chart .canvas")).to_have_attribute("aria-label", re.compile("CO₂, Salle 12"))
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


def test_a_year_is_drawn_by_means_and_their_range(visitor: Visit) -> None:
    page = visitor.open(f"/supervision?commune={COMMUNE}&series={ROOM_12}&period=1y")
    expect(page.locator("vigie-chart .legend")).to_contain_text("mesuré, moyenne sur 6\u00a0h")
    expect(page.locator("vigie-chart .legend")).to_contain_text("du plus bas au plus haut")
    expect(page.locator("vigie-chart .words")).to_be_empty()
    page.get_by_text("Données en tableau").click()
    expect(page.locator("vigie-chart thead th")).to_have_text(["Heure", "moyenne", "min", "max"])
    page.get_by_role("button", name="7 jours").click()
    expect(page.locator("vigie-chart .legend")).to_contain_text("prévu")


def test_an_index_is_shown_by_what_it_grew(visitor: Visit) -> None:
    index = next(key for key, name in visitor.town.metrics.items() if name == "electricity_kwh")
    page = visitor.open(f"/supervision?commune={COMMUNE}&series={index}&period=1y")
    expect(page.locator("vigie-chart .legend")).to_contain_text("total par semaine")
    expect(page.locator("vigie-chart .legend")).to_contain_text("période connue en partie")
    page.get_by_text("Données en tableau").click()
    expect(page.locator("vigie-chart tbody tr").first).to_contain_text("semaine du")
    page.get_by_role("button", name="5 ans").click()
    expect(page.locator("vigie-chart .legend")).to_contain_text("total par mois")


def test_the_sum_of_a_day_is_no_rate_and_nothing_is_expected_of_it(visitor: Visit) -> None:
    bikes = next(key for key, name in visitor.town.metrics.items() if name == "bikes_count")
    page = visitor.open(f"/supervision?commune={COMMUNE}&series={bikes}&period=24h")
    expect(page.locator("vigie-chart h2 .unit")).to_have_text("Vélos, vélos/h")
    expect(page.get_by_role("button", name="Naïve")).to_be_visible()
    page.get_by_role("button", name="30 jours").click()
    expect(page.locator("vigie-chart h2 .unit")).to_have_text("Vélos, passages")
    expect(page.locator("vigie-chart .legend")).to_contain_text("total par jour")
    expect(page.locator("vigie-chart .legend")).not_to_contain_text("prévu")
    expect(page.get_by_role("button", name="Naïve")).to_have_count(0)


def test_what_was_measured_is_exported_by_local_days(visitor: Visit) -> None:
    page = visitor.open(f"/supervision?commune={COMMUNE}&series={ROOM_12}")
    page.get_by_role("button", name="Exporter…").click()
    assert page.get_by_role("dialog").evaluate("(dialog) => dialog.offsetWidth < innerWidth / 2")
    page.get_by_label("Quoi").select_option("sensor")
    page.get_by_label("Du", exact=True).fill("2026-03-29")
    page.get_by_label("Au").fill("2026-03-28")
    page.get_by_role("button", name="Télécharger").click()
    expect(page.get_by_role("dialog")).to_have_count(1)
    page.get_by_label("Au").fill("2026-03-29")
    page.get_by_label("Une ligne par").select_option("hour")
    with page.expect_download() as file:
        page.get_by_role("button", name="Télécharger").click()
    query = parse_qs(urlsplit(file.value.url).query)
    assert query["from"] == ["2026-03-28T23:00:00.000Z"]
    assert query["until"] == ["2026-03-29T22:00:00.000Z"]
    assert (query["by"], query["format"]) == (["hour"], ["csv-fr"])
    assert query["sensor"] == [visitor.town.sensors[0]["external_id"]]


def test_a_fallback_is_said_in_words(visitor: Visit) -> None:
    visitor.town.fallback = "no_model"
    page = visitor.open("/supervision")
    expect(page.locator("vigie-chart .fallback")).to_have_text("Prévision naïve\u00a0: pas encore de modèle.")


def test_simulated_readings_are_labelled(visitor: Visit) -> None:
    page = visitor.open("/supervision")
    expect(page.locator(".top .simulated")).to_have_text("données simulées")
    expect(page.locator("vigie-chart .simulated")).to_have_text("simulé")


def test_a_commune_without_sensors_says_what_to_do(visitor: Visit) -> None:
    page = visitor.open(f"/supervision?commune={EMPTY_COMMUNE}")
    expect(page.locator("[data-verdict]")).to_contain_text("Aucun capteur à Villiers-sur-Marne.")
    expect(page.get_by_role("link", name="Voir les capteurs à adopter")).to_be_visible()


def test_the_commune_is_chosen_by_keyboard(visitor: Visit) -> None:
    page = visitor.open("/supervision")
    page.get_by_role("button", name="Noisy-le-Grand").press("Enter")
    page.keyboard.type("villiers sur")
    page.keyboard.press("Enter")
    expect(page.locator("[data-verdict]")).to_contain_text("Villiers-sur-Marne")
    assert f"commune={EMPTY_COMMUNE}" in page.url


def test_in_english_words_and_figures_are_english(browser: Browser) -> None:
    with visit(browser, stub_town(), language="en-GB") as visitor:
        page = visitor.open("/supervision")
        expect(page.locator(row(ROOM_12)).locator(".val")).to_have_text("1,840\u00a0ppm")
        expect(page.locator("[data-verdict]")).to_have_text(
            "One sensor silent, one outside the expected and one suspect. Everything else is as expected."
        )
        page.locator(".lang a", has_text="FR").click()
        expect(page.locator("html")).to_have_attribute("lang", "fr")


@pytest.mark.parametrize("path", ["/supervision", "/donnees", f"/supervision?commune={EMPTY_COMMUNE}"])
@pytest.mark.parametrize("width", [1440, 390])
def test_axe_finds_no_violation(browser: Browser, path: str, width: int) -> None:
    if not AXE.is_file():
        pytest.skip("axe-core is not among the browser libraries")
    with visit(browser, stub_town(), width=width) as visitor:
        page = visitor.open(path)
        page.wait_for_load_state("load")
        # Through the debugger, because the page's own policy lets no foreign script in.
        page.context.new_cdp_session(page).send("Runtime.evaluate", {"expression": AXE.read_text(encoding="utf-8")})
        assert page.evaluate("axe.run().then((found) => found.violations.map(({ id }) => id))") == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth") is True
