"""Which silent sensors are a group: enough of them, cut off together, of what may explain it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.events import Severity
from core.store.alarm_groups import SilentSensor
from services.alarms.grouping import OF_GATEWAY, OF_SITE, groups_of

T0 = datetime(2026, 3, 2, 8, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def silent(number: int, minutes: float, after_minutes: float = 30) -> SilentSensor:
    """Return a sensor that was last heard so many minutes after, and is silent after so many more."""
    since = T0 + minutes * MINUTE
    confirmed = since + after_minutes * MINUTE
    return SilentSensor(number, number, "93051", 1, "gw", Severity.WARNING, since, confirmed, None, None)


def test_three_of_four_are_a_group_and_two_are_not() -> None:
    three = [silent(n, n) for n in range(3)]
    assert groups_of({"gw": three}, {"gw": 4}, OF_GATEWAY) == {"gw": three}
    assert groups_of({"gw": three[:2]}, {"gw": 2}, OF_GATEWAY) == {}


@pytest.mark.parametrize(("sensors", "is_group"), [(6, True), (9, True), (10, False)])
def test_two_thirds_of_a_gateways_sensors_are_needed(sensors: int, *, is_group: bool) -> None:
    six = [silent(n, n) for n in range(6)]
    assert bool(groups_of({"gw": six}, {"gw": sensors}, OF_GATEWAY)) == is_group


def test_four_fifths_of_a_site_are_needed_and_five_sensors() -> None:
    assert groups_of({1: [silent(n, n) for n in range(4)]}, {1: 4}, OF_SITE) == {}
    assert groups_of({1: [silent(n, n) for n in range(8)]}, {1: 10}, OF_SITE)
    assert groups_of({1: [silent(n, n) for n in range(8)]}, {1: 11}, OF_SITE) == {}


def test_who_was_silent_long_before_is_no_part_of_it_and_does_not_count() -> None:
    long_ago = [silent(10 + n, -5_000 + 500 * n) for n in range(3)]
    together = [silent(n, n) for n in range(3)]
    assert groups_of({"gw": [*long_ago, *together]}, {"gw": 7}, OF_GATEWAY) == {"gw": together}


def test_who_speaks_rarely_was_last_heard_longer_before() -> None:
    hourly = silent(1, -80, after_minutes=180)
    quick = [silent(2, 0), silent(3, 1)]
    assert groups_of({"gw": [hourly, *quick]}, {"gw": 3}, OF_GATEWAY) == {"gw": [hourly, *quick]}
    earlier = silent(1, -95, after_minutes=180)
    assert groups_of({"gw": [earlier, *quick]}, {"gw": 3}, OF_GATEWAY) == {}
