from __future__ import annotations

import pytest

from core.metrics import METRICS
from ingestors.decoders.fields import FIELDS
from ingestors.units import CONVERSIONS, sent_unit, to_stored


@pytest.mark.parametrize(
    ("metric", "value", "unit", "stored"),
    [
        ("temperature_c", 293.15, "K", 20.0),
        ("humidity_ratio", 43, "%RH", 0.43),
        ("pressure_hpa", 101_300, "Pa", 1_013.0),
        ("power_kw", 1_500, "W", 1.5),
        ("electricity_kwh", 3_600_000, "J", 1.0),
        ("no2_ugm3", 10, "ppb", 19.125),
        ("water_m3", 1_500, "l", 1.5),
        ("battery_ratio", 80, "%EL", 0.8),
        ("bikes_count", 7, "count", 7.0),
        ("occupied", 1, "/", 1.0),
    ],
)
def test_a_unit_is_converted(metric: str, value: float, unit: str, stored: float) -> None:
    assert to_stored(METRICS[metric], value, unit) == pytest.approx(stored)


@pytest.mark.parametrize(
    ("metric", "unit"), [("temperature_c", "ppm"), ("co2_ppm", "PPM"), ("tvoc_ugm3", "ppb"), ("fill_ratio", "%RH")]
)
def test_a_unit_of_another_metric_is_none(metric: str, unit: str) -> None:
    assert to_stored(METRICS[metric], 1.0, unit) is None


def test_every_metric_can_be_sent_unchanged() -> None:
    assert set(CONVERSIONS) == set(METRICS)
    for metric in METRICS.values():
        assert to_stored(metric, 0.123, sent_unit(metric)) == 0.123


def test_every_codec_field_names_a_metric_and_one_of_its_units() -> None:
    for name, (metric, unit) in FIELDS.items():
        assert name == name.lower()
        assert unit in CONVERSIONS[metric]
