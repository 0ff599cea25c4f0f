from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from models.simulation.days import DAY_S, HOUR_S, LocalTimes, SeededDay, local_hour_s
from models.simulation.rooms import (
    LIBRARY,
    OUTDOOR_CO2_PPM,
    PRIMARY_SCHOOL,
    SPIN_UP_DAYS,
    Room,
    relax,
    steady_state_ppm,
)
from models.simulation.town import MEMBERS
from models.simulation.weather import weather_at

ROOMS = [member for member in MEMBERS if isinstance(member, Room)]
CLASSROOM = ROOMS[1]


def day_of(year: int, month: int, day: int) -> SeededDay:
    return SeededDay(1, date(year, month, day).toordinal())


def test_steady_state_is_the_closed_form_of_the_reference() -> None:
    # A pupil of 6-11 years at 15 m3/h, outdoors 425 ppm: 425 + 1e6 * 3.35e-6 / (15 / 3600) = 1229 ppm.
    steady = steady_state_ppm(np.array([3.35e-6]), np.array([15 / HOUR_S]))
    assert steady[0] == pytest.approx(OUTDOOR_CO2_PPM + 804)


def test_a_constant_source_and_flow_lead_to_the_steady_state_along_the_exact_curve() -> None:
    volume_m3, flow_m3_s, source_m3_s = 180.0, 0.05, 9e-5
    steps, rate = 400, flow_m3_s / volume_m3
    steady = steady_state_ppm(np.full(steps, source_m3_s), np.full(steps, flow_m3_s))
    co2 = relax(OUTDOOR_CO2_PPM, steady, np.full(steps, rate))
    elapsed_s = 300 * np.arange(steps)
    exact = steady[0] + (OUTDOOR_CO2_PPM - steady[0]) * np.exp(-rate * elapsed_s)
    assert np.allclose(co2, exact, atol=1e-6)
    assert co2[-1] == pytest.approx(425 + 1e6 * 9e-5 / 0.05, abs=0.01)


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.sensor.external_id)
def test_two_days_of_spin_up_forget_the_start(room: Room) -> None:
    times = np.arange(day_of(2026, 1, 15).start_s - SPIN_UP_DAYS * DAY_S, day_of(2026, 1, 15).start_s, 300)
    changes = room.air_changes(1, LocalTimes.at(times), weather_at(1, times)) / HOUR_S
    targets = np.full(len(times), OUTDOOR_CO2_PPM)
    apart = relax(2000.0, targets, changes)[-1] - relax(400.0, targets, changes)[-1]
    assert 0 <= apart < 0.5


@pytest.mark.parametrize(
    ("day", "opens"),
    [
        (date(2026, 3, 10), True),  # Tuesday
        (date(2026, 3, 11), False),  # Wednesday
        (date(2026, 3, 14), False),  # Saturday
        (date(2026, 2, 24), False),  # winter holidays of zone C
        (date(2026, 5, 14), False),  # Ascension
    ],
)
def test_primary_school_keeps_its_week_and_its_holidays(day: date, opens: bool) -> None:  # noqa: FBT001 - a column of the table
    assert PRIMARY_SCHOOL.opens(day.toordinal()) is opens


def test_library_opens_in_school_holidays_but_not_on_public_ones() -> None:
    assert LIBRARY.opens(date(2026, 2, 24).toordinal())
    assert not LIBRARY.opens(date(2026, 7, 14).toordinal())
    assert not LIBRARY.opens(date(2026, 3, 9).toordinal())


# Since 1996 the clock goes back within the autumn holidays; in 1994 it did so between two weeks of school.
@pytest.mark.parametrize(
    ("friday", "monday"),
    [(date(2026, 3, 27), date(2026, 3, 30)), (date(1994, 9, 23), date(1994, 9, 26))],
    ids=["23-hour day between", "25-hour day between"],
)
def test_lessons_keep_local_time_across_a_clock_change_and_nobody_comes_at_night(friday: date, monday: date) -> None:
    start, end = local_hour_s(friday.toordinal(), 0), local_hour_s(monday.toordinal() + 1, 0)
    local = LocalTimes.at(np.arange(start, end, 300))
    taught = np.any([room.occupancy(1, local) > 0 for room in ROOMS if room.timetable is PRIMARY_SCHOOL], axis=0)
    assert set(local.ordinals[taught].tolist()) == {friday.toordinal(), monday.toordinal()}
    for day in (friday, monday):
        hours = local.hours[taught & (local.ordinals == day.toordinal())]
        assert hours.min() == 8.5
        assert hours.max() == pytest.approx(16.5 - 300 / HOUR_S)
        assert not np.any((hours >= 11.5) & (hours < 13.5))


def test_co2_rises_in_class_and_rests_near_outdoors_in_the_holidays() -> None:
    class_day = CLASSROOM.traces(day_of(2026, 3, 10))[0]
    holiday = CLASSROOM.traces(day_of(2026, 8, 5))[0]
    assert class_day.metric == "co2_ppm"
    assert class_day.values.max() > 1000
    assert holiday.values.min() > 380
    assert holiday.values.max() < 480


def test_a_day_ends_where_the_next_begins() -> None:
    for room in ROOMS:
        today, tomorrow = room.traces(day_of(2026, 3, 10)), room.traces(day_of(2026, 3, 11))
        assert tomorrow[0].observed_s[0] - today[0].observed_s[-1] == 600
        assert abs(tomorrow[0].values[0] - today[0].values[-1]) < 60
        assert abs(tomorrow[1].values[0] - today[1].values[-1]) <= 0.6
