"""The communes side by side: how their sensors are, what came in and what was refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from core.clock import PARIS, Window
from core.columns import Ints, from_microseconds
from core.metrics import METRICS, Family
from core.store.latest import LatestColumns, read_latest
from core.store.metropole import SensorPlaces, read_alarming, read_received, read_refused, read_sensor_places
from core.store.pool import Connection
from services.states import State, states_of

RECEIVED_OVER = timedelta(minutes=10)

_ORDER = (State.WATCH, State.SILENT, State.SUSPECT, State.NORMAL)
_ALARMING = 0
_RANKS = {state: rank for rank, state in enumerate(_ORDER, start=1)}
_UNHEARD = len(_ORDER) + 1
_NEVER = int(np.iinfo(np.int64).min)


@dataclass(frozen=True, slots=True)
class CommuneSummary:
    """A commune by its sensors in service, each counted once, in its worst state.

    Parameters
    ----------
    alarming
        Sensors with an alarm that waits for a person.
    silent
        Sensors that never spoke, too.
    stale_since
        When its newest reading was observed, where every sensor of it is silent; else None.
    received_10min
        Readings stored in the last ten whole minutes of arrival.
    refused_today
        Messages refused since midnight in Paris.
    """

    commune_insee: str
    sensors: int
    alarming: int
    watch: int
    silent: int
    suspect: int
    normal: int
    stale_since: datetime | None
    received_10min: int
    refused_today: int


def summarise(connection: Connection, at: datetime) -> list[CommuneSummary]:
    """Return the communes in which whoever asks sees a sensor, by code, as they are at ``at``."""
    places = read_sensor_places(connection)
    latest = read_latest(connection)
    ranks = sensor_ranks(places, latest, states_of(latest, at))
    alarming = np.array(read_alarming(connection, at), dtype=np.int64)
    ranks[np.isin(places.sensor, alarming)] = _ALARMING
    newest = _newest(places, latest)
    minute = at.replace(second=0, microsecond=0)
    received = read_received(connection, Window(minute - RECEIVED_OVER, minute))
    midnight = at.astimezone(PARIS).replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)
    refused = read_refused(connection, Window(midnight, at + timedelta(microseconds=1)))
    return [
        _told(f"{number:05}", ranks[here], newest[here], received, refused)
        for number in np.unique(places.commune).tolist()
        for here in [places.commune == number]
    ]


def sensor_ranks(places: SensorPlaces, latest: LatestColumns, states: Sequence[State]) -> Ints:
    """Return the rank of each sensor's worst state: 1 to watch, 2 silent, 3 suspect, 4 normal.

    Batteries and radio levels speak once a day: they say nothing of whether a sensor is alive. Who never spoke is
    silent.
    """
    health = {name for name, metric in METRICS.items() if metric.family is Family.HEALTH}
    speaks = np.array([name not in health for name in latest.metric], dtype=bool)
    # One that was adopted since the places were read has none yet.
    speaks &= np.isin(latest.sensor, places.sensor)
    held = np.array([_RANKS[state] for state in states], dtype=np.int64)
    ranks = np.full(len(places.sensor), _UNHEARD, dtype=np.int64)
    np.minimum.at(ranks, np.searchsorted(places.sensor, latest.sensor[speaks]), held[speaks])
    ranks[ranks == _UNHEARD] = _RANKS[State.SILENT]
    return ranks


def _newest(places: SensorPlaces, latest: LatestColumns) -> Ints:
    """Return when the newest reading of each sensor was observed, `_NEVER` where there is none."""
    newest = np.full(len(places.sensor), _NEVER, dtype=np.int64)
    known = np.isin(latest.sensor, places.sensor)
    np.maximum.at(newest, np.searchsorted(places.sensor, latest.sensor[known]), latest.observed[known])
    return newest


def _told(
    insee: str, ranks: Ints, newest: Ints, received: Mapping[str, int], refused: Mapping[str, int]
) -> CommuneSummary:
    counts = np.bincount(ranks, minlength=_UNHEARD).tolist()
    newest_us = int(newest.max())
    is_stale = counts[_RANKS[State.SILENT]] == len(ranks) and newest_us != _NEVER
    return CommuneSummary(
        commune_insee=insee,
        sensors=len(ranks),
        alarming=counts[_ALARMING],
        watch=counts[_RANKS[State.WATCH]],
        silent=counts[_RANKS[State.SILENT]],
        suspect=counts[_RANKS[State.SUSPECT]],
        normal=counts[_RANKS[State.NORMAL]],
        stale_since=from_microseconds(newest_us) if is_stale else None,
        received_10min=received.get(insee, 0),
        refused_today=refused.get(insee, 0),
    )
