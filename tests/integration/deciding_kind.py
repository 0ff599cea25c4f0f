"""A kind of decision made for tests, whole: air a room when its newest CO2 is over the limit of the policy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

from core.clock import Window, format_instant
from core.decisions import Action, Alternative, Check, Decision, Input, Phrase, Soundness, Subject
from core.places import Origin, Sensor, SensorKind, Site
from core.readings import Batch, Message, Reading
from core.store.batches import write_batch
from core.store.decisions import write_subject
from core.store.places import write_series
from core.store.pool import Connection, connected
from core.store.readings import read_readings
from core.store.sensors import adopt_sensor
from services.decisions.decider import Decider, Export
from services.decisions.registry import DECIDERS

NOW = datetime(2026, 3, 16, 9, 20, tzinfo=UTC)
COMMUNE = "93051"
KIND = "ventilation"
"""A kind that somebody may decide on: the town of these tests has this one in its place."""
AIRING = Subject(KIND, "93051:ecole", COMMUNE, "École Jaurès", {"limit_ppm": 1_000.0, "series_id": 1})
MESSAGE = Message("t", b"", NOW, 0)


@dataclass(frozen=True)
class Room:
    """The newest CO2 known, None without a reading of the last hour."""

    series_id: int
    known_at: datetime | None
    co2_ppm: float | None


def parse_policy(policy: dict[str, Any]) -> dict[str, Any]:
    limit = policy.get("limit_ppm")
    if not isinstance(limit, int | float) or not 400 <= limit <= 5_000:
        raise ValueError(f"limit_ppm must be 400 to 5000, not {limit!r}")
    return policy


def read(connection: Connection, _subject: Subject, policy: dict[str, Any], now: datetime) -> Room:
    rows = read_readings(connection, policy["series_id"], Window.ending(now, timedelta(hours=1)), as_of=now)
    newest = rows[-1] if rows else None
    return Room(policy["series_id"], newest.observed_at if newest else None, newest.value if newest else None)


def decide(room: Room, policy: dict[str, Any], now: datetime) -> Decision:
    window = Window(now, now + timedelta(hours=1))
    over = room.co2_ppm is not None and room.co2_ppm > policy["limit_ppm"]
    soundness = Soundness.IMPOSSIBLE if room.co2_ppm is None else Soundness.SOUND
    airing = Action("room", "open_windows", Window(now, now + timedelta(minutes=10)), 10.0, "min", {"room": 1})
    return Decision(
        kind=KIND,
        subject=AIRING.code,
        commune_insee=COMMUNE,
        made_at=now,
        window=window,
        answer_by=now + timedelta(hours=1),
        soundness=soundness,
        headline=Phrase("headline", {"co2_ppm": room.co2_ppm, "until": format_instant(window.end)}),
        reasons=(Phrase("over_limit", {"limit_ppm": policy["limit_ppm"]}),),
        actions=(airing,) if over else (),
        inputs=(Input("co2", room.known_at, room.series_id, None if room.known_at else "missing"),),
        alternatives=(Alternative("nothing", {"airings": 0.0}),),
        checks=(Check("length", passed=True),),
        figures={"airings": float(over)},
        picture={"limit": [policy["limit_ppm"], None]},
    )


def changed(before: Room, after: Room) -> bool:
    return before.co2_ppm != after.co2_ppm and abs((before.co2_ppm or 0) - (after.co2_ppm or 0)) > 300


AIRINGS: Decider[Room, dict[str, Any]] = Decider(
    kind=KIND,
    every=timedelta(minutes=15),
    parse_policy=parse_policy,
    read=read,
    decide=decide,
    changed=changed,
    exports={"csv": Export("text/csv; charset=utf-8", lambda decision: f"kind;{decision.kind}\r\n")},
)


@contextmanager
def registered(**others: Decider[Any, Any]) -> Iterator[None]:
    """Have this kind, and others, be all there are."""
    with mock.patch.dict(DECIDERS, {KIND: AIRINGS, **others}, clear=True):
        yield


def write_room(dsn: str, co2_ppm: float | None = 1_500.0, at: datetime = NOW - timedelta(minutes=2)) -> None:
    """Declare the room and what is decided about it, with one reading."""
    with connected(dsn) as connection:
        site = Site(COMMUNE, "ecole", "École Jaurès")
        sensor = Sensor("salle-2", SensorKind.INDOOR_AIR, "Salle 2", site, Origin.SIMULATED)
        series_id = write_series(connection, adopt_sensor(connection, sensor, NOW), "co2_ppm")
        write_subject(connection, replace(AIRING, policy={**AIRING.policy, "series_id": series_id}))
    if co2_ppm is not None:
        write_co2(dsn, co2_ppm, at)


def write_co2(dsn: str, co2_ppm: float, at: datetime, *, received_at: datetime | None = None) -> None:
    """Write one reading of the room."""
    with connected(dsn) as connection:
        write_batch(connection, Batch(received_at or at, [Reading(1, at, co2_ppm)], [MESSAGE]))
