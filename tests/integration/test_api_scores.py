"""Scores as the API tells them: by what was asked, of what the pass sees, small communes beside large ones."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest
from api_process import api_running
from passes import enter, let_in
from scoring_town import DAY, NOW, day_sums, write_buildings

from core.clock import PARIS, now
from core.roles import Grant, Role
from core.store.pool import connected
from core.store.scores import write_day_sums
from vigie.embedded import DatabaseServer

pytestmark = pytest.mark.integration
LARGE, SMALL = "93066", "92077"
STEPS = 240


@dataclass
class Town:
    """An API whose database holds scores of four buildings in a large commune, and of one in a small one."""

    api: httpx.Client
    url: str

    def items(self, path: str = "/scores", client: httpx.Client | None = None, **asked: Any) -> list[dict[str, Any]]:
        """Return the items of a good answer."""
        answer = (client or self.api).get(path, params={"metric": "power_kw", **asked})
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["items"]
        return found


@pytest.fixture(scope="module")
def town(database_server: DatabaseServer, template: str) -> Iterator[Town]:
    name = f"scores_{uuid.uuid4().hex}"
    url = database_server.create(name, template=template)
    today = now().astimezone(PARIS).date()
    with connected(url) as connection:
        series_ids = write_buildings(connection, [LARGE, LARGE, LARGE, LARGE, SMALL], NOW - 40 * DAY)
        for series_id, skill in zip(series_ids, (0.1, 0.2, 0.3, 0.3, -0.5), strict=True):
            write_day_sums(connection, day_sums(series_id, 0, today - timedelta(days=9), 0.0, issued=True))
            write_day_sums(connection, day_sums(series_id, 7, today - timedelta(days=2), skill, issued=True))
            # What was only tried is told to nobody.
            write_day_sums(connection, day_sums(series_id, 8, today - timedelta(days=2), 0.9, issued=False))
    with api_running(url) as api:
        yield Town(api, url)
    database_server.drop(name)


def test_scores_are_means_over_the_steps_of_what_was_issued(town: Town) -> None:
    [lead] = town.items(by="lead", days=5)
    assert lead == {
        "key": "0",
        "label": "0 h",
        "series": 5,
        "steps": 5 * STEPS,
        "naive_share": 0,
        "skill": pytest.approx(0.08),
        "pinball": pytest.approx(0.92),
        "pinball_naive": pytest.approx(1.0),
        "coverage_80": 0.8,
        "coverage_90": 0.9,
        "reliability": [0.5] * 7,
        "absolute_error": pytest.approx(1.25),
        "absolute_error_naive": pytest.approx(400 / STEPS),
    }
    [regime] = town.items(by="regime", days=30)
    assert (regime["key"], regime["label"], regime["naive_share"]) == ("1", "working_day", 0.5)


def test_series_and_communes_are_told_by_their_names(town: Town) -> None:
    series = town.items(by="series", days=5)
    assert [item["key"] for item in series] == ["1", "2", "3", "4", "5"]
    assert series[0]["label"] == "Mairie, Mairie"
    communes = town.items(by="commune", days=5)
    assert [(item["key"], item["label"], item["series"]) for item in communes] == [
        (SMALL, "Ville-d'Avray", 1),
        (LARGE, "Saint-Denis", 4),
    ][:: 1 if communes[0]["key"] == SMALL else -1]


def test_small_and_large_communes_stand_side_by_side(town: Town) -> None:
    small, large = town.items("/scores/fairness", days=5)
    assert (small["group"], small["communes"], small["series"]) == ("small", 1, 1)
    assert small["skill"] is small["coverage_90"] is None
    assert small["population_max"] > 10_000
    assert (large["group"], large["population_max"], large["series"], large["steps"]) == ("large", None, 4, 4 * STEPS)
    assert large["skill"] == pytest.approx(0.25)
    assert large["coverage_90"] == pytest.approx(0.9)


def test_a_pass_is_told_of_its_own_commune_only(town: Town) -> None:
    with let_in(town.api, enter(town.url, Grant(Role.ANALYST, SMALL))) as client:
        assert [item["key"] for item in town.items(by="series", client=client)] == ["5"]
        [lead] = town.items(by="lead", client=client, days=5)
        assert (lead["series"], lead["skill"]) == (1, pytest.approx(-0.5))
        assert [item["group"] for item in town.items("/scores/fairness", client=client)] == ["small"]


@pytest.mark.parametrize("asked", [{"by": "day"}, {"by": "lead", "days": 0}, {"by": "lead", "days": 401}, {}])
def test_what_cannot_be_asked_is_refused(town: Town, asked: dict[str, Any]) -> None:
    assert town.api.get("/scores", params={"metric": "power_kw", **asked}).status_code == 422


def test_nothing_scored_is_an_empty_list(town: Town) -> None:
    assert town.items(by="lead", metric="co2_ppm") == []
    assert town.items("/scores/fairness", metric="co2_ppm") == []
