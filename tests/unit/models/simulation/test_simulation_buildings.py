from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from models.simulation.buildings import STEP_HOURS, STEP_S, Building
from models.simulation.counters import PUBLISHING_S, BikeCounter
from models.simulation.days import HOUR_S, OPENED, LocalTimes, SeededDay
from models.simulation.stations import Station
from models.simulation.town import MEMBERS
from models.simulation.traces import Simulated

BUILDINGS = [member for member in MEMBERS if isinstance(member, Building)]
SCHOOL = BUILDINGS[0]
COUNTERS = [member for member in MEMBERS if isinstance(member, BikeCounter)]
STATIONS = [member for member in MEMBERS if isinstance(member, Station)]


def days_from(start: date, count: int) -> list[SeededDay]:
    return [SeededDay(1, start.toordinal() + offset) for offset in range(count)]


@pytest.mark.parametrize("building", BUILDINGS, ids=lambda building: building.sensor.external_id)
def test_index_grows_by_exactly_the_energy_also_over_midnight_month_and_year(building: Building) -> None:
    pairs = [building.traces(day) for day in days_from(date(2025, 12, 30), 4)]
    times = np.concatenate([power.observed_s for power, _ in pairs])
    power = np.concatenate([power.values for power, _ in pairs])
    index = np.concatenate([index.values for _, index in pairs])
    assert np.all(np.diff(times) == STEP_S)
    assert np.abs(np.diff(index) - power[1:] * STEP_HOURS).max() < 0.011
    assert index[-1] - index[0] == pytest.approx(power[1:].sum() * STEP_HOURS, abs=0.011)


def test_a_month_of_power_is_its_days_one_after_the_other() -> None:
    first = date(2026, 3, 1).toordinal()
    month = SCHOOL.power_kw(1, range(first, first + 31))
    days = np.concatenate([SCHOOL.power_kw(1, range(day, day + 1)) for day in range(first, first + 31)])
    assert np.abs(month - days).max() < 1e-9


def test_index_starts_at_nothing_when_the_town_opens() -> None:
    power, index = SCHOOL.traces(SeededDay(1, OPENED.toordinal()))
    assert index.values[0] == pytest.approx(power.values[0] * STEP_HOURS, abs=0.006)


def test_school_rests_at_night_on_sundays_and_in_the_holidays() -> None:
    noon = slice(44, 52)
    workday, sunday, holiday = (
        SCHOOL.traces(SeededDay(1, day.toordinal()))[0].values
        for day in (date(2026, 6, 9), date(2026, 6, 14), date(2026, 7, 21))
    )
    assert workday[noon].mean() > 3 * workday[:12].mean()
    assert workday[noon].mean() > 3 * sunday[noon].mean()
    assert sunday[noon].mean() < holiday[noon].mean() < 0.6 * workday[noon].mean()


@pytest.mark.parametrize("monday", [date(2026, 3, 30), date(2026, 10, 26)], ids=["23-hour day", "25-hour day"])
def test_opening_keeps_local_hours_on_both_sides_of_a_clock_change(monday: date) -> None:
    hall = BUILDINGS[2]
    for day in (SeededDay(1, monday.toordinal() - 3), SeededDay(1, monday.toordinal())):
        local = LocalTimes.at(day.grid(STEP_S))
        use = hall.opening.use(local)
        assert local.hours[use > 0].min() == 7.25
        assert local.hours[use == 1].min() == 8.0


@pytest.mark.parametrize("counter", COUNTERS, ids=lambda counter: counter.sensor.external_id)
def test_bikes_peak_at_local_commuting_hours_before_and_after_the_clock_change(counter: BikeCounter) -> None:
    for monday in (date(2026, 3, 23), date(2026, 3, 30)):
        by_hour = np.zeros(24)
        for day in days_from(monday, 4):
            (trace,) = counter.traces(day)
            hours = LocalTimes.at(trace.observed_s).hours.astype(int)
            np.add.at(by_hour, hours, trace.values)
        assert by_hour[:13].argmax() == 8
        assert 13 + by_hour[13:].argmax() in {17, 18}


def test_hourly_values_are_published_after_their_hour() -> None:
    day = SeededDay(1, date(2026, 3, 29).toordinal())
    members: tuple[Simulated, ...] = (*COUNTERS, *STATIONS)
    for member in members:
        for trace in member.traces(day):
            assert np.all(trace.observed_s % HOUR_S == 0)
            assert trace.delay_s.min() >= HOUR_S
            assert trace.delay_s.max() < HOUR_S + PUBLISHING_S


def test_roadside_air_holds_more_no2_than_the_park_and_ozone_peaks_in_the_afternoon() -> None:
    means, ozone = [], np.zeros(24)
    for station in STATIONS:
        no2, o3, fine, coarse, _ = zip(*(station.traces(day) for day in days_from(date(2026, 6, 1), 14)), strict=True)
        means.append(np.mean([trace.values for trace in no2]))
        ozone += np.mean([trace.values for trace in o3], axis=0)
        for small, all_sizes in zip(fine, coarse, strict=True):
            assert np.all(all_sizes.values > small.values)
    assert means[0] > means[1] + 5
    assert 11 <= ozone.argmax() <= 16
