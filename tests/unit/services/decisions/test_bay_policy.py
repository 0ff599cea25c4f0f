from __future__ import annotations

import json
import re
from typing import Any

import pytest
from simulated_bays import simulated

from models.simulation.equipment_bays import SUBJECTS
from models.simulation.town import MEMBERS
from services.decisions.bays.policy import parse_policy, policy_json
from services.decisions.bays.situation import PlaceRuns, parse_situation, situation_json

BAY = {"code": "mairie", "name": "Mairie", "sensors": ["a"]}


def test_every_subject_names_sensors_of_the_town_in_its_commune() -> None:
    sensors = {member.sensor.external_id: member.sensor for member in MEMBERS}
    named = [
        (name, row["commune_insee"])
        for row in SUBJECTS
        for bay in parse_policy(row["policy"]).bays
        for name in bay.sensors
    ]
    assert len({commune for _, commune in named}) == 5
    assert [name for name, commune in named if sensors[name].site.commune_insee != commune] == []


def test_a_policy_goes_to_json_and_back() -> None:
    _, policy = simulated(days=1)
    assert parse_policy(json.loads(json.dumps(policy_json(policy)))) == policy


def test_a_situation_goes_to_json_and_back() -> None:
    situation, _ = simulated(days=2)
    text = json.dumps(situation_json(situation))
    assert json.dumps(situation_json(parse_situation(json.loads(text)))) == text


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"bays": None}, "bays"),
        ({"bays": [BAY, BAY]}, "bays"),
        ({"bays": [{**BAY, "max_stay_min": 4}]}, "max_stay_min"),
        ({"bays": [{**BAY, "max_stay_min": "30"}]}, "bays[0]"),
        ({"bays": [{**BAY, "sensors": []}]}, "sensors"),
        ({"bays": [{**BAY, "regulated_from_hour": 20}]}, "regulated_from_hour"),
        ({"bays": [{**BAY, "market_days": [8]}]}, "market_days"),
        ({"bays": [{**BAY, "colour": "red"}]}, "colour"),
        ({"bays": [], "say_free_ratio": 0.4}, "say_free_ratio"),
        ({"bays": [], "say_full_ratio": 0.6}, "say_full_ratio"),
        ({"bays": [], "history_days": 7}, "history_days"),
    ],
)
def test_a_wrong_policy_is_refused_by_the_field_s_name(wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(ValueError, match=re.escape(field)):
        parse_policy(wrong)


def test_the_neighbours_of_wrong_policies_are_taken() -> None:
    taken = parse_policy({"bays": [{**BAY, "max_stay_min": 5, "market_days": [7]}], "history_days": 8})
    assert taken.bays[0].places == 1
    assert parse_policy({"bays": []}).silence_s == 900


def test_runs_must_follow_each_other() -> None:
    good = simulated(days=1)[0].places["sim-93048-livraison-mairie-bay-1"]
    with pytest.raises(ValueError, match="follow"):
        PlaceRuns(1, good.start_s[::-1], good.seen_s[::-1], good.occupied)
