"""Publishing a source over MQTT as its sensors would: its history as fast as the broker takes, then live."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from time import monotonic
from typing import Protocol

from core.clock import Window
from core.metrics import METRICS, Metric
from core.readings import Delivery, Source
from ingestors.decoders.senml import format_pack
from ingestors.topics import uplink_topic

LIVE_EVERY_S = 0.5
PROGRESS_READINGS = 500


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

    Readings of one sensor, one instant and one delivery travel in one SenML pack. ``progress`` hears of every 500
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
        for external_id, deliver_at, observed_at, values in packs(deliveries):
            payload = format_pack(observed_at, values)
            if self.stop.is_set() or not self.outlet.publish(self.topics[external_id], payload, self.stop):
                return
            self.published.messages += 1
            self.published.readings += len(values)
            self.published.until = deliver_at
            if self.published.readings - self.told >= PROGRESS_READINGS:
                self.told = self.published.readings
                self.progress(self.published)


def packs(
    deliveries: Iterable[Delivery],
) -> Iterator[tuple[str, datetime, datetime, list[tuple[Metric, float]]]]:
    """Yield (external id, delivered at, observed at, values), one for each sensor and instant of a delivery time.

    The source's order is kept between sensors and between instants; a metric said twice goes into two packs.
    """
    for deliver_at, same in groupby(deliveries, key=lambda one: one.deliver_at):
        grouped: dict[tuple[str, datetime, int], list[tuple[Metric, float]]] = {}
        said: dict[tuple[str, datetime, str], int] = {}
        for one in same:
            times = said.setdefault((one.external_id, one.observed_at, one.metric), 0)
            said[one.external_id, one.observed_at, one.metric] = times + 1
            grouped.setdefault((one.external_id, one.observed_at, times), []).append((METRICS[one.metric], one.value))
        for (external_id, observed_at, _), values in grouped.items():
            yield external_id, deliver_at, observed_at, values
