from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from models.simulation.bays import HEARTBEAT_S, SHORTEST_STAY_S, Bay
from models.simulation.days import DAY_S, HOUR_S, LocalTimes, SeededDay, local_hour_s
from models.simulation.town import MEMBERS

BAYS = [member for member in MEMBERS if isinstance(member, Bay)]


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 10), 24), (date(2026, 3, 28), 23), (date(2026, 10, 24), 25)])
def test_sessions_fit_the_service_day_last_and_never_overlap(day: date, hours: int) -> None:
    opening, closing = local_hour_s(day.toordinal(), 5), local_hour_s(day.toordinal() + 1, 5)
    assert closing - opening == hours * HOUR_S
    for bay in BAYS:
        sessions = bay.sessions(1, day.toordinal())
        arrivals, departures = sessions[:, 0], sessions[:, 1]
        assert len(sessions) > 3
        assert np.all(departures - arrivals >= SHORTEST_STAY_S)
        assert np.all(arrivals[1:] > departures[:-1])
        assert arrivals[0] >= opening
        assert departures[-1] < closing


def test_every_change_is_sent_states_alternate_and_silence_stays_short() -> None:
    for bay in BAYS:
        days = [SeededDay(1, date(2026, 3, 9).toordinal() + offset) for offset in range(4)]
        traces = [bay.traces(day)[0] for day in days]
        times, states = (
            np.concatenate([getattr(trace, name) for trace in traces]) for name in ("observed_s", "values")
        )
        assert np.diff(times).min() > 0
        assert np.diff(times).max() <= HEARTBEAT_S
        assert set(states.tolist()) == {0.0, 1.0}
        sent = {(int(time), state) for time, state in zip(times, states, strict=True)}
        for ordinal in range(days[0].ordinal, days[-1].ordinal):
            for arrival, departure in bay.sessions(1, ordinal).tolist():
                assert (arrival, 1.0) in sent
                assert (departure, 0.0) in sent


def test_mornings_of_workdays_are_busiest() -> None:
    arrivals = np.concatenate(
        [bay.sessions(1, date(2026, 3, 9).toordinal() + day)[:, 0] for bay in BAYS for day in range(5)]
    )
    hours = LocalTimes.at(arrivals).hours
    morning, afternoon, night = (np.sum((hours >= low) & (hours < low + 4)) for low in (7, 13, 0))
    assert morning > afternoon > night > 0


def test_a_day_of_states_covers_the_whole_utc_day() -> None:
    day = SeededDay(1, date(2026, 3, 29).toordinal())
    (trace,) = BAYS[0].traces(day)
    assert trace.observed_s[0] < day.start_s + HEARTBEAT_S
    assert day.start_s + DAY_S - HEARTBEAT_S <= trace.observed_s[-1] < day.start_s + DAY_S
