from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from core.clock import Window
from core.places import Sensor, SensorKind, Site
from core.readings import Delivery
from ingestors.decoders.frame import Decoded
from ingestors.decoders.senml import decode_senml
from ingestors.publish import Published, PublishPlan, publish_source

START = datetime(2026, 3, 2, tzinfo=UTC)
NOW = START + timedelta(hours=1)
MINUTE = timedelta(minutes=1)


@dataclass
class TwoRooms:
    """Two sensors, two metrics each, every minute."""

    sensors: Sequence[Sensor] = tuple(
        Sensor(f"room-{number}", SensorKind.INDOOR_AIR, "Room", Site("75056", "s", "S")) for number in (1, 2)
    )

    def deliveries(self, window: Window) -> Iterator[Delivery]:
        """Yield two values a minute of each."""
        at = START
        while at < window.end:
            for metric, value in (("co2_ppm", 500.0), ("temperature_c", 20.0)):
                for sensor in self.sensors:
                    if at in window:
                        yield Delivery(at, sensor.external_id, metric, at, value)
            at += MINUTE


@dataclass
class Wire:
    """Keeps what is published; sets ``stop`` after ``stop_after`` messages."""

    stop: threading.Event
    stop_after: int
    sent: list[tuple[str, bytes]] = field(default_factory=list)

    def publish(self, topic: str, payload: bytes, stop: threading.Event | None = None) -> bool:
        """Keep one."""
        if stop is not None and stop.is_set():
            return False
        self.sent.append((topic, payload))
        if len(self.sent) >= self.stop_after:
            self.stop.set()
        return True


def test_history_goes_out_in_packs_of_one_sensor_and_instant() -> None:
    stop = threading.Event()
    wire = Wire(stop, 1_000)
    told: list[Published] = []
    published = publish_source(TwoRooms(), wire, PublishPlan(START, NOW, speed=0), told.append, stop)
    assert (published.messages, published.readings, published.until) == (120, 240, NOW)
    assert told[-1] is published
    assert [topic for topic, _ in wire.sent[:2]] == [
        "vigie/v1/75056/indoor_air/room-1/up",
        "vigie/v1/75056/indoor_air/room-2/up",
    ]
    decoded = decode_senml(wire.sent[2][1], NOW)
    assert isinstance(decoded, Decoded)
    assert {(one.metric.name, one.value, one.observed_at) for one in decoded.observations} == {
        ("co2_ppm", 500.0, START + MINUTE),
        ("temperature_c", 20.0, START + MINUTE),
    }


def test_live_follows_the_history_without_a_gap_until_it_is_stopped() -> None:
    stop = threading.Event()
    wire = Wire(stop, 130)
    published = publish_source(TwoRooms(), wire, PublishPlan(START, NOW, speed=600), lambda _: None, stop)
    assert published.messages == len(wire.sent) == 130
    instants = [
        decoded.observations[0].observed_at
        for _, payload in wire.sent
        if isinstance(decoded := decode_senml(payload, NOW), Decoded)
    ]
    assert instants == [START + MINUTE * (number // 2) for number in range(130)]
