"""The default rules on real series with known faults: what `./run bench alarms` measures, kept."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from core.alarms import Condition, Episode
from core.clock import EPOCH
from core.columns import from_microseconds
from core.quality.judge import judge, qualities
from core.quality.rules import QUALITY_RULES
from core.quality.traces import HOUR_US, MINUTE_US, Traces
from services.alarms.conditions import CONDITIONS
from services.alarms.presets import PRESETS
from services.alarms.track import State, Track

ROOT = Path(__file__).resolve().parents[4]
REAL_DATA = Path(os.environ.get("VIGIE_REAL_DATA_DIR", ROOT.parent / "shared" / "data"))
STUCK = {"triangle", "polygone", "pitot", "gaumont-ouest", "gaumont-est", "gaumont-circe"}


def real_tracks(folder: str, column: str, metric: str, interval_us: int) -> dict[str, Track]:
    polars = pytest.importorskip("polars")
    if not REAL_DATA.is_dir():
        pytest.skip(f"no real data in {REAL_DATA}: set VIGIE_REAL_DATA_DIR")
    rows = polars.concat(
        polars.read_parquet(file).select("time", polars.col("sensor_id").cast(polars.String), "metric", "value")
        for file in sorted((REAL_DATA / folder).glob("*.parquet"))
    ).filter(polars.col("metric") == column)
    tracks = {}
    for (sensor,), part in rows.sort("time").group_by("sensor_id"):
        times = part["time"].dt.epoch("us").to_numpy().astype(np.int64) - int(EPOCH.timestamp()) * 1_000_000
        raw, rule = part["value"].to_numpy().astype(np.float64), QUALITY_RULES[metric]
        traces = Traces.plain(times, raw, interval_us)
        flags = judge(traces, rule)
        quality = qualities(traces, flags, rule)
        tracks[str(sensor)] = Track(metric, times, raw, quality, flags, interval_us, int(times[-1]))
    return tracks


def by_default(condition: Condition, track: Track) -> list[Episode]:
    rule = next(one for one in PRESETS if one.condition is condition)
    kind = CONDITIONS[condition]
    return kind.episodes(track, kind.parse(rule.parameters), State.none())


@pytest.mark.real_data
def test_every_stuck_car_park_is_told_within_26_hours_and_no_other() -> None:
    told = {}
    for name, track in real_tracks("parking/montpellier_garages", "free_spaces", "vehicles_count", HOUR_US).items():
        for episode in by_default(Condition.STUCK, track):
            first = from_microseconds(int(track.observed[0]))
            told[name.removeprefix("mtp-")] = (episode.confirmed_at - first).total_seconds() / 3_600
    assert told.keys() == STUCK
    assert max(told.values()) < 26


@pytest.mark.real_data
def test_the_holes_of_the_rooms_are_told_as_silence_and_nothing_else_is() -> None:
    for track in real_tracks("indoor_air/robod", "co2_ppm", "co2_ppm", 5 * MINUTE_US).values():
        holes = np.flatnonzero(np.diff(track.observed) > HOUR_US)
        episodes = by_default(Condition.SILENCE, track)
        assert [one.since for one in episodes] == [from_microseconds(int(track.observed[hole])) for hole in holes]
        assert len(episodes) > 0
        assert by_default(Condition.STUCK, track) == []
