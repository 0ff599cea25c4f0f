"""Supervision in a real browser: the list lives, the counters filter, the address holds the state, the feed resumes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from page_browser import Visit, visit
from page_metropole import other_communes
from page_town import COMMUNE, EMPTY_COMMUNE, stub_town
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.journey
ROOM_12, ROOM_12_TEMPERATURE, SILENT_BIN = 1, 2, 12
AXE = Path(__file__).resolve().parents[2] / "node_modules" / "axe-core" / "axe.min.js"
LIST = f"/supervision?commune={COMMUNE}&view=list"
SENTENCE = "Trois alarmes à traiter, et une passerelle qui tait trois capteurs. Ailleurs, un capteur muet, un suspect."


@pytest.fixture
def visitor(browser: Browser) -> Iterator[Visit]:
    with visit(browser, stub_town()) as found:
        yield found


def row(series_id: int) -> str:
    return f'vigie-sensors a.row[href$="series={series_id}"]'


def follow(visitor: Visit) -> None:
    while not visitor.town.resumed_after:
        visitor.page.wait_for_timeout(20)


def violations(page: Page) -> list[str]:
    # Through the debugger, because the page's own policy lets no foreign script in.
    page.context.new_cdp_session(page).send("Runtime.evaluate", {"expression": AXE.read_text(encoding="utf-8")})
    found: list[str] = page.evaluate(
        "axe.run().then((found) => found.violations.map(({ id, nodes }) => `${id}: ${nodes[0].target}`))"
    )
    return found


def test_the_sentence_the_counters_and_the_rail_say_what_asks_for_somebody(visitor: Visit) -> None:
    page = visitor.open("/supervision")
    expect(page.locator("[data-verdict]")).to_have_text(SENTENCE)
    said = {state: page.locator(f'[data-figures] [data-state="{state}"]') for state in ("all", "alarm", "silent")}
    expect(said["all"].locator(".v")).to_have_text("11")
    expect(said["alarm"].locator(".v")).to_have_text("3")
    expect(said["alarm"].locator(".d")).to_have_text("2 levées depuis 9\u00a0h")
    expect(said["silent"].locator(".v")).to_have_text("4")
    expect(said["silent"].locator(".d")).to_have_text("dont 3 par une passerelle")
    expect(page.get_by_role("link", name="Supervision 3 alarmes")).to_be_visible()


def test_a_reading_appears_without_reload(visitor: Visit) -> None:
    page = visitor.open(LIST)
    page.evaluate("window.sameVisit = true")
    expect(page.locator(row(ROOM_12)).locator(".val")).to_have_text("1\u202f840\u00a0ppm")
    follow(visitor)
    visitor.town.publish([visitor.town.reading(ROOM_12, 1234.0)])
    expect(page.locator(row(ROOM_12)).locator(".val")).to_have_text("1\u202f234\u00a0ppm")
    expect(page.locator("vigie-ticker tbody tr").first).to_contain_text("École des Tilleuls, Salle 12")
    expect(page.locator('[data-alarm="1"] .val')).to_have_text("1\u202f234\u00a0ppm")
    assert page.evaluate("window.sameVisit") is True


def test_a_silent_sensor_that_speaks_is_normal_at_once(visitor: Visit) -> None:
    page = visitor.open(LIST)
    expect(page.locator('[data-figures] [data-state="silent"] .v')).to_have_text("4")
    follow(visitor)
    visitor.town.publish([visitor.town.reading(SILENT_BIN, 0.41)])
    expect(page.locator('[data-figures] [data-state="silent"] .v')).to_have_text("3")
    expect(page.locator(row(SILENT_BIN)).get_by_role("img", name="normal")).to_be_visible()


def test_a_retired_sensor_is_neither_listed_nor_counted_silent(visitor: Visit) -> None:
    retired = next(
        one for one in visitor.town.sensors if SILENT_BIN in [series["series_id"] for series in one["series"]]
    )
    retired["retired_at"] = "2026-03-01T10:00:00Z"
    page = visitor.open(LIST)
    expect(page.locator('[data-figures] button[data-state="all"] .v')).to_have_text("10")
    expect(page.locator('[data-figures] button[data-state="silent"] .v')).to_have_text("3")
    expect(page.locator(row(SILENT_BIN))).to_have_count(0)


def test_only_rows_that_a_reading_touched_are_written(visitor: Visit) -> None:
    page = visitor.open(LIST)
    expect(page.locator(row(ROOM_12)).locator(".spark")).to_be_visible()
    page.evaluate(
        """() => {
            window.written = new Set();
            const series = (node) => new URL(node.closest("a.row").href).searchParams.get("series");
            const watch = (node) => new MutationObserver(() => window.written.add(series(node)))
                .observe(node, { childList: true, characterData: true, subtree: true });
            document.querySelectorAll("a.row .val").forEach(watch);
        }"""
    )
    follow(visitor)
    began = datetime.now(UTC)
    for second, value in enumerate(range(400, 600)):
        at = began + timedelta(seconds=second)
        visitor.town.publish([visitor.town.reading(ROOM_12, float(value), at)])
    expect(page.locator(row(ROOM_12)).locator(".val")).to_have_text("599\u00a0ppm")
    assert page.evaluate("[...window.written]") == [str(ROOM_12)]


def test_only_trends_of_what_is_seen_are_asked_for(visitor: Visit) -> None:
    page = visitor.open("/supervision")
    expect(page.locator('[data-alarm="1"] .spark')).to_be_visible()
    assert {tuple(asked) for asked in visitor.town.trends_asked} == {(1, 10, 16)}
    page.get_by_role("button", name="Liste").click()
    expect(page.locator(row(ROOM_12)).locator(".spark")).to_be_visible()
    assert ROOM_12_TEMPERATURE not in {one for asked in visitor.town.trends_asked for one in asked}


def test_the_feed_resumes_where_it_stopped_and_the_banner_says_so(visitor: Visit) -> None:
    page = visitor.open(LIST)
    follow(visitor)
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
    follow(visitor)
    for latest in visitor.town.latest.values():
        latest["state"] = "normal"
    visitor.town.alarms.items.clear()
    visitor.town.publish([], "reset")
    expect(page.locator("[data-verdict]")).to_have_text("Tout est dans l’attendu. 11 capteurs suivis.")
    expect(page.locator("vigie-queue")).to_contain_text("Aucune alarme à traiter.")


def test_figures_and_search_filter_list_map_and_queue_and_the_address_keeps_it(visitor: Visit) -> None:
    page = visitor.open(LIST)
    page.locator('[data-figures] [data-state="silent"]').click()
    expect(page.locator("a.row")).to_have_count(4)
    assert "state=silent" in page.url
    page.locator('[data-figures] [data-state="all"]').click()
    page.locator("[data-search]").fill("ecole des till")
    expect(page.locator("a.row")).to_have_count(3)
    expect(page.locator("vigie-queue [data-alarm]")).to_have_count(2)
    page.reload()
    expect(page.locator("a.row")).to_have_count(3)
    page.locator("[data-search]").fill("zzz")
    expect(page.locator("vigie-queue")).to_contain_text("Aucune alarme à traiter parmi celles-ci.")
    page.get_by_role("button", name="Tout afficher").click()
    expect(page.locator("a.row")).to_have_count(11)
    page.get_by_role("button", name="Bacs").click()
    expect(page.locator("a.row")).to_have_count(2)
    assert "kind=bin" in page.url


def test_muted_sensors_are_shown_when_asked_for(visitor: Visit) -> None:
    visitor.town.latest[6]["state"] = "normal"
    page = visitor.open(LIST)
    expect(page.locator("a.row")).to_have_count(10)
    page.get_by_label("Montrer les capteurs en sourdine").check()
    expect(page.locator("a.row")).to_have_count(11)
    expect(page.get_by_role("img", name="en sourdine").first).to_be_visible()
    assert "muted=1" in page.url


def test_a_row_opens_the_page_of_its_sensor(visitor: Visit) -> None:
    page = visitor.open(LIST)
    href = page.locator(row(ROOM_12)).get_attribute("href")
    assert href == f"/capteur?commune={COMMUNE}&series={ROOM_12}"
    page.goto(f"{visitor.url}/supervision?series={ROOM_12_TEMPERATURE}")
    page.wait_for_url(f"**/capteur?*series={ROOM_12_TEMPERATURE}*")


def test_simulated_readings_are_labelled(visitor: Visit) -> None:
    page = visitor.open("/supervision")
    expect(page.locator(".top .simulated")).to_have_text("données simulées")


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


def test_what_cannot_be_read_is_said_with_a_way_out(visitor: Visit) -> None:
    visitor.town.alarms.refuse = True
    page = visitor.open("/supervision")
    expect(page.locator("[data-verdict]")).to_have_text("La supervision ne répond pas.")
    visitor.town.alarms.refuse = False
    page.get_by_role("button", name="Réessayer").click()
    expect(page.locator("[data-verdict]")).to_have_text(SENTENCE)
    expect(page.locator("[data-nothing]")).to_be_hidden()


def test_in_english_words_and_figures_are_english(browser: Browser) -> None:
    with visit(browser, stub_town(), language="en-GB") as visitor:
        page = visitor.open(LIST)
        expect(page.locator(row(ROOM_12)).locator(".val")).to_have_text("1,840\u00a0ppm")
        expect(page.locator("[data-verdict]")).to_have_text(
            "Three alarms to deal with, and one gateway that silences three sensors. "
            "Elsewhere, one sensor silent, one suspect."
        )
        expect(page.locator('[data-alarm="1"] .ti')).to_have_text("CO₂ high, salle 12")
        page.locator(".lang a", has_text="FR").click()
        expect(page.locator("html")).to_have_attribute("lang", "fr")


def test_who_sees_several_communes_has_them_all_the_worst_first(browser: Browser) -> None:
    town = stub_town()
    town.others = other_communes(datetime.now(UTC))
    with visit(browser, town) as visitor:
        page = visitor.open("/supervision")
        assert "commune=all" in page.url
        expect(page.locator("[data-verdict]")).to_contain_text(
            "Trois alarmes à traiter dans une commune, et une passerelle qui tait trois capteurs."
        )
        expect(page.locator('[data-figures] [data-state="all"] .d')).to_have_text("7 communes")
        page.get_by_role("button", name="Liste").click()
        names = page.locator("[data-communes] tbody th a")
        expect(names).to_have_count(7)
        assert names.all_inner_texts()[:2] == ["Villiers-sur-Marne", "Noisy-le-Grand"]
        page.locator("[data-search]").fill("noisy")
        expect(names).to_have_count(1)
        names.first.click()
        expect(page.locator('[data-figures] [data-state="all"] .v')).to_have_text("11")
        page.get_by_role("button", name="Noisy-le-Grand").press("Enter")
        page.get_by_role("option", name="Toute la Métropole").click()
        page.wait_for_url("**commune=all**")


@pytest.mark.parametrize(
    ("path", "width", "scheme"),
    [
        (LIST, 1440, "light"),
        (f"/supervision?commune={COMMUNE}", 1440, "dark"),
        (f"/supervision?commune={COMMUNE}", 390, "light"),
        (LIST, 390, "dark"),
        (f"/supervision?commune={EMPTY_COMMUNE}", 390, "light"),
        ("/supervision?commune=all&view=list", 1440, "light"),
        (f"/supervision?commune={COMMUNE}&kiosk=1", 1440, "dark"),
    ],
)
def test_axe_finds_no_violation(browser: Browser, path: str, width: int, scheme: str) -> None:
    if not AXE.is_file():
        pytest.skip("axe-core is not among the browser libraries")
    town = stub_town()
    town.others = other_communes(datetime.now(UTC)) if "all" in path else []
    with visit(browser, town, width=width) as visitor:
        visitor.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        page = visitor.open(path)
        page.wait_for_load_state("load")
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth") is True
