"""Reading a fleet's situation from a real store: as of an instant, and nothing later."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.clock import Window
from core.decisions import Subject
from core.forecasts import Forecast, ForecastStep
from core.model_life import StoredModel
from core.readings import Batch, Reading
from core.store.batches import write_batch
from core.store.forecasts import write_forecasts
from core.store.models import write_model
from core.store.places import write_series
from core.store.pool import connected
from core.store.sensors import adopt_sensor
from models.simulation.equipment_bins import SUBJECTS
from models.simulation.town import town
from services.decisions.rounds.decide import decide
from services.decisions.rounds.policy import parse_policy
from services.decisions.rounds.read import NO_FORECAST, read_situation

pytestmark = pytest.mark.integration
AT = datetime(2026, 11, 24, 15, tzinfo=UTC)


def test_the_towns_bins_are_read_as_of_an_instant_and_decided_on(database_url: str) -> None:
    subject = Subject(**SUBJECTS[0])
    policy = parse_policy(subject.policy)
    wanted = [container.sensor for container in policy.bins]
    simulated = town(1)
    with connected(database_url) as connection:
        series = {}
        for sensor in simulated.sensors:
            if sensor.external_id in wanted[:-1]:
                sensor_id = adopt_sensor(connection, sensor, AT - timedelta(days=30))
                series[sensor.external_id] = write_series(connection, sensor_id, "fill_ratio")
        for window in (Window(AT - timedelta(days=10), AT), Window(AT, AT + timedelta(hours=2))):
            readings = [
                Reading(series[one.external_id], one.observed_at, one.value)
                for one in simulated.deliveries(window)
                if one.external_id in series and one.metric == "fill_ratio"
            ]
            write_batch(connection, Batch(window.end, readings))
        first = series[wanted[0]]
        model = StoredModel("fill_ratio", AT, AT - timedelta(days=9), AT, 1, 1, 1.0, {})
        model_id = write_model(connection, model, b"")
        for issued_at in (AT - timedelta(hours=1), AT + timedelta(hours=1)):
            steps = tuple(
                ForecastStep(issued_at + timedelta(hours=n), (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)) for n in range(24)
            )
            before = issued_at - timedelta(minutes=10)
            made = Forecast(first, issued_at, timedelta(hours=1), before, steps, model_id)
            write_forecasts(connection, [made])
        found = read_situation(connection, subject, policy, AT)
        assert found == read_situation(connection, subject, policy, AT)

    assert [state.sensor for state in found.bins] == wanted
    assert found.bins[0].fan is not None
    assert found.bins[0].fan.issued_at == AT - timedelta(hours=1), "the newer one was not issued yet"
    assert {state.fallback for state in found.bins[1:-1]} == {NO_FORECAST}
    assert found.bins[-1].level is None, "a bin without a sensor stays unknown"
    for state in found.bins[:-1]:
        assert state.observed_at is not None
        assert state.observed_at < AT
        assert state.inflow is not None
        assert 0.005 < state.inflow.ratio_per_h < 0.06
    made_decision = decide(found, policy, AT)
    assert made_decision.subject == subject.code
    assert all(check.passed for check in made_decision.checks)
