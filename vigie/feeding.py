"""Feeding the platform over MQTT: a simulated town or replayed files, declared when asked, then published."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.clock import now
from core.decisions import Subject
from core.errors import VigieError
from core.readings import Source
from core.settings import BrokerSettings
from core.store.decisions import write_subject
from core.store.pool import connected
from core.store.sensors import declare_sensor
from core.store.status import newest_observed_at
from ingestors.broker import BrokerAddress, Publisher
from ingestors.publish import Published, PublishPlan, publish_source
from models.simulation import equipment_bays, equipment_bins, equipment_buildings, equipment_rooms

OVERLAP = timedelta(hours=12)
"""What is published again after a restart: late deliveries under way ended with the feeder; twice counts once."""
DRAIN_S = 60.0


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
    """

    history: timedelta
    speed: float = 1.0
    subjects: tuple[Subject, ...] = ()


def town_subjects() -> tuple[Subject, ...]:
    """Return what is decided about in the simulated town, with its equipment as policies."""
    return tuple(
        Subject(row["kind"], row["code"], row["commune_insee"], row["name"], row["policy"])
        for equipment in (equipment_rooms, equipment_bins, equipment_buildings, equipment_bays)
        for row in equipment.SUBJECTS
    )


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
    print(f"{len(source.sensors)} sensors, from {start:%Y-%m-%d %H:%M} UTC", flush=True)
    settings = BrokerSettings.from_environment()
    publisher = Publisher(BrokerAddress.parse(settings.broker_url.get_secret_value(), settings.broker_ca_file))
    if not publisher.open(stop):
        return
    try:
        published = publish_source(source, publisher, PublishPlan(start, began, feeding.speed), _say, stop)
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
        newest = newest_observed_at(connection, [sensor.external_id for sensor in source.sensors])
    return newest - OVERLAP if newest else datetime.min.replace(tzinfo=at.tzinfo)


def _say(published: Published) -> None:
    until = f"{published.until:%Y-%m-%d %H:%M} UTC" if published.until else "the start"
    print(f"{published.messages} messages, {published.readings} readings published, up to {until}", flush=True)
