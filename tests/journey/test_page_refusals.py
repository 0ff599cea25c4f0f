"""Données, what was refused: by reason and sensor, raw on demand, replayed with its outcome said."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest
from page_browser import Visit, visit
from page_town import COMMUNE, LOOPING, stub_town
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.journey


@pytest.fixture
def visitor(browser: Browser) -> Iterator[Visit]:
    with visit(browser, stub_town()) as found:
        yield found


def replay(page: Page, name: str) -> None:
    """Ask the replay of the group whose button has this name, and confirm it."""
    page.get_by_role("button", name=name).click()
    page.get_by_role("dialog").get_by_role("button", name="Rejouer").click()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_refusals_are_grouped_and_shown_raw(visitor: Visit) -> None:
    page = visitor.open(f"/donnees?commune={COMMUNE}")
    expect(page.locator("[data-verdict]")).to_contain_text("Sept messages refusés depuis 24 heures")
    expect(page.locator("[data-groups] tbody tr")).to_have_count(6)
    refused = page.locator("[data-refusals] details.refusal", has_text="valeur impossible").first
    refused.locator("summary").click()
    expect(refused.locator("pre")).to_contain_text('"v": 91000')
    expect(refused.locator("dl")).to_contain_text("senml/2")
    refused.get_by_role("button", name="Octets").click()
    expect(refused.locator("pre")).to_contain_text("0000  5b 7b 22 6e 22 3a")


def test_a_group_opens_on_its_messages(visitor: Visit) -> None:
    page = visitor.open("/donnees")
    group = page.locator("[data-groups] tbody tr").first.locator("button.open")
    group.press("Enter")
    expect(page.locator("[data-groups] details.refusal")).to_have_count(7)
    group.press("Enter")
    expect(page.locator("[data-groups] details.refusal")).to_have_count(0)


def test_bytes_that_are_no_text_are_shown_as_bytes_alone(visitor: Visit) -> None:
    visitor.town.rejections[-1] |= {"payload_base64": "/wE=", "size_bytes": 9}
    page = visitor.open("/donnees")
    message = page.locator("[data-refusals] details.refusal").first
    message.locator("summary").click()
    expect(message.locator("pre")).to_contain_text("ff 01")
    expect(message.get_by_role("button")).to_have_text(["Octets", "Rejouer ce message"])
    expect(message).to_contain_text("Seuls les 2 premiers octets ont été gardés")


def test_a_hostile_payload_is_text(visitor: Visit) -> None:
    hostile = "<img src=x onerror=alert(1)>"
    visitor.town.rejections[-1]["payload_base64"] = base64.b64encode(hostile.encode()).decode()
    page = visitor.open("/donnees")
    page.locator("[data-refusals] details.refusal summary").first.click()
    expect(page.locator("details.refusal pre").first).to_have_text(hostile)
    expect(page.locator("details.refusal img")).to_have_count(0)


def test_a_replay_is_confirmed_then_says_what_came_of_it(visitor: Visit) -> None:
    page = visitor.open(f"/donnees?commune={COMMUNE}")
    replay(page, "Rejouer : unité inconnue, salle-2")
    row = page.locator("[data-groups] tbody tr", has_text="salle-2")
    expect(row).to_contain_text("en cours, 20 sur 60")
    expect(row).to_contain_text("59 enregistrés, 1 toujours refusé")
    [asked] = visitor.town.intakes.asked
    assert asked["since"]
    expected = {"kind": "replay", "reason": "unknown_unit", "external_id": "salle-2", "commune": COMMUNE}
    assert {name: value for name, value in asked.items() if name != "since"} == expected


def test_messages_without_a_sensor_are_replayed_with_all_of_their_reason(visitor: Visit) -> None:
    page = visitor.open("/donnees")
    page.get_by_role("button", name="Rejouer : valeur impossible, capteur illisible").click()
    expect(page.get_by_role("dialog")).to_contain_text(
        "Tous les messages «\u00a0valeur impossible\u00a0», de tous les capteurs"
    )


def test_what_cannot_be_replayed_says_why(visitor: Visit) -> None:
    page = visitor.open("/donnees")
    row = page.locator("[data-groups] tbody tr", has_text="salle-1")
    expect(row).to_contain_text("gardé en partie")
    expect(row.get_by_role("button", name="Rejouer")).to_have_count(0)


def test_quarantine_is_told_apart_and_replayed(visitor: Visit) -> None:
    page = visitor.open("/donnees")
    expect(page.locator("[data-quarantine] td.num").first).to_have_text("20\u202f000")
    expect(page.locator("[data-quarantine] td.num").nth(1)).to_have_text("166\u202f000")
    expect(page.locator("[data-groups]")).not_to_contain_text(LOOPING)
    replay(page, f"Rejouer : mis à l’écart : trop de messages, {LOOPING}")
    expect(page.locator("[data-quarantine]")).to_contain_text("toujours refusé")


def test_what_was_erased_is_counted(visitor: Visit) -> None:
    page = visitor.open("/donnees")
    said = page.locator("[data-pruned] li")
    expect(said).to_have_text(
        [
            "412 messages refusés ont été effacés le mardi 3 novembre 2026 (limite d’âge).",
            "166\u202f000 messages refusés ont été effacés le mardi 3 novembre 2026 (limite de nombre).",
        ]
    )


def test_the_scope_and_the_period_stay_in_the_address(visitor: Visit) -> None:
    page = visitor.open(f"/donnees?commune={COMMUNE}")
    page.locator("[data-scope]").get_by_role("button", name="Noisy-le-Grand").click()
    page.locator("[data-since]").get_by_role("button", name="24 h").click()
    expect(page.locator("[data-since] [aria-pressed=true]")).to_have_text("24 h")
    assert "scope=commune" in page.url
    assert "since=24h" in page.url


def test_nothing_refused_is_said(visitor: Visit) -> None:
    visitor.town.rejections.clear()
    visitor.town.unknown.clear()
    page = visitor.open("/donnees")
    expect(page.locator("[data-verdict]")).to_have_text(
        "Aucun message refusé depuis 24 heures. Tous les capteurs qui publient sont connus."
    )
    expect(page.locator("[data-quarantine]")).to_have_text("Aucun capteur ne déborde.")


def test_one_message_is_replayed_alone(visitor: Visit) -> None:
    page = visitor.open(f"/donnees?commune={COMMUNE}")
    message = page.locator("[data-refusals] details.refusal").first
    message.locator("summary").click()
    message.get_by_role("button", name="Rejouer ce message").click()
    expect(message.locator(".replay")).to_contain_text("enregistrés")
    asked = visitor.town.intakes.asked[-1]
    assert (asked["kind"], asked["rejection_id"]) == ("replay", visitor.town.rejections[-1]["rejection_id"])
