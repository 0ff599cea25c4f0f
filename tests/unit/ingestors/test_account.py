"""Every message has exactly one outcome, and every reading is counted once, whatever comes together in a batch."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.metrics import Family
from core.places import Sensor, SensorKind, Site
from core.readings import Arrival, BatchOutcome, Message, Reason
from ingestors.adopted import Known
from ingestors.batch import Account, Outcome, account_of
from ingestors.pipeline import Examined, examine
from ingestors.sift import Sifted, sift
from ingestors.validate import Limits

CAPTURES = Path(__file__).resolve().parents[2] / "captures"
AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
LIMITS = Limits(payload_bytes_max=2_000, kept_bytes_max=300, future_max=timedelta(seconds=300))
NATIVE = "vigie/v1/93066/indoor_air/room-1/up"
CHIRPSTACK = "application/1/device/room-1/event/up"
SENSOR = Sensor("room-1", SensorKind.INDOOR_AIR, "Room", Site("93066", "s", "S"), sensor_id=1)
STACK_SENSOR = replace(SENSOR, external_id="eui-0004a30b001c0530", sensor_id=2)


class Adopted:
    """Two adopted sensors."""

    def named(self, external_id: str) -> Known | None:
        """Look one up."""
        found = {one.external_id: one for one in (SENSOR, STACK_SENSOR)}.get(external_id)
        return Known(found, {"93066": None}) if found else None


def native(*values: float, at: datetime = AT, topic: str = NATIVE) -> Message:
    """Return a pack: each value is carbon dioxide, a second after the one before."""
    records = [
        {"n": "co2", "u": "ppm", "v": value, "t": at.timestamp() + number} for number, value in enumerate(values)
    ]
    payload = json.dumps(records).encode()
    return Message(topic, payload, AT, len(payload))


def chirpstack(f_port: int, **fields: object) -> Message:
    event = {"deviceInfo": {"devEui": "room-1"}, "time": AT.isoformat(), "devAddr": "00189440", "fCnt": 7}
    payload = json.dumps(event | {"fPort": f_port, "data": "qg==", "object": fields}).encode()
    return Message(CHIRPSTACK, payload, AT, len(payload))


def capture(name: str) -> Message:
    payload = (CAPTURES / "the_things_stack" / name).read_bytes()
    return Message("v3/ecoles@vigie/devices/eui-0004a30b001c0530/up", payload, AT, len(payload))


MESSAGES = [
    native(500),
    native(500, 600, 700),
    native(500, 99_999, 700),
    native(99_999),
    native(500, at=AT - timedelta(days=500)),
    native(500, at=AT + timedelta(days=1)),
    native(500, topic=NATIVE.replace("room-1", "room-9")),
    native(500, topic=NATIVE.replace("93066", "75056")),
    replace(native(500), flooded=True),
    replace(native(500, 600), payload=b"x" * 3_000, size_bytes=3_000),
    chirpstack(1, co2=500, temperature=20, humidity="none"),
    chirpstack(1),
    chirpstack(0),
    capture("service_frame.json"),
    capture("undecoded.json"),
    capture("simulated.json"),
    Message("elsewhere", b"", AT, 0),
]
messages = st.lists(st.sampled_from(MESSAGES), max_size=12)


@dataclass
class Told:
    """A batch, what the store is made to say of it, and the account of it."""

    examined: Sequence[Examined]
    sifted: Sifted
    outcome: BatchOutcome
    again: set[int]
    account: Account

    def is_new(self, number: int) -> bool:
        """Whether the store took a reading of this message."""
        left_out = {*self.outcome.duplicates.tolist(), *self.outcome.conflicts.tolist()}
        positions = np.flatnonzero(self.sifted.message == number).tolist()
        return any(position not in left_out for position in positions)

    def is_conflicting(self, number: int) -> bool:
        """Whether a reading of this message met another value."""
        return number in self.sifted.message[self.outcome.conflicts]


def settled(given_messages: Sequence[Message], choice: st.DataObject | None = None) -> Told:
    """Settle messages as the writer does, the store's answers drawn by ``choice``; without it, all is new."""
    examined = [examine(one, Adopted(), LIMITS) for one in given_messages]
    sifted = sift(examined, LIMITS, Arrival.LIVE)
    again: set[int] = set()
    duplicates: list[int] = []
    conflicts: list[int] = []
    if choice is not None and examined:
        again = choice.draw(st.sets(st.integers(0, len(examined) - 1)))
    sifted = sifted.where(~np.isin(sifted.message, list(again)))
    if choice is not None:
        fates = choice.draw(
            st.lists(st.sampled_from("sdc"), min_size=len(sifted.message), max_size=len(sifted.message))
        )
        duplicates = [position for position, fate in enumerate(fates) if fate == "d"]
        conflicts = [position for position, fate in enumerate(fates) if fate == "c"]
    outcome = BatchOutcome.of(len(sifted.message), duplicates, conflicts)
    return Told(examined, sifted, outcome, again, account_of(examined, sifted, outcome, again))


def expected(told: Told, number: int) -> Outcome:
    """Say what became of a message, one rule after the other."""
    one = told.examined[number]
    if number in told.again:
        return Outcome.DUPLICATE
    if told.is_new(number) or (one.is_heard_only and not one.refusals):
        return Outcome.STORED
    if one.refusals:
        flooded = [refusal.reason for refusal in one.refusals] == [Reason.FLOODED]
        return Outcome.QUARANTINED if flooded else Outcome.REJECTED
    if told.is_conflicting(number):
        return Outcome.REJECTED
    return Outcome.ASIDE if one.aside is not None else Outcome.DUPLICATE


def test_the_messages_come_to_every_outcome() -> None:
    told = settled(MESSAGES)
    assert {*told.account.outcomes, Outcome.DUPLICATE} == set(Outcome)
    assert len({tuple(one.reason for one in message.refusals) for message in told.examined}) >= 8


@given(messages, st.data())
def test_every_message_has_one_outcome(batch: list[Message], choice: st.DataObject) -> None:
    told = settled(batch, choice)
    account = told.account
    assert account.outcomes == [expected(told, number) for number in range(len(batch))]
    assert account.messages == Counter(account.outcomes)
    assert account.messages.total() == len(batch)


@given(messages, st.data())
def test_every_reading_is_counted_once(batch: list[Message], choice: st.DataObject) -> None:
    told = settled(batch, choice)
    # What the decoder refused by itself is no observation; the sieve's refusals are of observations.
    refused_before = [examine(one, Adopted(), LIMITS).refused_readings for one in batch]
    observed = sum(len(one.observations) for one in told.examined)
    refused = sum(count for number, count in enumerate(refused_before) if number not in told.again)
    assert told.account.readings.total() == observed + refused
    assert told.account.readings[Outcome.STORED] == told.outcome.stored
    assert told.account.places.total() == len(told.sifted.message)
    assert {outcome for outcome, _ in told.account.places} <= {Outcome.STORED, Outcome.DUPLICATE, Outcome.REJECTED}
    assert told.account.reasons[Reason.CONFLICT] == len(told.outcome.conflicts)


@given(messages, messages)
def test_two_halves_make_the_account_of_the_whole(first: list[Message], second: list[Message]) -> None:
    whole, halves = settled([*first, *second]).account, settled(first).account
    halves.add(settled(second).account)
    assert halves == whole


@pytest.mark.parametrize("name", ["service_frame.json", "service_frame_bytes.json"])
def test_a_service_frame_is_heard_and_no_rejection(name: str) -> None:
    told = settled([capture(name)])
    [one] = told.examined
    assert one.uplink is not None
    assert (one.observations, one.rejections(), one.aside) == ((), [], None)
    assert told.account.outcomes == [Outcome.STORED]
    assert told.account.readings.total() == 0
    assert account_of(told.examined, told.sifted, told.outcome, {0}).outcomes == [Outcome.DUPLICATE]


def test_a_service_frame_never_reaches_the_decoder_of_the_device() -> None:
    # Two bytes of MAC commands: on another port, the decoder of this model would judge them.
    class Elsys(Adopted):
        def named(self, external_id: str) -> Known | None:
            known = super().named(external_id)
            return known and replace(known, sensor=replace(known.sensor, model="elsys-ers-co2"))

    service = examine(capture("service_frame_bytes.json"), Elsys(), LIMITS)
    other_port = examine(capture("undecoded.json"), Elsys(), LIMITS)
    assert (service.refusals, service.sender.decoder.split("/")[0]) == ([], "the_things_stack")
    assert ([one.reason for one in other_port.refusals], other_port.sender.decoder.split("/")[0]) == (
        [Reason.MALFORMED],
        "elsys-ers-co2",
    )


def test_a_service_frame_without_a_session_leaves_no_trace() -> None:
    message = capture("service_frame.json")
    envelope = json.loads(message.payload)
    del envelope["uplink_message"]["session_key_id"], envelope["end_device_ids"]["dev_addr"]
    assert settled([replace(message, payload=json.dumps(envelope).encode())]).account.outcomes == [Outcome.DUPLICATE]


def test_a_service_frame_of_a_stranger_waits_for_its_sensor() -> None:
    message = capture("service_frame.json")
    stranger = replace(
        message,
        topic=message.topic.replace("1c0530", "1c0531"),
        payload=message.payload.replace(b"1c0530", b"1c0531"),
    )
    assert settled([stranger]).account.outcomes == [Outcome.ASIDE]


def test_places_say_commune_and_family_and_the_newest_instant_is_told() -> None:
    account = settled([native(500, 600), native(700, at=AT + timedelta(seconds=30))]).account
    assert account.places == {(Outcome.STORED, ("93066", Family.AIR)): 3}
    assert account.newest_observed_at == AT + timedelta(seconds=30)
