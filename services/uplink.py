"""Uplink health: how much of what a sensor sent came, how late, by which gateways, and how long its battery lasts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from core.alarms import Condition, Rule
from core.clock import Window
from core.columns import instants_of
from core.metrics import Family, expected_interval, metric_named
from core.places import Sensor, Series
from core.store.gaps import Gap, Ledger, read_gaps, read_ledgers
from core.store.gateways import GatewayShare, count_frames_heard, read_gateway_shares
from core.store.pool import Connection
from core.store.rollups import read_hours
from core.store.uplink import Delays, Heard, read_frame_delays, read_heard

LOST_AFTER_INTERVALS = 3
"""A sensor that was not heard for so many of its intervals is not heard: what it would have sent since is missing."""
GAPS_MAX = 200


@dataclass(frozen=True, slots=True)
class Lack:
    """A stretch in which messages are missing; ``until`` is None while it lasts."""

    since: datetime
    until: datetime | None
    missing: int


@dataclass(frozen=True, slots=True)
class Point:
    """A mean over an hour, named by its start; in the metric's unit."""

    hour: datetime
    mean: float


@dataclass(frozen=True, slots=True)
class Reception:
    """How much of what a sensor sent in a window came.

    Parameters
    ----------
    is_numbered
        Whether frame counters tell what is missing (LoRaWAN), or only the interval at which the sensor should speak.
    received, missing
        Messages that came, at once or later, and that did not: what was sent is both together.
    """

    is_numbered: bool
    received: int
    missing: int
    delays: Delays
    lacks: tuple[Lack, ...]

    @property
    def expected(self) -> int:
        """How many messages there should be."""
        return self.received + self.missing

    @property
    def ratio(self) -> float | None:
        """Share of them that came; None where none was due."""
        return self.received / self.expected if self.expected else None


@dataclass(frozen=True, slots=True)
class Uplink:
    """How a sensor's messages came over a window.

    Parameters
    ----------
    gateways
        Those that heard it since the day (UTC) in which the window begins.
    frames
        How many frames came since the first of the days that ``gateways`` are known of.
    """

    interval: timedelta
    reception: Reception
    rssi: tuple[Point, ...]
    snr: tuple[Point, ...]
    gateways: tuple[GatewayShare, ...]
    frames: int


def read_uplink(connection: Connection, sensor: Sensor, series: Sequence[Series], window: Window) -> Uplink:
    """Return how a sensor's messages came in ``window``, which ends now or when it was retired."""
    assert sensor.sensor_id is not None, "a sensor of the store has its id"
    interval = interval_of(sensor, series)
    ledgers = read_ledgers(connection, window, after=sensor.sensor_id - 1, limit=1)
    ledger = ledgers[0] if ledgers and ledgers[0].sensor_id == sensor.sensor_id else None
    reception = (
        _heard(connection, sensor, series, window)
        if ledger is None
        else _numbered(connection, ledger, window, interval)
    )
    return Uplink(
        interval,
        reception,
        _hourly(connection, series, "rssi_dbm", window),
        _hourly(connection, series, "snr_db", window),
        tuple(read_gateway_shares(connection, sensor.sensor_id, window.start.date())),
        count_frames_heard(connection, sensor.sensor_id, window.start.date()),
    )


def interval_of(sensor: Sensor, series: Sequence[Series]) -> timedelta:
    """Return how often a sensor should speak: as its registry says, or as its most frequent metric expects."""
    told = [one.metric for one in series if metric_named(one.metric).family is not Family.HEALTH]
    names = told or [one.metric for one in series]
    return min((expected_interval(name, sensor.interval_s) for name in names), default=timedelta(hours=24))


def _numbered(connection: Connection, ledger: Ledger, window: Window, interval: timedelta) -> Reception:
    gaps = read_gaps(connection, ledger.sensor_id, window, limit=GAPS_MAX)
    tail = lack_since(ledger.last_frame_at, window, interval)
    return Reception(
        is_numbered=True,
        received=ledger.received + ledger.backfilled,
        missing=ledger.missing + sum(one.missing for one in tail),
        delays=read_frame_delays(connection, ledger.sensor_id, window),
        lacks=(*tail, *map(_lack_of_gap, gaps)),
    )


def _lack_of_gap(gap: Gap) -> Lack:
    return Lack(gap.after_at, gap.before_at, gap.missing)


def _heard(connection: Connection, sensor: Sensor, series: Sequence[Series], window: Window) -> Reception:
    interval = interval_of(sensor, series)
    ids = [one.series_id for one in series]
    heard = read_heard(connection, ids, window, LOST_AFTER_INTERVALS * interval, limit=GAPS_MAX)
    lacks = lacks_of(heard, _life(sensor, heard, window), interval)
    return Reception(
        is_numbered=False,
        received=heard.instants,
        missing=sum(one.missing for one in lacks),
        delays=heard.delays,
        lacks=lacks,
    )


def _life(sensor: Sensor, heard: Heard, window: Window) -> Window:
    """Return the part of a window in which a sensor was due: from its adoption, or what was first heard of it, on."""
    known = [at for at in (sensor.adopted_at, heard.first_at) if at is not None]
    start = min(max(window.start, min(known, default=window.start)), window.end)
    return Window(start, window.end)


def lacks_of(heard: Heard, life: Window, interval: timedelta) -> tuple[Lack, ...]:
    """Return where messages are missing that nothing numbers, the newest first.

    Shorter silences than `LOST_AFTER_INTERVALS` are how sensors speak: nothing of them is called missing.
    """
    if heard.first_at is None or heard.last_at is None:
        return lack_since(life.start, life, interval)
    between = [
        Lack(one.after_at, one.before_at, _missed(one.before_at - one.after_at, interval)) for one in heard.silences
    ]
    opening = heard.first_at - life.start
    before = [Lack(life.start, heard.first_at, max(1, opening // interval))]
    return (
        *lack_since(heard.last_at, life, interval),
        *between,
        *(before if opening > LOST_AFTER_INTERVALS * interval else []),
    )


def lack_since(last_at: datetime, window: Window, interval: timedelta) -> tuple[Lack, ...]:
    """Return what is missing since a sensor was last heard, nothing while it may still be on its way."""
    since = max(last_at, window.start)
    if window.end - since <= LOST_AFTER_INTERVALS * interval:
        return ()
    return (Lack(since, None, _missed(window.end - since, interval)),)


def _missed(silence: timedelta, interval: timedelta) -> int:
    """Return how many messages a silence lacks between two that came."""
    return max(1, round(silence / interval) - 1)


def _hourly(connection: Connection, series: Sequence[Series], metric: str, window: Window) -> tuple[Point, ...]:
    found = next((one for one in series if one.metric == metric), None)
    if found is None:
        return ()
    hours = read_hours(connection, found.series_id, window)
    known = np.isfinite(hours.mean)
    return tuple(map(Point, instants_of(hours.hours[known]), hours.mean[known].tolist()))


def empty_level(rules: Sequence[Rule], metric: str, sensor: Sensor) -> float | None:
    """Return the level that a battery's rule calls empty, the narrowest rule that holds for a sensor; None without."""
    fitting = [one for one in rules if one.condition is Condition.BATTERY and _fits(one, metric, sensor)]
    narrowest = max(fitting, key=_narrowness, default=None)
    return None if narrowest is None else float(narrowest.parameters["empty"])


def _fits(rule: Rule, metric: str, sensor: Sensor) -> bool:
    scope = rule.scope
    asked = (scope.metric, scope.kind, scope.commune_insee, scope.site_id, scope.sensor_id)
    here = (metric, sensor.kind, sensor.site.commune_insee, sensor.site.site_id, sensor.sensor_id)
    return all(wanted is None or wanted == one for wanted, one in zip(asked, here, strict=True))


def _narrowness(rule: Rule) -> tuple[bool, ...]:
    scope = rule.scope
    return tuple(one is not None for one in (scope.sensor_id, scope.site_id, scope.commune_insee, scope.kind))
