"""What came of what was published: lost, doubled, altered, refused."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg
import pytest
from gateways import Load, name

from core.clock import now
from core.places import Sensor, SensorKind, Site
from core.store.pool import connected
from core.store.sensors import adopt_sensor


def adopt_all(database_url: str, loads: Sequence[Load]) -> None:
    """Adopt the sensors of these loads."""
    with connected(database_url) as connection:
        for load in loads:
            site = Site(load.commune, "ecole", "École")
            for number in range(load.first, load.first + load.sensors):
                adopt_sensor(connection, Sensor(name(number), SensorKind.INDOOR_AIR, name(number), site), now())


@dataclass(frozen=True)
class Reckoning:
    """What the database holds against what was published, in readings.

    Parameters
    ----------
    lost
        Published, not stored.
    doubled
        Stored at an instant at which nothing was published, or counted twice when stored.
    altered
        Stored with another value.
    behind
        Series whose latest value is not the last one published.
    refused
        Messages kept as rejections, or aside.
    """

    published: int
    stored: int
    lost: int
    doubled: int
    altered: int
    behind: int
    refused: int

    @property
    def is_whole(self) -> bool:
        """Whether nothing is missing, and nothing too much."""
        return not (self.lost or self.doubled or self.altered or self.behind or self.refused)


_STORED = """
    SELECT sensor.external_id, series.metric, extract(epoch FROM reading.observed_at)::bigint, reading.value
      FROM reading JOIN series USING (series_id) JOIN sensor USING (sensor_id)
"""
_LATEST = """
    SELECT sensor.external_id, series.metric, extract(epoch FROM latest.observed_at)::bigint, latest.value
      FROM latest JOIN series USING (series_id) JOIN sensor USING (sensor_id)
"""
_COUNTED = "SELECT coalesce(sum(stored), 0) FROM reception"
_REFUSED = "SELECT (SELECT count(*) FROM rejection) + (SELECT count(*) FROM aside)"


def reckon(database_url: str, loads: Sequence[Load]) -> Reckoning:
    """Compare every stored reading with every published one."""
    expected = {key: series for load in loads for key, series in load.expected().items()}
    found: dict[tuple[str, str], dict[int, float]] = {key: {} for key in expected}
    with connected(database_url) as connection:
        for external_id, metric, second, value in connection.execute(_STORED):
            found.setdefault((external_id, metric), {})[second] = value
        latest = {(row[0], row[1]): (row[2], row[3]) for row in connection.execute(_LATEST)}
        counted = int(connection.execute(_COUNTED).fetchall()[0][0])
        refused = int(connection.execute(_REFUSED).fetchall()[0][0])
    stored = sum(len(series) for series in found.values())
    pairs = [(series, found[key]) for key, series in expected.items()]
    surplus = sum(len(series.keys() - expected.get(key, {}).keys()) for key, series in found.items())
    return Reckoning(
        published=sum(len(series) for series in expected.values()),
        stored=stored,
        lost=sum(len(series.keys() - there.keys()) for series, there in pairs),
        doubled=surplus + max(0, counted - stored),
        altered=sum(series[second] != there[second] for series, there in pairs for second in series.keys() & there),
        behind=sum(latest.get(key) != max(series.items()) for key, series in expected.items()),
        refused=refused,
    )


def stored_messages(database_url: str) -> int:
    """Return how many messages are stored so far, by one of their readings; 0 while the database is away."""
    try:
        with psycopg.connect(database_url, connect_timeout=2) as connection:
            query = "SELECT count(*) FROM reading JOIN series USING (series_id) WHERE metric = 'co2_ppm'"
            return int(connection.execute(query).fetchall()[0][0])
    except psycopg.OperationalError:
        return 0


def last_written_at(database_url: str) -> datetime | None:
    """Return when the newest batch was written; None when there is none, or the database is away."""
    try:
        with psycopg.connect(database_url, connect_timeout=2) as connection:
            found: datetime | None = connection.execute("SELECT max(received_at) FROM latest").fetchall()[0][0]
            return found
    except psycopg.OperationalError:
        return None


def wait_until_written(database_url: str, after: datetime, still: Callable[[], bool], timeout_s: float = 60) -> None:
    """Wait until a batch received after an instant is written, or nothing is left to come (``still`` says no)."""
    deadline = time.monotonic() + timeout_s
    while (written := last_written_at(database_url)) is None or written <= after:
        if not still():
            return
        if time.monotonic() > deadline:
            pytest.fail(f"nothing was written within {timeout_s:g} s of the fault")
        time.sleep(0.02)


def wait_for_messages(database_url: str, messages: int, timeout_s: float) -> int:
    """Wait until so many messages are stored, or ``timeout_s`` went by without one more; return how many are."""
    stored, quiet_since_s = -1, time.monotonic()
    while stored < messages and time.monotonic() - quiet_since_s < timeout_s:
        if (counted := stored_messages(database_url)) > stored:
            stored, quiet_since_s = counted, time.monotonic()
        time.sleep(0.2)
    return stored
