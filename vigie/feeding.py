"""Feeding the platform over MQTT: a simulated town or replayed files, declared when asked, then published."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic

from core.clock import Window, now
from core.commune_points import commune_points
from core.decisions import Subject
from core.errors import StoreAbsent, VigieError
from core.readings import Source
from core.settings import BrokerSettings
from core.store.decisions import write_subject
from core.store.pool import Connection, connected
from core.store.sensors import declare_sensor
from core.store.status import count_stored, heard_up_to
from core.store.weather import write_weather
from core.weather_settings import WeatherSettings, WeatherSource
from ingestors.broker import BrokerAddress, Publisher
from ingestors.publish import Published, PublishPlan, publish_source
from models.simulation import equipment_bays, equipment_bins, equipment_buildings, equipment_rooms
from services.weather.simulated import SimulatedWeather

OVERLAP = timedelta(hours=12)
"""What is published again after a restart: late deliveries under way ended with the feeder; twice counts once."""
DRAIN_S = 60.0
SAY_EVERY_S = 2.0
AHEAD_READINGS_MAX = 2_000
"""How far the feed runs ahead of the store: what a person publishes meanwhile waits behind no more than that."""
WEATHER_AT_ONCE = timedelta(days=30)
"""So much of the past weather is made and kept in one go."""
LOOK_EVERY_S, STILL_S_MAX = 0.1, 1.0


class Unconfirmed(VigieError):
    """The broker did not confirm everything that was published."""


@dataclass(frozen=True, slots=True)
class Feeding:
    """How a source is published.

    Parameters
    ----------
    history
        So much of it comes first.
    speed
        Then live, in source seconds per second; 0 is never.
    subjects
        What is decided about in it, declared with its sensors.
    weather
        Who forecast its weather: the history's is kept as it was issued then, so that models learn from it.
    """

    history: timedelta
    speed: float = 1.0
    subjects: tuple[Subject, ...] = ()
    weather: SimulatedWeather | None = None


def town_subjects() -> tuple[Subject, ...]:
    """Return what is decided about in the simulated town, with its equipment as policies."""
    return tuple(
        Subject(row["kind"], row["code"], row["commune_insee"], row["name"], row["policy"])
        for equipment in (equipment_rooms, equipment_bins, equipment_buildings, equipment_bays)
        for row in equipment.SUBJECTS
    )


def simulated_weather(seed: int) -> SimulatedWeather | None:
    """Return who forecasts the weather of the town of this seed, where the settings say that it is simulated."""
    settings = WeatherSettings.from_environment()
    if settings.weather_provider is not WeatherSource.SIMULATED:
        return None
    return SimulatedWeather(settings.model_copy(update={"weather_seed": seed}))


def feed(source: Source, feeding: Feeding, stop: threading.Event, dsn: str | None) -> None:
    """Publish a source until it or ``stop`` ends it.

    With a database, its sensors and subjects are declared there first, and what is already stored is not published
    again.

    Raises
    ------
    Unconfirmed
        If the broker did not confirm everything.
    """
    began = now()
    start = began - feeding.history
    if dsn:
        start = max(start, _declare(dsn, source, feeding.subjects, began))
        if feeding.weather is not None:
            keep_past_weather(dsn, source, feeding.weather, Window(start, began))
    print(f"{len(source.sensors)} sensors, from {start:%Y-%m-%d %H:%M} UTC", flush=True)
    settings = BrokerSettings.from_environment()
    publisher = Publisher(BrokerAddress.parse(settings.broker_url.get_secret_value(), settings.broker_ca_file))
    if not publisher.open(stop):
        return
    try:
        pace = Pace(dsn, stop)
        published = publish_source(source, publisher, PublishPlan(start, began, feeding.speed), pace, stop)
        missing = publisher.drain(DRAIN_S)
    finally:
        publisher.close()
    print(f"{published.messages} messages with {published.readings} readings were published", flush=True)
    if missing:
        raise Unconfirmed(f"the broker did not confirm {missing} of {published.messages} messages")


def _declare(dsn: str, source: Source, subjects: Sequence[Subject], at: datetime) -> datetime:
    """Adopt every sensor of the source, declare what is decided about; return from when on its readings are wanted."""
    with connected(dsn) as connection:
        for sensor in source.sensors:
            declare_sensor(connection, sensor, at)
        for subject in subjects:
            write_subject(connection, subject)
        heard = heard_up_to(connection, [sensor.external_id for sensor in source.sensors])
    return heard - OVERLAP if heard else datetime.min.replace(tzinfo=at.tzinfo)


def keep_past_weather(dsn: str, source: Source, weather: SimulatedWeather, window: Window) -> None:
    """Keep what was forecast of the weather while the history went on."""
    points = commune_points()
    places = [points[commune] for commune in sorted({sensor.site.commune_insee for sensor in source.sensors})]
    with connected(dsn) as connection:
        start = window.start
        while start < window.end:
            part = Window(start, min(start + WEATHER_AT_ONCE, window.end))
            write_weather(connection, weather.issued(places, part), kept_at=window.end)
            start = part.end


class Pace:
    """Says how far the feed is, and holds it back when it is too far ahead of the store.

    A broker takes weeks of history faster than they can be stored, and hands messages over in their order: without a
    bound, a value published now would wait behind all of them. What is stored already, or refused, never counts as
    stored: once the store stands still, all is taken as settled.

    Parameters
    ----------
    dsn
        The store to keep pace with; without one the feed runs as fast as the broker takes it.
    """

    def __init__(self, dsn: str | None, stop: threading.Event) -> None:
        self._dsn = dsn
        self._stop = stop
        self._settled = 0
        self._stored: int | None = None
        self._said_s = monotonic()

    def __call__(self, published: Published) -> None:
        """Hear of what was published, and wait for the store."""
        if monotonic() - self._said_s >= SAY_EVERY_S:
            self._said_s = monotonic()
            _say(published)
        if self._dsn is None or published.readings - self._settled <= AHEAD_READINGS_MAX:
            return
        try:
            with connected(self._dsn) as connection:
                self._wait(connection, published.readings)
        except StoreAbsent:
            self._stop.wait(STILL_S_MAX)

    def _wait(self, connection: Connection, readings: int) -> None:
        moved_s = monotonic()
        while not self._stop.is_set():
            stored = count_stored(connection)
            connection.rollback()
            if stored != self._stored:
                self._settled += 0 if self._stored is None else max(0, stored - self._stored)
                self._stored = stored
                moved_s = monotonic()
            elif monotonic() - moved_s >= STILL_S_MAX:
                self._settled = readings
            if readings - self._settled <= AHEAD_READINGS_MAX:
                return
            self._stop.wait(LOOK_EVERY_S)


def _say(published: Published) -> None:
    until = f"{published.until:%Y-%m-%d %H:%M} UTC" if published.until else "the start"
    print(f"{published.messages} messages, {published.readings} readings published, up to {until}", flush=True)
