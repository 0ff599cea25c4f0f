"""Air in a real browser, over the golden decision moved to now: said, drawn, explained, answered."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from page_decisions import Proposed, visiting
from page_town import COMMUNE, iso
from playwright.sync_api import Browser, expect

from core.clock import floor_to_step

pytestmark = pytest.mark.journey
GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "ventilation.json"
AXE = Path(__file__).resolve().parents[2] / "node_modules" / "axe-core" / "axe.min.js"


def proposal(
    decision_id: int = 7, subject: str = "ecole-des-coteaux", name: str = "École des Coteaux"
) -> dict[str, Any]:
    """Return the golden decision as if it had been made a moment ago."""
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))["decision"]
    # By whole quarters, so that the window stays on the grid.
    moved = floor_to_step(datetime.now(UTC), timedelta(minutes=15)) - datetime.fromisoformat(golden["window"]["start"])

    def shifted(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: shifted(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [shifted(inner) for inner in value]
        if isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\dT", value):
            return iso(datetime.fromisoformat(value) + moved)
        return value

    body: dict[str, Any] = shifted(golden)
    own = {"decision_id": decision_id, "state": "proposed", "subject_name": name, "simulated": True, "answers": []}
    return {**body, **own, "subject": f"{COMMUNE}:{subject}"}


@pytest.fixture
def proposed() -> Proposed:
    return Proposed("ventilation", [proposal()])


def test_the_sentence_the_rooms_and_the_airings_are_there(browser: Browser, proposed: Proposed) -> None:
    with visiting(browser, proposed) as page:
        page.goto(f"/air?commune={COMMUNE}")
        expect(page.locator("[data-verdict]")).to_contain_text("3 salles ont besoin d’air avant")
        expect(page.locator("[data-verdict] em")).to_contain_text("L’air dehors est dégradé de")
        expect(page.locator(".rooms tbody tr")).to_have_count(3)
        expect(page.locator(".badges").first).to_contain_text("données simulées")
        expect(page.locator(".adv li").first).to_contain_text("Dix minutes fenêtres ouvertes")
        # The room whose sensor fell silent comes first, with words instead of an interval.
        first = page.locator(".rooms tbody tr").first
        expect(first).to_contain_text("débit de conception")
        expect(first.locator(".quiet").first).to_contain_text(re.compile(r"420 · il y a 2\sh"))


def test_another_room_is_drawn_on_the_clock_and_the_address_keeps_it(browser: Browser, proposed: Proposed) -> None:
    with visiting(browser, proposed) as page:
        page.goto(f"/air?commune={COMMUNE}")
        page.get_by_role("button", name="Classe de CE2").click()
        expect(page).to_have_url(re.compile("room=ce2"))
        expect(page.locator("[data-room-title]")).to_contain_text("Classe de CE2")
        chart = page.locator(".plot svg")
        expect(chart).to_have_attribute("aria-label", re.compile(r"sans plan, au plus 3.359\sppm.*Limite 1.000\sppm"))
        limit, start = page.locator(".plot .lb.alarm"), page.locator(".plot .now")
        assert limit.evaluate("node => parseFloat(node.style.bottom)") > 0
        assert start.evaluate("node => parseFloat(node.style.left)") == pytest.approx(100 / 3, abs=0.01)
        airs = next(room for room in proposed.decisions[0]["picture"]["rooms"] if room["code"] == "ce2")["airs"]
        expect(page.get_by_text(f"{sum(airs)} fois")).to_be_visible()
        page.get_by_text("Tableau").click()
        expect(page.locator("[data-room-table] tbody tr")).to_have_count(24)
        page.reload()
        expect(page.locator("[data-room-title]")).to_contain_text("Classe de CE2")


def test_the_figures_come_as_a_file(browser: Browser, proposed: Proposed) -> None:
    with visiting(browser, proposed) as page:
        page.goto(f"/air?commune={COMMUNE}&room=cp")
        with page.expect_download() as download:
            page.get_by_role("button", name="CSV").click()
        text = Path(download.value.path()).read_text(encoding="utf-8-sig")
        lines = text.splitlines()
        assert download.value.suggested_filename == f"{COMMUNE}-ecole-des-coteaux-cp.csv"
        assert len(lines) == 25
        assert lines[0].startswith("heure;sans_plan_p50_ppm")


def test_it_explains_and_is_approved(browser: Browser, proposed: Proposed) -> None:
    with visiting(browser, proposed) as page:
        page.goto(f"/air?commune={COMMUNE}")
        page.get_by_role("button", name="Pourquoi ?").click()
        why = page.locator("vigie-why")
        expect(why).to_contain_text("plus de mesure depuis")
        expect(why).to_contain_text("bilan de masse")
        expect(why).to_contain_text("Plein débit pendant l’ouverture")
        expect(why).to_contain_text("kWh")
        expect(why).to_contain_text("trop vieille : débit de conception".replace(" :", "\u00a0:"))
        page.get_by_role("button", name="Approuver").click()
        expect(page.locator("vigie-decide")).to_contain_text("Approuvée par Nadia")
        assert [answer["state"] for answer in proposed.answers] == ["approved"]


def test_two_sites_are_chosen_between_and_none_says_what_to_do(browser: Browser, proposed: Proposed) -> None:
    proposed.decisions.append(proposal(8, "ecole-du-parc", "École du Parc"))
    with visiting(browser, proposed, "en-GB") as page:
        page.goto(f"/air?commune={COMMUNE}")
        page.get_by_role("button", name="École du Parc").click()
        expect(page.locator("[data-site]")).to_have_text("École du Parc")
        expect(page.locator("[data-verdict]")).to_contain_text("3 rooms need air before")
        proposed.decisions.clear()
        page.goto(f"/air?commune={COMMUNE}")
        expect(page.locator("[data-verdict]")).to_contain_text("No air plan in this commune.")
        expect(page.locator("[data-plan]")).to_be_hidden()


@pytest.mark.parametrize("width", [1440, 390])
def test_nothing_overflows_and_axe_finds_nothing(browser: Browser, proposed: Proposed, width: int) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not among the browser libraries")
    with visiting(browser, proposed, width=width) as page:
        page.goto(f"/air?commune={COMMUNE}&room=ce2")
        expect(page.locator(".plot svg")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.evaluate(AXE.read_text(encoding="utf-8"))
        found = page.evaluate(
            "axe.run().then(({ violations }) => violations.map(({ id, nodes }) => [id, nodes[0].html]))"
        )
        assert found == []
