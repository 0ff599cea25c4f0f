"""Every read of the store with arguments that the small town of `test_timescale_sql` answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from core.clock import Window
from core.columns import Ints, to_microseconds
from core.intakes import IntakeKind, RejectionFilter
from core.places import SensorKind, Site
from core.quality.marks import codes_of
from core.readings import Reason
from core.scores import ScoredBy
from core.store import (
    asides,
    calibrations,
    channels,
    devices,
    exports,
    forecasts,
    gaps,
    intakes,
    lanes,
    latest,
    live,
    models,
    places,
    pruned,
    readings,
    rejections,
    replays,
    rollups,
    scores,
    sensor_bulk,
    sensors,
    status,
)

T0 = datetime(2026, 3, 2, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAYS_3 = Window(T0 - timedelta(days=1), T0 + timedelta(days=2))

SCHEDULE = exports.Schedule(
    1, "m1", {"sensors": ["m1"]}, "raw", "csv", "archives", DAYS_3.start.date(), T0, "Nadia", T0, 0, "", T0
)


def hours_at(series_ids: list[int], instant: datetime) -> Ints:
    """Return the codes of the hours of series that hold an instant."""
    return codes_of(np.array(series_ids), np.full(len(series_ids), to_microseconds(instant)))


READS: dict[Callable[..., Any], dict[str, Any]] = {
    places.read_site_id: {"site": Site("93051", "mairie", "Mairie")},
    exports.count_runs: {"schedule_id": 1, "day": T0.date()},
    exports.read_days_due: {
        "schedule": SCHEDULE,
        "series_ids": [1, 2],
        "until": DAYS_3.end.date(),
        "at": T0 + 99 * HOUR,
    },
    exports.is_schedule: {"schedule_id": 1},
    exports.read_runs: {"schedule_id": 1, "before": 9},
    exports.read_schedules: {},
    forecasts.read_forecast: {"series_id": 1, "as_of": T0 + 30 * timedelta(minutes=1)},
    forecasts.read_forecast_steps: {"series_id": 1, "issued_at": T0},
    forecasts.read_heard: {},
    models.read_artifact: {"model_id": 1},
    models.read_challenger: {"metric": "power_kw", "as_of": T0 + 2 * HOUR},
    models.read_champion: {"metric": "power_kw", "as_of": T0},
    models.read_concerns: {"model_id": 1},
    models.read_measured_metrics: {},
    models.read_model: {"model_id": 2},
    models.read_models: {"metric": "power_kw"},
    models.read_newest_reigns: {},
    models.read_newest_trainings: {},
    models.read_reigns: {"metric": "power_kw"},
    gaps.read_all_gaps: {"window": DAYS_3},
    gaps.read_gaps: {"sensor_id": 1, "window": DAYS_3},
    gaps.read_ledgers: {"window": DAYS_3, "commune": "93051"},
    scores.read_passed: {"metric": "power_kw", "ended_by": T0 + 5 * HOUR, "limit": 9},
    scores.read_issued_steps: {"series_ids": [1, 2], "issued_at": T0},
    scores.read_sums: {"metric": "power_kw", "by": ScoredBy.COMMUNE, "since": T0.date()},
    scores.read_trends: {"since": T0.date()},
    scores.read_commune_trends: {"model_id": 1, "since": T0.date()},
    scores.read_speaking: {"series_ids": [1, 2], "as_of": T0 + HOUR},
    scores.read_duels_with_naive: {"series_ids": [1, 2], "model_id": 1, "since": T0.date(), "days": 14},
    scores.read_duel: {"model_id": 1, "other_id": 1, "since": T0.date()},
    lanes.read_lane_beats: {},
    live.read_reception: {"window": DAYS_3, "commune": "93051"},
    sensors.read_sensor_named: {"external_id": "m1"},
    places.read_commune_series: {"commune": "93051"},
    places.read_series_among: {"series_ids": [1, 2]},
    places.read_communes: {"on": T0},
    devices.read_device_models: {},
    devices.read_device_owner: {"external_id": "m1"},
    sensor_bulk.read_registered: {"external_ids": ["m1", "m11"]},
    sensors.read_changes: {"sensor_id": 1},
    sensors.read_former_devices: {},
    sensors.read_former_places: {},
    sensors.read_sensors_with_past: {},
    sensors.read_sensors_of: {"sensor_ids": [1, 2]},
    sensors.read_sensors_named: {"external_ids": ["m1", "m11"]},
    sensors.read_sensor: {"sensor_id": 1},
    sensors.read_sensors: {"commune": "93051", "kind": SensorKind.METER},
    places.read_series: {"metric": "power_kw"},
    places.read_series_communes: {"series_ids": [1, 2]},
    places.read_series_of: {"sensor_ids": [1, 2]},
    places.read_series_page: {"metric": "power_kw", "after": 0, "limit": 1},
    places.read_sites: {"commune": "93051"},
    latest.read_latest: {"commune": "93051"},
    readings.read_measured: {"series_ids": [1, 2], "window": DAYS_3, "as_of": T0 + HOUR},
    readings.read_step_columns: {"series_ids": [1, 2], "window": DAYS_3, "step": HOUR},
    readings.read_readings: {"series_id": 1, "window": DAYS_3, "as_of": T0 + HOUR},
    readings.read_span: {"metric": "power_kw"},
    readings.read_steps: {"series_ids": [1, 2], "window": DAYS_3, "step": HOUR},
    rejections.count_rejections: {"window": DAYS_3},
    rejections.read_rejections: {"wanted": RejectionFilter(Reason.CONFLICT, commune="93051"), "settled": False},
    rejections.read_rejection: {"rejection_id": 1},
    rejections.read_groups: {"commune": "93051"},
    replays.count_replayable: {"wanted": RejectionFilter(commune="93051")},
    asides.read_unknown_sensors: {},
    intakes.read_intake: {"intake_id": 1},
    intakes.read_intakes: {"kind": IntakeKind.REPLAY, "open_only": True},
    intakes.read_open_intake: {"kind": IntakeKind.REPLAY, "arguments": {"commune": "93051"}},
    pruned.read_pruned: {"since": T0.date()},
    status.heard_up_to: {"external_ids": ["m1", "m2"]},
    calibrations.read_calibrations: {"series_id": 1, "as_of": T0 + HOUR},
    calibrations.read_spans_of: {"series_ids": [1, 2]},
    channels.read_channels: {"commune": "93051"},
    rollups.read_days: {"series_ids": [1, 2], "first": DAYS_3.start.date(), "last": DAYS_3.end.date()},
    rollups.read_hours: {"series_id": 1, "window": DAYS_3},
    rollups.read_zone_hours: {"firsts": hours_at([1, 2], DAYS_3.start), "lasts": hours_at([1, 2], DAYS_3.end)},
    status.count_stored: {},
    status.read_progress: {},
}
LIVE_READS: dict[Callable[..., Awaitable[Any]], dict[str, Any]] = {
    live.count_live: {"after": 0, "communes": ["93051"], "limit": 100},
    live.read_live: {"after": 0},
    live.read_live_bounds: {},
    live.read_series_sites: {"series_ids": [1, 2]},
    live.read_subject_sites: {"subjects": [("round", "93051:nord")]},
}
