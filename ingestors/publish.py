"""Publishing a source over MQTT as its sensors would: its history as fast as the broker takes, then live."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from time import monotonic
from typing import NamedTuple, Protocol

from core.clock import Window
from core.metrics import METRICS, Metric
from core.readings import Delivery, Heard, Source
from ingestors.decoders.senml import format_pack
from ingestors.decoders.the_things_stack import format_uplink
from ingestors.topics import things_stack_topic, uplink_topic

LIVE_EVERY_S = 0.5
PROGRESS_READINGS = 500
APPLICATION = "vigie@simulation"
"""Whose uplinks a source's are, where they come by LoRaWAN: no network server has such a tenant."""


class Outlet(Protocol):
    """Where messages go: a `ingestors.broker.Publisher`."""

    def publish(self, topic: str, payload: bytes, stop: threading.Event | None = None) -> bool:
        """Publish one message, waiting for room; False when ``stop`` was set first."""
        ...


@dataclass(frozen=True, slots=True)
class PublishPlan:
    """When a source is published.

    Parameters
    ----------
    start, now
        The history is ``[start, now)``; live begins at ``now``.
    speed
        Seconds of the source per second of ours once live; 0 ends after the history. Above 1 the sensors'
        clock runs ahead of ours, and ingest refuses what is further ahead than ``VIGIE_FUTURE_S_MAX``.
    """

    start: datetime
    now: datetime
    speed: float = 1.0


@dataclass(slots=True)
class Published:
    """How much was published, and up to which instant of the source."""

    messages: int = 0
    readings: int = 0
    until: datetime | None = None


Progress = Callable[[Published], None]


def publish_source(
    source: Source, outlet: Outlet, plan: PublishPlan, progress: Progress, stop: threading.Event
) -> Published:
    """Publish a source until it ends, or until ``stop``.

    Readings of one sensor, one instant and one delivery travel in one message: a SenML pack, or an uplink of The
    Things Stack where a LoRaWAN network heard them. ``progress`` hears of every 500
    readings and of the end; nothing is published before it returns, so it may hold the source back.

    Returns
    -------
    Published
        What was handed to the broker's client; its `drain` says what is confirmed.
    """
    run = _Run(outlet, {sensor.external_id: uplink_topic(sensor) for sensor in source.sensors}, progress, stop)
    run.publish(source.deliveries(Window(plan.start, plan.now)))
    run.published.until = plan.now
    progress(run.published)
    if plan.speed <= 0:
        return run.published
    began_s = monotonic()
    reached = plan.now
    while not stop.wait(LIVE_EVERY_S):
        until = plan.now + timedelta(seconds=(monotonic() - began_s) * plan.speed)
        run.publish(source.deliveries(Window(reached, until)))
        run.published.until = reached = until
    progress(run.published)
    return run.published


@dataclass(slots=True)
class _Run:
    outlet: Outlet
    topics: dict[str, str]
    progress: Progress
    stop: threading.Event
    published: Published = field(default_factory=Published)
    told: int = 0

    def publish(self, deliveries: Iterable[Delivery]) -> None:
        for pack in packs(deliveries):
            topic, payload = self._message(pack)
            if self.stop.is_set() or not self.outlet.publish(topic, payload, self.stop):
                return
            self.published.messages += 1
            self.published.readings += len(pack.values)
            self.published.until = pack.deliver_at
            if self.published.readings - self.told >= PROGRESS_READINGS:
                self.told = self.published.readings
                self.progress(self.published)

    def _message(self, pack: Pack) -> tuple[str, bytes]:
        """Return topic and payload: a network's uplink where one heard it, else our own."""
        if pack.heard is None:
            return self.topics[pack.external_id], format_pack(pack.observed_at, pack.values)
        payload = format_uplink(pack.external_id, pack.observed_at, pack.heard, pack.values)
        return things_stack_topic(APPLICATION, pack.external_id), payload


class Pack(NamedTuple):
    """What a sensor says at one instant, in one message."""

    external_id: str
    deliver_at: datetime
    observed_at: datetime
    heard: Heard | None
    values: list[tuple[Metric, float]]


def packs(deliveries: Iterable[Delivery]) -> Iterator[Pack]:
    """Yield what deliveries come to as messages: one for each sensor and instant of a delivery time.

    The source's order is kept between sensors and between instants; a metric said twice goes into two packs.
    """
    for deliver_at, same in groupby(deliveries, key=lambda one: one.deliver_at):
        grouped: dict[tuple[str, datetime, int], Pack] = {}
        said: dict[tuple[str, datetime, str], int] = {}
        for one in same:
            times = said.setdefault((one.external_id, one.observed_at, one.metric), 0)
            said[one.external_id, one.observed_at, one.metric] = times + 1
            pack = Pack(one.external_id, deliver_at, one.observed_at, one.heard, [])
            key = one.external_id, one.observed_at, times
            grouped.setdefault(key, pack).values.append((METRICS[one.metric], one.value))
        yield from grouped.values()
