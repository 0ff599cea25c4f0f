"""Livraisons in a real browser, over the decision that the simulated town's bays give: said, explained, answered."""

from __future__ import annotations

import dataclasses
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from page_decisions import Proposed, visiting
from page_town import COMMUNE, iso
from playwright.sync_api import Browser, expect
from simulated_bays import simulated

from core.decision_json import format_decision
from services.decisions.bays.decide import decide

pytestmark = pytest.mark.journey


def proposal(days: int = 28) -> dict[str, Any]:
    """Return the decision of the simulated bays, made a moment ago, as the API gives it."""
    now = datetime.now(UTC).replace(microsecond=0)
    situation, policy = simulated(days=days, at=now)
    # Whatever today's weather of the town, one rule is looked at.
    policy = dataclasses.replace(policy, look_ratio=0.02)
    return {
        **format_decision(decide(situation, policy, now)),
        "decision_id": 7,
        "state": "proposed",
        "subject_name": "Aires de livraison",
        "simulated": True,
        "answers": [],
    }


def test_bays_are_said_and_shown(browser: Browser) -> None:
    proposed = Proposed("bay", [proposal()])
    with visiting(browser, proposed) as page:
        page.goto(f"/livraisons?commune={COMMUNE}")
        expect(page.locator("[data-verdict]")).to_contain_text(re.compile("aire"))
        expect(page.locator("[data-now] tbody tr")).to_have_count(2)
        expect(page.locator("[data-now] tbody tr").first.locator(".chance")).to_have_count(4)
        expect(page.locator(".heat tbody tr")).to_have_count(7)
        expect(page.locator(".heat tbody td")).to_have_count(7 * 15)
        expect(page.locator("[data-scores] tbody tr")).to_have_count(4)
        expect(page.locator("[data-rules] tbody tr[aria-current]")).to_contain_text("règle actuelle")
        page.get_by_role("button", name="Rue du marché").click()
        expect(page).to_have_url(re.compile("bay=livraison-marche"))
        expect(page.locator("[data-dwell-unit]")).to_contain_text("Rue du marché")


def test_why_is_told_and_the_proposal_approved(browser: Browser) -> None:
    proposed = Proposed("bay", [proposal()])
    with visiting(browser, proposed) as page:
        page.goto(f"/livraisons?commune={COMMUNE}")
        page.locator("[data-why]").click()
        expect(page.locator("vigie-why")).to_contain_text("mérite un regard")
        expect(page.locator("vigie-why .checks li")).to_have_count(8)
        page.locator("[data-approve]").click()
        expect(page.locator("vigie-decide")).to_contain_text("Approuvée par Nadia")
    assert [one["state"] for one in proposed.answers] == ["approved"]


def test_a_short_history_says_so_in_english_on_a_phone(browser: Browser) -> None:
    with visiting(browser, Proposed("bay", [proposal(days=3)]), language="en-GB", width=390) as page:
        page.goto(f"/livraisons?commune={COMMUNE}")
        expect(page.locator("[data-now]")).to_contain_text("Chances will come after eight days")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_commune_without_bays_names_those_that_have_some(browser: Browser) -> None:
    with visiting(browser, Proposed("bay")) as page:
        page.goto("/livraisons?commune=94079")
        expect(page.locator("[data-verdict]")).to_contain_text("Aucune aire de livraison n’est suivie")
        expect(page.get_by_role("link", name="Noisy-le-Grand")).to_have_attribute("href", f"?commune={COMMUNE}")


def test_an_old_proposal_cannot_be_answered(browser: Browser) -> None:
    late = proposal()
    late["answer_by"] = iso(datetime.now(UTC) - timedelta(minutes=1))
    with visiting(browser, Proposed("bay", [late])) as page:
        page.goto(f"/livraisons?commune={COMMUNE}")
        expect(page.locator("vigie-decide")).to_contain_text("sans réponse")
        expect(page.locator("[data-approve]")).to_have_count(0)
