"""What a change of a sensor may not do, and what its history says."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from core.errors import SensorConflict, UnknownModel
from core.places import Sensor, SensorKind, Site
from core.sensor_life import (
    DeviceModel,
    check_in_service,
    check_instant,
    check_model,
    described,
    difference,
)

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
SECOND = timedelta(seconds=1)
SENSOR = Sensor("b1", SensorKind.BIN, "Borne", Site("93051", "mairie", "Mairie", 2.5, 48.8))
MODELS = {"eye": DeviceModel("eye", "Maker", "Eye", (SensorKind.BIN, SensorKind.BAY))}


def test_a_history_says_what_changed_and_nothing_else() -> None:
    before, after = difference(described(SENSOR), described(replace(SENSOR, name="Bac", retired_at=NOW)))
    assert before == {"name": "Borne", "retired_at": None}
    assert after == {"name": "Bac", "retired_at": "2026-03-02T08:00:00Z"}
    assert difference(described(SENSOR), described(SENSOR)) == ({}, {})
    assert difference({}, described(SENSOR))[1] == described(SENSOR)


def test_a_change_holds_from_after_the_last_one_up_to_now() -> None:
    check_instant("moved_at", NOW, None, NOW)
    check_instant("moved_at", NOW, NOW - SECOND, NOW)
    with pytest.raises(SensorConflict, match="in the future"):
        check_instant("moved_at", NOW + SECOND, None, NOW)
    with pytest.raises(SensorConflict, match="not after"):
        check_instant("moved_at", NOW, NOW, NOW)


def test_a_retired_sensor_is_out_of_service() -> None:
    check_in_service(SENSOR)
    with pytest.raises(SensorConflict, match="retired since 2026-03-02"):
        check_in_service(replace(SENSOR, retired_at=NOW))


def test_a_model_is_known_and_of_the_kind() -> None:
    check_model(None, SensorKind.METER, {})
    check_model("eye", SensorKind.BAY, MODELS)
    with pytest.raises(UnknownModel, match="no device model is named 'ear'"):
        check_model("ear", SensorKind.BIN, MODELS)
    with pytest.raises(UnknownModel, match="'eye' is bin or bay, not meter"):
        check_model("eye", SensorKind.METER, MODELS)
