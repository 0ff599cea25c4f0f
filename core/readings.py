"""What came in: readings, and the messages that were refused or kept aside. Values, never exceptions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, IntFlag, StrEnum
from typing import NamedTuple, Protocol

import numpy as np

from core.clock import Window
from core.columns import Columns, Ints
from core.places import Sensor


class Quality(IntEnum):
    """How far a stored reading can be trusted."""

    GOOD = 0
    SUSPECT = 1
    BAD = 2


class Flag(IntFlag):
    """Why a stored reading is not simply good; several may be set. Stored as they are numbered."""

    BOUNDS = 1
    """Possible, but outside what the metric shows in practice."""
    STEP = 2
    """Jumps from the reading before, faster than the metric can move."""
    STUCK = 4
    """One of a run of equal values that is too long to be true."""
    SPIKE = 8
    """Leaves its neighbours on both sides, and they agree with each other."""
    STALE = 16
    """Came live, but long after it was observed. Says nothing against the value."""
    UNCALIBRATED = 32
    """The last calibration of its series is older than the metric allows."""
    DUPLICATE_TIME = 64
    """Another value was given for the same instant (kept as a rejection ``conflict``)."""
    CLOCK = 128
    """The sensor's own clock was ahead of ours, within the tolerance."""
    RESET = 256
    """A cumulative index began again from zero here."""
    ROLL_OVER = 512
    """A cumulative index passed its last digit here."""
    BACK_STEP = 1024
    """A cumulative index went back a little here: counted as no increment."""


NO_FLAG = Flag(0)
ARRIVAL_FLAGS = Flag.STALE | Flag.DUPLICATE_TIME | Flag.CLOCK
"""Set when a reading arrives; the others follow from the values and their times alone, whenever they are judged."""


class Arrival(StrEnum):
    """By which path a message came."""

    LIVE = "live"
    BACKFILLED = "backfilled"
    """Fetched from a network server's store, to fill a gap."""
    IMPORTED = "imported"
    """Read from a file that a person gave."""
    REPLAYED = "replayed"
    """A rejection, or what was kept aside, through the present decoders."""


class Reason(StrEnum):
    """Why a message, or one of its readings, was refused."""

    MALFORMED = "malformed"
    """The payload is not what its topic promises: no JSON, no SenML, no envelope."""
    TOO_LARGE = "too_large"
    """The payload is over the limit of bytes; its beginning is kept."""
    WRONG_TOPIC = "wrong_topic"
    """The topic is none of ours, or names another commune or kind than the sensor has."""
    UNKNOWN_METRIC = "unknown_metric"
    UNKNOWN_UNIT = "unknown_unit"
    """The unit is missing, unknown, or not one of this metric."""
    OUT_OF_BOUNDS = "out_of_bounds"
    """The value is physically impossible."""
    IN_FUTURE = "in_future"
    """Observed later than now, beyond the tolerance."""
    TOO_OLD = "too_old"
    """Observed before the oldest instant that Vigie takes."""
    CONFLICT = "conflict"
    """Another value of this series at this instant is already stored; the first one stays."""
    NO_READING = "no_reading"
    """Well formed, but without any reading that Vigie knows."""
    FLOODED = "flooded"
    """Quarantined: its sensor or commune sent more than the flood gate lets through. Not decoded; can be replayed."""
    RETIRED = "retired"
    """Observed after its sensor was retired, or by a device after it was replaced."""
    DECODER_FAILED = "decoder_failed"
    """The decoder broke on it: a mistake of ours. Kept whole; can be replayed once it is mended."""
    SIMULATED_UPLINK = "simulated_uplink"
    """The network server says it simulated the message (The Things Stack ``simulated: true``)."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One value of one series.

    Parameters
    ----------
    observed_at
        When it was true, aware UTC, from the payload or the network server.
    value
        In the stored unit of the series' metric.
    """

    series_id: int
    observed_at: datetime
    value: float
    quality: Quality = Quality.GOOD
    flags: Flag = NO_FLAG


class Reception(NamedTuple):
    """How one gateway heard a frame: level (dBm) and signal to noise ratio (dB), and where the gateway stands.

    None where the network server does not say.
    """

    gateway: str
    rssi_dbm: float | None = None
    snr_db: float | None = None
    longitude: float | None = None
    latitude: float | None = None


@dataclass(frozen=True, slots=True)
class Heard:
    """How a LoRaWAN network heard a frame: its identity there, and by which gateways."""

    session: str
    f_cnt: int
    receptions: tuple[Reception, ...]


@dataclass(frozen=True, slots=True)
class Delivery:
    """A reading as a simulated or replayed sensor publishes it.

    Parameters
    ----------
    deliver_at
        When it is published: not before it was observed; later for a late one.
    metric
        Name of the metric; ``value`` is in its stored unit.
    heard
        By which radio it came, where it came by LoRaWAN: it is then published as the network's uplink.
    """

    deliver_at: datetime
    external_id: str
    metric: str
    observed_at: datetime
    value: float
    heard: Heard | None = None


class Source(Protocol):
    """What can be published over MQTT as if its sensors stood in the field: a simulated town, replayed files."""

    @property
    def sensors(self) -> Sequence[Sensor]:
        """The sensors that publish."""
        ...

    def deliveries(self, window: Window) -> Iterator[Delivery]:
        """Yield what is delivered in ``window``, in order of ``deliver_at``.

        Cutting a window in two gives the same deliveries as the whole.
        """
        ...


# Not frozen, though nobody changes one: each field of a frozen one is set through object.__setattr__, once a message.
@dataclass(slots=True)
class Message:
    """A message as the broker gave it. ``payload`` may be cut; ``size_bytes`` is its full size.

    Parameters
    ----------
    packet_id, redelivered
        Of its MQTT packet: 0 where there was none; whether the broker says that it sent the packet before.
    flooded
        Whether the flood gate holds it back.
    """

    topic: str
    payload: bytes
    received_at: datetime
    size_bytes: int
    properties: dict[str, str] = field(default_factory=dict)
    packet_id: int = 0
    redelivered: bool = False
    flooded: bool = False


@dataclass(frozen=True, slots=True)
class Rejection:
    """What was refused: the reason, the detail in words, and the raw message.

    ``external_id`` and ``commune_insee`` are None where the message did not get so far; ``decoder`` names the
    decoder and its version, empty when none was asked.

    Parameters
    ----------
    timeless
        Its time is that of its reception: the same bytes at another time are another observation, and kept apart.
    """

    message: Message
    reason: Reason
    detail: str
    external_id: str | None = None
    commune_insee: str | None = None
    decoder: str = ""
    timeless: bool = False


@dataclass(frozen=True, slots=True)
class Aside:
    """A well-formed message of a sensor that nobody adopted yet: kept whole until somebody does.

    ``timeless`` as for a rejection.
    """

    message: Message
    external_id: str
    network: str
    timeless: bool = False


@dataclass(frozen=True, slots=True)
class Frame:
    """A LoRaWAN frame that was heard: what the network says it is.

    Parameters
    ----------
    session
        Renews with each join, and counters with it: the session key id, or the device address.
    f_cnt
        Its counter in the session.
    """

    sensor_id: int
    session: str
    f_cnt: int
    observed_at: datetime


@dataclass(slots=True)
class RawFrame:
    """A message of an adopted sensor as it came, whatever became of it.

    Parameters
    ----------
    message
        Its payload may be cut.
    observed_at
        When the frame, or its first reading, was observed; None where the message does not say.
    outcome
        ``stored``, ``duplicate`` or ``rejected``.
    number
        Counts on with each message of the sensor.
    """

    sensor_id: int
    message: Message
    observed_at: datetime | None
    outcome: str
    number: int = 0


class AsCame(NamedTuple):
    """Messages of a batch as they came.

    Parameters
    ----------
    frames
        The newest of each sensor, oldest first.
    duplicates
        How many of a sensor's messages came a second time; of no sensor none.
    """

    frames: Sequence[RawFrame]
    duplicates: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class FrameHeard:
    """Which gateways heard a frame of a sensor, and with which spreading factor it was sent."""

    sensor_id: int
    observed_at: datetime
    receptions: tuple[Reception, ...]
    spreading_factor: int | None = None


class Sender(NamedTuple):
    """Who sent a message, as a rejection keeps it: None and empty where nobody knows."""

    external_id: str | None = None
    commune_insee: str | None = None
    decoder: str = ""


@dataclass(slots=True)
class Batch:
    """What one transaction writes.

    Parameters
    ----------
    readings
        As columns, or one by one.
    origins, senders
        The messages that brought them (``Columns.message`` counts in here; of readings given one by one, the i-th
        message brought the i-th), and who sent each; empty where nobody knows.
    as_came
        Its messages as they came, once it is known what became of their readings.
    raw_frames_kept
        How many of them are kept of a sensor; 0: none.
    heard
        The new frames that gateways heard.
    """

    received_at: datetime
    readings: Columns | Sequence[Reading] = ()
    origins: Sequence[Message] = ()
    rejections: list[Rejection] = field(default_factory=list)
    asides: list[Aside] = field(default_factory=list)
    arrival: Arrival = field(default=Arrival.LIVE, kw_only=True)
    senders: Sequence[Sender] = field(default=(), kw_only=True)
    as_came: Callable[[BatchOutcome], AsCame] | None = field(default=None, kw_only=True)
    raw_frames_kept: int = field(default=0, kw_only=True)
    heard: Sequence[FrameHeard] = field(default=(), kw_only=True)

    def conflict_rejections(self, outcome: BatchOutcome) -> list[Rejection]:
        """Return the rejections that keep the readings which met another value already stored."""
        return [self._conflict(Columns.of(self.readings), int(position)) for position in outcome.conflicts]

    def _conflict(self, readings: Columns, position: int) -> Rejection:
        message = int(readings.message[position])
        said = f"{readings.value[position]:g} at {readings.observed_at(position).isoformat()}"
        return Rejection(
            self.origins[message],
            Reason.CONFLICT,
            f"series {readings.series_id[position]} already has another value than {said}",
            *(self.senders[message] if self.senders else Sender()),
        )


@dataclass(frozen=True, slots=True)
class BatchOutcome:
    """What became of a batch's readings: ``stored + len(duplicates) + len(conflicts) == len(readings)``.

    ``duplicates`` and ``conflicts`` are positions in ``Batch.readings``, in order.
    """

    stored: int
    duplicates: Ints
    conflicts: Ints

    @classmethod
    def of(cls, readings: int, duplicates: Sequence[int] = (), conflicts: Sequence[int] = ()) -> BatchOutcome:
        """Return the outcome of so many readings, of which those at these positions were not stored."""
        return cls(
            readings - len(duplicates) - len(conflicts),
            np.array(sorted(duplicates), np.int64),
            np.array(sorted(conflicts), np.int64),
        )
