"""What metrics are called outside: all of them, by URIs, with units that UCUM knows."""

from __future__ import annotations

import re
from urllib.parse import urlparse

from core.metrics import METRICS, Nature
from core.quantities import QUANTITIES


def test_every_metric_has_its_quantity() -> None:
    assert list(QUANTITIES) == list(METRICS)


def test_definitions_are_uris() -> None:
    assert all(urlparse(one.definition).scheme in {"http", "urn"} for one in QUANTITIES.values())


def test_pollutants_are_those_of_the_environment_agency() -> None:
    said = {name: QUANTITIES[name].definition.rpartition("/")[2] for name in ("no2_ugm3", "o3_ugm3", "pm25_ugm3")}
    assert said == {"no2_ugm3": "8", "o3_ugm3": "7", "pm25_ugm3": "6001"}
    assert all("/aq/pollutant/" in QUANTITIES[name].definition for name in said)


def test_what_is_true_or_false_has_no_unit_and_all_else_has_one() -> None:
    for name, quantity in QUANTITIES.items():
        unit = quantity.unit.as_json()
        if METRICS[name].nature is Nature.STATE:
            assert set(unit.values()) == {None}
            assert quantity.observation_type.endswith("OM_TruthObservation")
        else:
            assert re.fullmatch(r"ucum:[A-Za-z0-9./%]+", str(unit["definition"]))
            assert unit["symbol"] == (METRICS[name].unit or "1")


def test_counts_are_counts() -> None:
    said = {name: one.observation_type.rpartition("_")[2] for name, one in QUANTITIES.items()}
    assert said["bikes_count"] == "CountObservation"
    assert said["electricity_kwh"] == "Measurement"
