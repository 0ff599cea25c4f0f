from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from core.clock import Window
from core.places import SensorKind
from core.readings import Delivery
from models.simulation.town import GATEWAYS, town

START = datetime(2026, 3, 2, tzinfo=UTC)
FORTNIGHT = list(town().deliveries(Window(START, START + timedelta(days=14))))
FILLS = [one for one in FORTNIGHT if one.metric == "fill_ratio"]
WEAK = GATEWAYS[-1]


def hour_of(delivery: Delivery) -> int:
    return int(delivery.observed_at.timestamp()) // 3600


def test_bins_and_nobody_else_speak_over_the_radio() -> None:
    kinds = {sensor.external_id: sensor.kind for sensor in town().sensors}
    assert all((one.heard is not None) is (kinds[one.external_id] is SensorKind.BIN) for one in FORTNIGHT)


def test_a_counter_goes_on_over_what_nobody_heard() -> None:
    by_sensor: dict[str, dict[int, int]] = {}
    for one in FILLS:
        assert one.heard is not None
        by_sensor.setdefault(one.external_id, {})[hour_of(one)] = one.heard.f_cnt
    assert all(len({f_cnt - hour for hour, f_cnt in counted.items()}) == 1 for counted in by_sensor.values())
    assert all(len(set(counted.values())) == len(counted) for counted in by_sensor.values())


def test_nearer_gateways_hear_better_and_a_frame_names_the_best_first() -> None:
    best = Counter[tuple[str, str]]()
    for one in FILLS:
        assert one.heard is not None
        levels = [reception.rssi_dbm or 0.0 for reception in one.heard.receptions]
        assert levels == sorted(levels, reverse=True)
        assert all(-150 < level < -30 for level in levels)
        best[one.external_id, one.heard.receptions[0].gateway] += 1
    assert best["sim-93051-place-carree-bin-1", WEAK.gateway_id] > 200
    assert best["sim-93051-tri-fetes-bin-1", WEAK.gateway_id] == 0


def test_while_its_gateway_is_down_a_sensor_that_no_other_hears_is_lost_and_the_others_are_not() -> None:
    down = {hour for hour in range(14 * 24) if not WEAK.is_up(1, int(START.timestamp()) + hour * 3600 + 1800)}
    assert 3 < len(down) < 100
    heard = Counter(one.external_id for one in FILLS)
    quarter = [name for name, frames in heard.items() if frames < 14 * 24 - 3 and "parc-sud" not in name]
    assert len(quarter) >= 5
    assert heard["sim-93051-tri-fetes-bin-1"] == 14 * 24
    first = int(START.timestamp()) // 3600
    silent = set(range(14 * 24)) - {
        hour_of(one) - first for one in FILLS if one.external_id == "sim-93051-place-carree-bin-1"
    }
    assert len(silent & down) >= 0.8 * len(down)


@pytest.mark.parametrize("seed", [1, 2])
def test_who_asks_twice_hears_the_same(seed: int) -> None:
    window = Window(START, START + timedelta(hours=6))
    assert list(town(seed).deliveries(window)) == list(town(seed).deliveries(window))
