from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from core.clock import Window
from core.places import Sensor, SensorKind, Site
from core.readings import Delivery, Heard, Reception
from ingestors.decoders.frame import Decoded
from ingestors.decoders.senml import decode_senml
from ingestors.decoders.the_things_stack import decode_the_things_stack, format_uplink
from ingestors.publish import APPLICATION, Published, PublishPlan, packs, publish_source
from ingestors.topics import Address, Network, parse_topic, things_stack_topic

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


def test_what_a_network_heard_goes_out_as_its_uplink_and_comes_back_as_it_was() -> None:
    heard = Heard(
        "session-1", 7, (Reception("gw-1", -97, 6.5, 2.55, 48.85), Reception("gw-2", -110, -2.0, 2.56, 48.84))
    )
    stored = {"fill_ratio": 0.57, "battery_v": 3.58, "co2_ppm": 612.0, "humidity_ratio": 0.413, "power_kw": 12.25}
    deliveries = [Delivery(START, "bin-1", metric, START, value, heard) for metric, value in stored.items()]
    [pack] = packs(deliveries)
    payload = format_uplink(pack.external_id, pack.observed_at, heard, pack.values)
    decoded = decode_the_things_stack(payload, NOW)
    assert isinstance(decoded, Decoded)
    assert decoded.sender == "bin-1"
    assert decoded.uplink is not None
    assert (decoded.uplink.session, decoded.uplink.f_cnt) == ("session-1", 7)
    values = {one.metric.name: one.value for one in decoded.observations}
    assert values == pytest.approx(stored | {"rssi_dbm": -97, "snr_db": 6.5})
    assert {one.observed_at for one in decoded.observations} == {START}
    assert parse_topic(things_stack_topic(APPLICATION, "bin-1")) == Address(Network.THE_THINGS_STACK, "bin-1")


@dataclass
class Given(TwoRooms):
    """Delivers what it is given."""

    given: Sequence[Delivery] = ()

    def deliveries(self, window: Window) -> Iterator[Delivery]:  # noqa: ARG002 - all at once
        """Yield all of it."""
        yield from self.given


def test_what_nobody_heard_and_what_was_heard_part_ways() -> None:
    heard = Heard("session-1", 7, (Reception("gw-1", -97, 6.5, 2.55, 48.85),))
    given = [Delivery(START, f"room-{number}", "co2_ppm", START, 500.0, way) for number, way in ((1, None), (2, heard))]
    stop = threading.Event()
    wire = Wire(stop, 1_000)
    publish_source(Given(given=given), wire, PublishPlan(START, NOW, speed=0), lambda _: None, stop)
    assert [topic.partition("/")[0] for topic, _ in wire.sent] == ["vigie", "v3"]
