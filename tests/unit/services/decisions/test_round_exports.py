"""A round in other formats: GeoJSON that draws, CSV that a French spreadsheet opens."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import pytest
from round_cases import NOW, golden_situation, policy, situation

from core.decisions import Decision
from services.decisions.rounds.account import count_range
from services.decisions.rounds.decide import decide
from services.decisions.rounds.exports import french_csv, geojson


@pytest.fixture(scope="module")
def made() -> Decision:
    return decide(golden_situation(), policy(), NOW)


def test_geojson_has_a_line_per_truck_and_a_point_per_stop(made: Decision) -> None:
    features = json.loads(geojson(made))["features"]
    lines = [one for one in features if one["geometry"]["type"] == "LineString"]
    stops = [one["properties"] for one in features if "order" in one["properties"]]
    assert len(lines) == len(made.picture["trucks"]) == 1
    line = lines[0]["geometry"]["coordinates"]
    assert line[0] == line[-1] == [2.560, 48.833], "from the garage to the garage, longitude first"
    assert line[-2] == [2.581, 48.854], "by the unloading site"
    assert lines[0]["properties"]["estimated"] is True
    assert [stop["order"] for stop in stops] == list(range(1, len(stops) + 1))


def test_csv_opens_in_a_french_spreadsheet(made: Decision) -> None:
    text = french_csv(made)
    assert text.startswith("\ufeff")
    rows = list(csv.DictReader(io.StringIO(text[1:]), delimiter=";"))
    assert [row["capteur"] for row in rows] == [stop["sensor"] for stop in made.picture["stops"]]
    assert rows[0]["longitude"].startswith("2,5")
    assert rows[0]["arrivee"].startswith("25/11/2026 06:")
    unknown = next(row for row in rows if row["capteur"] == "bin-4")
    assert unknown["risque_pct"] == "", "missing stays missing"


def test_a_name_is_never_a_formula() -> None:
    states = [replace(one, name="=1+1") for one in situation(0.97, 0.97, 0.97, 0.97, 0.97, 0.97).bins]
    text = french_csv(decide(replace(situation(), bins=tuple(states)), policy(), NOW))
    assert ";'=1+1;" in text


def test_a_round_that_does_not_go_exports_empty() -> None:
    none = decide(situation(*[0.1] * 6), policy(), NOW)
    assert french_csv(none).count("\r\n") == 1
    impossible = decide(situation(*[0.1] * 6), policy(trucks=[]), NOW)
    assert json.loads(geojson(impossible)) == {"type": "FeatureCollection", "features": []}


def test_the_range_of_a_count() -> None:
    assert count_range([]) == (0, 0)
    assert count_range([1.0, 1.0, 0.0]) == (2, 2)
    assert count_range([0.5] * 10) == (2, 8)
