"""A day out of order, with copies and two days late, comes to the same as in order, in every table."""

from __future__ import annotations

import json
import os
import random
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from core.clock import Window
from core.places import Sensor
from core.readings import ARRIVAL_FLAGS, Message, Source
from core.store.pool import connected
from core.store.sensors import adopt_sensor
from ingestors.adopted import AdoptedSensors
from ingestors.batch import BatchWriter
from ingestors.decoders.fields import FIELDS
from ingestors.decoders.senml import format_pack
from ingestors.publish import packs
from ingestors.replay import ReplayFiles
from ingestors.topics import uplink_topic
from ingestors.units import CONVERSIONS
from ingestors.validate import Limits
from models.simulation.town import Town
from services.quality import judge_touched
from vigie.embedded import DatabaseServer

pytestmark = pytest.mark.integration

DAY = Window(datetime(2026, 3, 3, tzinfo=UTC), datetime(2026, 3, 4, tzinfo=UTC))
LIMITS = Limits(262_144, 16_384, timedelta(seconds=300))
BATCH_MESSAGES = 400
COPIES = 0.10
LATE = 0.05
REAL = Path(os.environ.get("VIGIE_REAL_DATA_DIR", Path(__file__).parents[3] / "shared" / "data"))
REAL_FOLDERS = ("energy/cambridge_estates", "indoor_air/robod", "mobility")
_CODEC_NAMES = {metric: name for name, (metric, unit) in FIELDS.items() if CONVERSIONS[metric].get(unit) == (1.0, 0.0)}

_READINGS = """
    SELECT external_id, metric, observed_at, value, quality, flags & ~%(arrival)s::smallint
      FROM {table} JOIN series USING (series_id) JOIN sensor USING (sensor_id) ORDER BY 1, 2, 3
"""
# Sums are taken in another order, and differ in the thirteenth digit.
_TABLES = {
    "readings": _READINGS.replace("{table}", "reading"),
    "latest values": _READINGS.replace("{table}", "latest"),
    "ledger": """
        SELECT external_id, session, f_cnt, observed_at
          FROM frame JOIN sensor USING (sensor_id) ORDER BY 1, 2, 3, 4
    """,
    "rejections": "SELECT reason, external_id, topic, payload, detail, decoder FROM rejection ORDER BY 1, 2, 3, 4",
    "roll-ups": """
        SELECT external_id, metric, hour, count, good, slots, round(mean::numeric, 6), low, high, last,
               round(increment::numeric, 6)
          FROM rollup_hour JOIN series USING (series_id) JOIN sensor USING (sensor_id) ORDER BY 1, 2, 3
    """,
}


@pytest.fixture
def other_database_url(database_server: DatabaseServer, template: str) -> Iterator[str]:
    """A second fresh migrated database."""
    name = f"shuffled_{uuid.uuid4().hex}"
    yield database_server.create(name, template=template)
    database_server.drop(name)


def messages_of(source: Source) -> list[Message]:
    """Return a day of a source as its sensors send it: every third over ChirpStack, and now and then a bad one."""
    sensors = {sensor.external_id: sensor for sensor in source.sensors}
    over_network = {external_id for number, external_id in enumerate(sensors) if number % 3 == 0}
    counters = dict.fromkeys(sensors, 0)
    messages = []
    for external_id, deliver_at, observed_at, _, values in packs(source.deliveries(DAY)):
        counters[external_id] += 1
        names = {_CODEC_NAMES.get(metric.name): value for metric, value in values}
        if external_id in over_network and None not in names:
            frame = {
                "time": observed_at.isoformat(),
                "deviceInfo": {"devEui": external_id},
                "devAddr": "00189440",
                "fCnt": counters[external_id],
                "object": names,
            }
            topic, payload = f"application/vigie/device/{external_id}/event/up", json.dumps(frame).encode()
        else:
            topic, payload = uplink_topic(sensors[external_id]), format_pack(observed_at, values)
        if counters[external_id] % 20 == 19:
            payload = payload[:-1]
        messages.append(Message(topic, payload, deliver_at, len(payload)))
    return messages


def shuffled(messages: Sequence[Message], chance: random.Random) -> list[list[Message]]:
    """Return the messages in two lots, each out of order: the day's, some twice, and those that come two days late."""
    late = [one for one in messages if chance.random() < LATE]
    postponed = {id(one) for one in late}
    on_time = [one for one in messages if id(one) not in postponed]
    on_time += chance.sample(messages, int(COPIES * len(messages)))
    chance.shuffle(on_time)
    chance.shuffle(late)
    return [
        [replace(one, received_at=at) for one in lot]
        for lot, at in ((on_time, DAY.end), (late, DAY.end + timedelta(days=2)))
    ]


def take_in(database_url: str, sensors: Sequence[Sensor], lots: Sequence[Sequence[Message]]) -> dict[str, list[Any]]:
    """Write lots of messages batch by batch, judging after each, and return what every table holds."""
    with connected(database_url) as connection:
        for sensor in sensors:
            adopt_sensor(connection, sensor, DAY.start)
        connection.commit()
        connection.autocommit = True
        adopted = AdoptedSensors()
        adopted.refresh(connection)
        writer = BatchWriter(connection, adopted, LIMITS)
        for lot in lots:
            for start in range(0, len(lot), BATCH_MESSAGES):
                batch = lot[start : start + BATCH_MESSAGES]
                writer.write(batch, max(one.received_at for one in batch))
                while judge_touched(connection).hours_touched:
                    continue
        arrival = {"arrival": int(ARRIVAL_FLAGS)}
        return {what: connection.execute(query.encode(), arrival).fetchall() for what, query in _TABLES.items()}


def expect_the_same(source: Source, database_url: str, other_database_url: str) -> int:
    """Take a day in, in order and shuffled; return how many messages it has."""
    messages = messages_of(source)
    in_order = take_in(database_url, source.sensors, [messages])
    chance = random.Random(7)  # noqa: S311 - the same disorder at each run
    out_of_order = take_in(other_database_url, source.sensors, shuffled(messages, chance))
    for what, rows in in_order.items():
        assert rows, f"the day has no {what}"
        assert out_of_order[what] == rows, what
    return len(messages)


def test_a_simulated_day_out_of_order(database_url: str, other_database_url: str) -> None:
    assert expect_the_same(Town(seed=7), database_url, other_database_url) > 5_000


@pytest.mark.real_data
@pytest.mark.skipif(not REAL.exists(), reason=f"no real readings at {REAL}")
def test_a_day_of_real_readings_out_of_order(database_url: str, other_database_url: str) -> None:
    files = ReplayFiles(
        [REAL / name for name in REAL_FOLDERS], commune="93066", now=DAY.end, history=timedelta(days=28)
    )
    assert expect_the_same(files, database_url, other_database_url) > 700
