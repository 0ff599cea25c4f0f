"""History as NGSI-LD writes it: windows, instances that are cut, and sums over hours and local days."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.clock import EPOCH, PARIS, Window
from core.places import Origin
from core.store.entities import Instance, SeriesHour
from services.api.ngsi_ld.faults import Fault, Refused
from services.api.ngsi_ld.said import Measured
from services.api.ngsi_ld.temporal import (
    HOUR,
    aggregated_form,
    content_range,
    cut,
    instance_form,
    methods_asked,
    period_asked,
    values_form,
    window_asked,
)

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
CO2, OCCUPIED = Measured("co2", "co2_ppm", "59"), Measured("occupied", "occupied", "C62")
POWER = Measured("totalActivePower", "power_kw", "WTT", 1_000)
INDEX = Measured("totalConsumption", "electricity_kwh", "KWH")
DAY = Window(NOON, NOON + timedelta(days=1))


def at(minutes: int, series_id: int = 1, *, quality: int = 0, flags: int = 0) -> Instance:
    return Instance(series_id, NOON + timedelta(minutes=minutes), 400.0 + minutes, quality, flags)


def hour(number: int, **figures: float | None) -> SeriesHour:
    told = {"count": 6, "mean": 1.0, "low": 0.5, "high": 2.0, "increment": None, "known_s": None} | figures
    return SeriesHour(1, NOON + number * HOUR, **told)  # type: ignore[arg-type] # as the columns are


def test_before_and_the_end_are_excluded_after_and_the_start_are_included() -> None:
    assert window_asked("before", NOON, None, NOON) == Window(EPOCH, NOON)
    assert window_asked("between", NOON, NOON + HOUR, NOON) == Window(NOON, NOON + HOUR)
    assert NOON in window_asked("after", NOON, None, NOON)
    assert NOON in window_asked(None, None, None, NOON)


@pytest.mark.parametrize(
    ("timerel", "start", "end"),
    [
        ("during", NOON, None),
        ("after", None, None),
        ("between", NOON, None),
        ("before", NOON, NOON + HOUR),
        ("between", NOON, NOON - HOUR),
        (None, NOON, None),
    ],
)
def test_a_window_that_is_none_is_refused(timerel: str | None, start: datetime | None, end: datetime | None) -> None:
    with pytest.raises(Refused):
        window_asked(timerel, start, end, NOON)


def test_an_instance_has_its_unit_and_says_what_it_is_worth() -> None:
    assert instance_form(CO2, at(0, quality=2, flags=8), Origin.SIMULATED) == {
        "type": "Property",
        "value": 400.0,
        "unitCode": "59",
        "observedAt": "2026-03-02T12:00:00Z",
        "quality": {"type": "Property", "value": "bad"},
        "flags": {"type": "Property", "value": ["spike"]},
        "origin": {"type": "Property", "value": "simulated"},
    }


def test_values_leave_out_what_is_bad() -> None:
    told = values_form(POWER, [at(0), at(10, quality=2), at(20, quality=1)], Origin.FIELD)
    assert told == {
        "type": "Property",
        "values": [[400_000.0, "2026-03-02T12:00:00Z"], [420_000.0, "2026-03-02T12:20:00Z"]],
        "unitCode": "WTT",
    }
    assert values_form(CO2, [at(0, quality=2)], Origin.FIELD) is None
    simulated = values_form(CO2, [at(0)], Origin.SIMULATED)
    assert simulated is not None
    assert simulated["origin"]["value"] == "simulated"


def test_nothing_is_cut_that_fits() -> None:
    found = cut([at(0), at(10), at(5, 2)], 2, newest_first=False)
    assert (found.at, {key: len(rows) for key, rows in found.instances.items()}) == (None, {1: 2, 2: 1})


def test_all_series_are_cut_at_one_instant() -> None:
    found = cut([at(0), at(10), at(20), at(5, 2), at(15, 2), at(99, 3)], 2, newest_first=False)
    assert found.at == NOON + timedelta(minutes=10)
    assert {key: len(rows) for key, rows in found.instances.items()} == {1: 2, 2: 1}
    assert content_range(DAY, found, None, ends=False) == "date-time 2026-03-02T12:00:00Z-2026-03-02T12:10:00Z/*"
    backwards = cut([at(20), at(10), at(0), at(15, 2), at(5, 2)], 2, newest_first=True)
    assert {key: len(rows) for key, rows in backwards.instances.items()} == {1: 2, 2: 1}
    assert content_range(DAY, backwards, 9, ends=False) == "date-time 2026-03-02T12:20:00Z-2026-03-02T12:10:00Z/9"
    assert content_range(DAY, backwards, 9, ends=True) == "date-time 2026-03-03T12:00:00Z-2026-03-02T12:10:00Z/9"


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(0, 300)), unique=True), st.integers(1, 5))
def test_going_on_after_a_cut_loses_and_doubles_nothing(marks: list[tuple[int, int]], each: int) -> None:
    left = sorted(marks)
    seen: list[tuple[int, int]] = []
    while left:
        stored = [at(minutes, series_id) for series_id, minutes in left]
        found = cut(stored, each, newest_first=False)
        told = {
            (one.series_id, (one.observed_at - NOON) // timedelta(minutes=1))
            for rows in found.instances.values()
            for one in rows
        }
        assert told
        seen += sorted(told)
        left = [mark for mark in left if mark not in told]
        if found.at is not None:
            assert all(NOON + timedelta(minutes=minutes) > found.at for _, minutes in left)
    assert sorted(seen) == sorted(marks)


def test_hours_are_gathered_from_the_windows_first() -> None:
    told = aggregated_form(
        CO2, [hour(k, mean=float(k)) for k in range(5)], ("avg", "totalCount"), period_asked("PT2H", DAY)
    )
    assert told is not None
    assert told["avg"] == [
        [0.5, "2026-03-02T12:00:00Z", "2026-03-02T14:00:00Z"],
        [2.5, "2026-03-02T14:00:00Z", "2026-03-02T16:00:00Z"],
        [4.0, "2026-03-02T16:00:00Z", "2026-03-02T18:00:00Z"],
    ]
    assert [value for value, *_ in told["totalCount"]] == [12, 12, 6]
    assert told["unitCode"] == "59"


def test_a_state_is_weighed_by_how_long_it_was_known() -> None:
    hours = [hour(0, mean=1.0, known_s=900), hour(1, mean=0.0, known_s=2_700)]
    told = aggregated_form(OCCUPIED, hours, ("avg",), period_asked("PT0S", DAY))
    assert told is not None
    assert told["avg"] == [[0.25, "2026-03-02T12:00:00Z", "2026-03-03T12:00:00Z"]]


def test_an_index_has_a_sum_and_a_level_has_none() -> None:
    told = aggregated_form(
        INDEX, [hour(0, increment=2.0), hour(1), hour(2, increment=3.0)], ("sum",), period_asked("PT0S", DAY)
    )
    assert told is not None
    assert told["sum"][0][0] == 5.0
    assert aggregated_form(INDEX, [hour(1)], ("sum",), period_asked("PT0S", DAY)) is None
    with pytest.raises(Refused, match="co2 is a level") as refused:
        aggregated_form(CO2, [hour(0)], ("sum",), period_asked("PT0S", DAY))
    assert refused.value.fault is Fault.INVALID_REQUEST


@pytest.mark.parametrize(
    ("duration", "local", "start", "hours"),
    [
        ("P1D", (2026, 3, 29), (2026, 3, 29), 23),
        ("P1D", (2026, 10, 25), (2026, 10, 25), 25),
        ("P1D", (2026, 6, 1), (2026, 6, 1), 24),
        ("P1W", (2026, 3, 29), (2026, 3, 23), 167),
        ("P7D", (2026, 10, 25), (2026, 10, 19), 169),
        ("P1M", (2026, 3, 31), (2026, 3, 1), 31 * 24 - 1),
        ("P1M", (2026, 2, 10), (2026, 2, 1), 28 * 24),
        ("P1M", (2026, 12, 31), (2026, 12, 1), 31 * 24),
    ],
)
def test_days_weeks_and_months_are_local(
    duration: str, local: tuple[int, int, int], start: tuple[int, int, int], hours: int
) -> None:
    begins, ends = period_asked(duration, DAY)(datetime(*local, 12, tzinfo=PARIS).astimezone(UTC))
    assert begins == datetime(*start, tzinfo=PARIS)
    assert (ends - begins, ends.utcoffset()) == (hours * HOUR, timedelta(0))


@pytest.mark.parametrize("duration", ["PT15M", "P2D", "P1Y", "PT0H", "1h", "PT90M"])
def test_periods_that_roll_ups_do_not_come_to_are_refused(duration: str) -> None:
    with pytest.raises(Refused) as refused:
        period_asked(duration, DAY)
    assert refused.value.fault is Fault.OPERATION_NOT_SUPPORTED


def test_methods_come_in_one_order_and_strange_ones_are_refused() -> None:
    assert methods_asked(["max", "avg"]) == ("avg", "max")
    with pytest.raises(Refused, match="stddev"):
        methods_asked(["stddev"])
    with pytest.raises(Refused, match="aggrMethods"):
        methods_asked(None)
