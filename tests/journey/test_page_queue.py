"""The alarm queue of Supervision in a real browser: what a technician does with an alarm, by hand and by keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from page_alarms import BATTERY_ALARM, BIN_ALARM, GATEWAY_ALARM, ROOM_ALARM, alarm_row, live_item
from page_browser import Visit, visit
from page_doors import stub_door
from page_town import COMMUNE, stub_town
from playwright.sync_api import Browser, Locator, Page, expect

from core.roles import Grant, Role

pytestmark = pytest.mark.journey
PAGE = f"/supervision?commune={COMMUNE}&view=list"


@pytest.fixture
def visitor(browser: Browser) -> Iterator[Visit]:
    with visit(browser, stub_town()) as found:
        yield found


def alarm(page: Page, alarm_id: int) -> Locator:
    return page.locator(f'[data-alarm="{alarm_id}"]')


def to_treat(page: Page) -> Locator:
    return page.locator("vigie-queue .queue:not(.tight) > li")


def follow(visitor: Visit) -> None:
    while not visitor.town.resumed_after:
        visitor.page.wait_for_timeout(20)


def test_the_queue_says_what_where_expected_and_since_when(visitor: Visit) -> None:
    page = visitor.open(PAGE)
    expect(to_treat(page)).to_have_count(3)
    first = to_treat(page).first
    expect(first.locator(".ti")).to_have_text("CO₂ élevé, salle 12")
    expect(first.locator(".sub")).to_contain_text("attendu 900 à 1\u202f250\u00a0ppm à cette heure")
    expect(first.locator(".val")).to_have_text("1\u202f840\u00a0ppm")
    expect(first).to_contain_text("depuis 24\u00a0min")
    expect(first.locator(".spark .lim")).to_have_count(1)
    expect(first.locator(".spark .exp")).to_have_count(1)
    expect(page.locator(".queue.tight .ti").first).to_have_text("Passerelle du stade, 3 capteurs muets")
    expect(first.get_by_role("link", name="Ouvrir")).to_have_attribute("href", "/capteur?series=1")
    expect(page.get_by_role("link", name="Journal des acquittements")).to_have_attribute(
        "href", f"/alarmes?commune={COMMUNE}&view=journal"
    )


def test_an_alarm_is_acknowledged_and_that_is_taken_back(visitor: Visit) -> None:
    page = visitor.open(PAGE)
    alarm(page, ROOM_ALARM).get_by_role("button", name="Acquitter").click()
    undo = page.locator("vigie-queue .undo")
    expect(undo).to_contain_text("Acquittée\u00a0: CO₂ élevé, salle 12")
    expect(to_treat(page)).to_have_count(2)
    expect(page.locator("[data-verdict]")).to_contain_text("Deux alarmes à traiter")
    expect(page.locator('[data-figures] [data-state="alarm"] .v')).to_have_text("2")
    undo.get_by_role("button", name="Annuler").click()
    expect(to_treat(page)).to_have_count(3)
    expect(undo).to_be_hidden()
    assert [act["what"] for act in visitor.town.alarms.acts] == ["acknowledged", "unacknowledged"]


def test_by_keyboard_alone_filter_open_acknowledge_and_undo(visitor: Visit) -> None:
    page = visitor.open(PAGE)
    page.locator('[data-kinds] [data-kind="bin"]').focus()
    page.keyboard.press("Enter")
    expect(to_treat(page)).to_have_count(1)
    alarm(page, BIN_ALARM).get_by_role("link", name="Colonne verre 41").focus()
    page.keyboard.press("Tab")
    expect(alarm(page, BIN_ALARM).get_by_role("button", name="Acquitter")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Annuler")).to_be_focused()
    expect(page.locator("vigie-queue")).to_contain_text("Aucune alarme à traiter parmi celles-ci.")
    page.keyboard.press("Enter")
    expect(alarm(page, BIN_ALARM).get_by_role("button", name="Acquitter")).to_be_focused()
    alarm(page, BIN_ALARM).get_by_role("link", name="Ouvrir").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/capteur?series=10*")


def test_an_alarm_is_silenced_for_a_while_that_is_chosen(visitor: Visit) -> None:
    page = visitor.open(PAGE)
    alarm(page, ROOM_ALARM).get_by_role("button", name="Sourdine 4").click()
    expect(page.locator("vigie-queue .undo")).to_contain_text("En sourdine pour 4\u00a0h")
    row = alarm(page, BIN_ALARM)
    row.get_by_role("button", name="Autre durée de sourdine").click()
    page.get_by_role("dialog").get_by_label("Durée").select_option("24")
    page.get_by_label("Pourquoi (facultatif)").fill("Travaux de voirie")
    page.get_by_role("button", name="Mettre en sourdine").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(to_treat(page)).to_have_count(1)
    four, day = visitor.town.alarms.acts
    lengths = [datetime.fromisoformat(act["until"]) - datetime.now(UTC) for act in (four, day)]
    assert [round(length / timedelta(hours=1)) for length in lengths] == [4, 24]
    assert day["said"] == "Travaux de voirie"
    page.get_by_role("button", name="1 autre à suivre").click()
    expect(row).to_contain_text("jusqu’à")


def test_why_tells_the_reason_and_what_was_done_and_takes_notes(visitor: Visit) -> None:
    page = visitor.open(PAGE)
    row = alarm(page, ROOM_ALARM)
    row.get_by_role("button", name="Pourquoi").click()
    expect(row.locator(".says")).to_contain_text("Retour à la normale sous 1\u202f300\u00a0ppm.")
    expect(row).to_contain_text("Personne n’a encore agi.")
    row.get_by_role("button", name="Commenter…").click()
    page.get_by_label("Note").fill("Fenêtres bloquées, technicien appelé")
    page.get_by_role("button", name="Noter").click()
    expect(row.locator(".journal")).to_contain_text("Fenêtres bloquées, technicien appelé")
    row.get_by_role("button", name="Confier…").click()
    page.get_by_label("À qui").fill("Service bâtiments")
    page.get_by_role("button", name="Confier", exact=True).click()
    expect(row.locator(".sub").first).to_contain_text("confiée à Service bâtiments")


def test_a_gateway_is_one_alarm_with_its_sensors_in_it(visitor: Visit) -> None:
    page = visitor.open(PAGE)
    row = alarm(page, GATEWAY_ALARM)
    expect(row.get_by_role("button", name="Acquitter")).to_be_hidden()
    row.get_by_role("button", name="Passerelle du stade").click()
    assert f"alarm={GATEWAY_ALARM}" in page.url
    row.get_by_role("button", name="Pourquoi").click()
    expect(row.locator(".members li")).to_have_count(3)
    expect(row.locator(".members")).to_contain_text("Aire de livraison 3, Avenue des Saules")
    page.reload()
    expect(row.get_by_role("button", name="Acquitter")).to_be_visible()


def test_a_new_alarm_is_told_and_moves_nothing_under_the_hand(visitor: Visit) -> None:
    page = visitor.open(PAGE)
    follow(visitor)
    acknowledge = alarm(page, BIN_ALARM).get_by_role("button", name="Acquitter")
    acknowledge.focus()
    sensor = visitor.town.sensors[9]
    new = alarm_row(90, "threshold", datetime.now(UTC), sensor, severity="critical", title="NO₂ élevé, station du parc")
    visitor.town.alarms.items.append(new)
    visitor.town.alarms.clear(ROOM_ALARM, datetime.now(UTC))
    visitor.town.publish([live_item(new)], "alarms")
    expect(page.locator("vigie-queue [role=status].vh")).to_have_text(
        "Nouvelle alarme\u00a0: NO₂ élevé, station du parc"
    )
    expect(acknowledge).to_be_focused()
    assert [one.get_attribute("data-alarm") for one in to_treat(page).all()] == ["1", "2", "3"]
    page.locator("[data-search]").focus()
    expect(to_treat(page).first).to_have_attribute("data-alarm", "90")
    expect(alarm(page, ROOM_ALARM)).to_have_count(0)


def test_who_may_not_act_gets_no_buttons_for_it(browser: Browser) -> None:
    with visit(browser, stub_town(), door=stub_door()) as visitor:
        visitor.door.grants = (Grant(Role.ANALYST, COMMUNE),)
        page = visitor.open(PAGE)
        expect(to_treat(page)).to_have_count(3)
        expect(page.get_by_role("button", name="Acquitter")).to_have_count(0)
        row = alarm(page, ROOM_ALARM)
        row.get_by_role("button", name="Pourquoi").click()
        expect(row.locator(".says")).to_be_visible()
        expect(row.get_by_role("button", name="Commenter…")).to_have_count(0)


def test_a_refused_act_says_why_and_changes_nothing(visitor: Visit) -> None:
    page = visitor.open(PAGE)
    page.route("**/acts*", lambda route: route.fulfill(status=403, json={"code": "forbidden", "right": "tend"}))
    alarm(page, ROOM_ALARM).get_by_role("button", name="Acquitter").click()
    expect(page.locator("vigie-queue .undo")).to_contain_text("votre accès ne le permet pas ici")
    expect(to_treat(page)).to_have_count(3)


def test_on_a_phone_the_queue_comes_first_and_acts_fit_the_thumb(browser: Browser) -> None:
    with visit(browser, stub_town(), width=390) as visitor:
        page = visitor.open(PAGE)
        queue, beside = page.locator("vigie-queue").bounding_box(), page.locator(".side").bounding_box()
        assert queue
        assert beside
        assert queue["y"] < beside["y"]
        button = alarm(page, ROOM_ALARM).get_by_role("button", name="Acquitter")
        box = button.bounding_box()
        assert box
        assert box["height"] >= 44
        button.click()
        expect(to_treat(page)).to_have_count(2)


def test_a_battery_waits_quietly_and_is_not_counted(visitor: Visit) -> None:
    page = visitor.open(PAGE)
    row = alarm(page, BATTERY_ALARM)
    expect(row.get_by_role("img", name="à surveiller")).to_be_visible()
    expect(row.locator(".sub")).to_have_text("Fin probable le 12 décembre (du 4 au 23)")
