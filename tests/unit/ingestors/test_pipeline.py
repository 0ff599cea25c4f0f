from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.metrics import METRICS
from core.places import Sensor, SensorKind, Site
from core.readings import Batch, BatchOutcome, Message, Reading, Reason
from ingestors.adopted import Known
from ingestors.batch import Outcome, account_of
from ingestors.decoders.senml import format_pack
from ingestors.pipeline import Examined, cut, examine
from ingestors.validate import Limits

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
LIMITS = Limits(payload_bytes_max=2_000, kept_bytes_max=300, future_max=timedelta(seconds=300))
SENSOR = Sensor("room-1", SensorKind.INDOOR_AIR, "Room", Site("93066", "s", "S"), sensor_id=1)
TOPIC = "vigie/v1/93066/indoor_air/room-1/up"


@dataclass
class Adopted:
    """One adopted sensor."""

    sensors: Sequence[Sensor] = (SENSOR,)

    def named(self, external_id: str) -> Known | None:
        """Look it up."""
        found = next((one for one in self.sensors if one.external_id == external_id), None)
        return Known(found, {found.site.commune_insee: None}) if found else None


def examined(payload: bytes, topic: str = TOPIC) -> Examined:
    return examine(Message(topic, payload, AT, len(payload)), Adopted(), LIMITS)


def co2(value: float, at: datetime = AT) -> bytes:
    return format_pack(at, [(METRICS["co2_ppm"], value)])


def reasons(one: Examined) -> list[Reason]:
    return [rejection.reason for rejection in one.rejections]


@pytest.mark.parametrize(
    ("taken", "refused", "reason"),
    [
        (co2(300), co2(299.9), Reason.OUT_OF_BOUNDS),
        (co2(40_000), co2(40_000.1), Reason.OUT_OF_BOUNDS),
        (co2(500, AT + timedelta(seconds=300)), co2(500, AT + timedelta(seconds=301)), Reason.IN_FUTURE),
        (
            co2(500, datetime(2000, 1, 1, tzinfo=UTC)),
            co2(500, datetime(1999, 12, 31, 23, 59, 59, tzinfo=UTC)),
            Reason.TOO_OLD,
        ),
    ],
)
def test_the_neighbours_of_a_bound(taken: bytes, refused: bytes, reason: Reason) -> None:
    assert (len(examined(taken).observations), reasons(examined(taken))) == (1, [])
    assert (len(examined(refused).observations), reasons(examined(refused))) == (0, [reason])


def test_a_bad_reading_is_refused_alone() -> None:
    one = examined(format_pack(AT, [(METRICS["co2_ppm"], 99_999.0), (METRICS["temperature_c"], 20.0)]))
    assert [observation.metric.name for observation in one.observations] == ["temperature_c"]
    assert reasons(one) == [Reason.OUT_OF_BOUNDS]
    assert one.rejections[0].commune_insee == "93066"
    assert one.rejections[0].external_id == "room-1"


def test_many_bad_readings_of_one_message_make_one_row() -> None:
    records = [{"n": "co2", "u": "ppm", "v": 1, "t": 1_772_442_000 + number} for number in range(20)]
    one = examined(json.dumps(records).encode())
    assert reasons(one) == [Reason.OUT_OF_BOUNDS]
    assert one.refused_readings == 20
    assert one.rejections[0].detail.endswith("(and 17 more)")


@pytest.mark.parametrize(
    "topic", [TOPIC.replace("93066", "75056"), TOPIC.replace("indoor", "outdoor"), "vigie/elsewhere"]
)
def test_another_commune_or_kind_than_the_sensor_has_is_a_wrong_topic(topic: str) -> None:
    assert reasons(examined(co2(500), topic)) == [Reason.WRONG_TOPIC]


def test_the_payload_of_another_device_is_a_wrong_topic() -> None:
    event = {"deviceInfo": {"devEui": "room-2"}, "time": AT.isoformat(), "object": {"co2": 500}}
    assert reasons(examined(json.dumps(event).encode(), "application/1/device/room-1/event/up")) == [Reason.WRONG_TOPIC]
    event["deviceInfo"] = {"devEui": "ROOM-1"}
    assert len(examined(json.dumps(event).encode(), "application/1/device/room-1/event/up").observations) == 1


def test_an_unknown_sensor_is_kept_aside_whole_but_not_its_nonsense() -> None:
    topic = TOPIC.replace("room-1", "room-9")
    payload = co2(500) + b" " * 1_000
    aside = examined(payload, topic).aside
    assert aside is not None
    assert (aside.external_id, aside.message.payload) == ("room-9", payload)
    assert reasons(examined(b"nonsense", topic)) == [Reason.MALFORMED]


def test_the_size_limit_and_what_is_kept() -> None:
    padded = co2(500).ljust(2_000)
    assert len(examined(padded).observations) == 1
    large = examined(padded + b" ")
    assert reasons(large) == [Reason.TOO_LARGE]
    assert (len(large.rejections[0].message.payload), large.rejections[0].message.size_bytes) == (300, 2_001)


def test_texts_that_postgresql_cannot_keep_are_mended() -> None:
    kept = cut(Message("a\0\ud800", b"", AT, 0, {"\0": "\ud800"}), LIMITS)
    assert "\0" not in kept.topic + "".join(kept.properties)
    (kept.topic + "".join(kept.properties.values())).encode()


@given(
    st.lists(
        st.tuples(st.lists(st.sampled_from(["stored", "duplicate", "conflict"]), max_size=4), st.booleans()), max_size=8
    )
)
def test_every_message_has_one_outcome_and_every_reading_is_counted(plan: list[tuple[list[str], bool]]) -> None:
    refused = examined(b"?").rejections
    kept = Message(TOPIC, b"", AT, 0)
    whole = [
        Examined(kept, rejections=refused if bad or not fates else (), refused_readings=int(bad)) for fates, bad in plan
    ]
    fates = [fate for one, _ in plan for fate in one]
    owners = [number for number, (one, _) in enumerate(plan) for _ in one]
    batch = Batch(AT, readings=[Reading(1, AT, 1.0) for _ in fates])
    outcome = BatchOutcome(
        fates.count("stored"),
        frozenset(position for position, fate in enumerate(fates) if fate == "duplicate"),
        frozenset(position for position, fate in enumerate(fates) if fate == "conflict"),
    )
    account = account_of(whole, batch, owners, outcome)
    assert account.messages.total() == len(plan)
    assert account.readings.total() == len(fates) + sum(bad for _, bad in plan)
    assert account.readings[Outcome.STORED] == fates.count("stored")
    for (one, bad), expected in zip(plan, [1] * len(plan), strict=True):
        single = [Examined(kept, rejections=refused if bad or not one else ())]
        alone = account_of(
            single,
            Batch(AT, readings=[Reading(1, AT, 1.0) for _ in one]),
            [0] * len(one),
            BatchOutcome(
                one.count("stored"),
                frozenset(position for position, fate in enumerate(one) if fate == "duplicate"),
                frozenset(position for position, fate in enumerate(one) if fate == "conflict"),
            ),
        )
        assert alone.messages.total() == expected
        if "stored" in one:
            assert alone.messages[Outcome.STORED] == 1
        elif bad or "conflict" in one or not one:
            assert alone.messages[Outcome.REJECTED] == 1
        else:
            assert alone.messages[Outcome.DUPLICATE] == 1
