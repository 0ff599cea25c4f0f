"""nke Watteco batches: samples of several labels, packed bit by bit with the table of lengths they are coded in.

::

    flags 8 | counter 3 | 1 | series' openings ... | samples ... | time of sending
    flags: labels 4 (high), -, no samples behind the openings, common times, 0 (low: a standard report has 1)

    opening       label n | time | first value, whole | coding 2, table 2 when samples follow
    own times     for each label: label n | samples 8 | table of times 2 | (time, value) ...
    common times  samples 8 | table of times 2 | times ... | for each label: label n | (there? 1 [value]) ...

A time is in seconds of the device's own count: whole (32 bits) first, then as a step from the one before. A step or a
difference is a length found in the table, then so many bits; length 15 says that the whole value follows. Bits are
taken from the low end of each byte, bytes from the high end of the value.

One published batch, of a Pulse Sens'O (three indexes, four hours)::

    3203032CD2DC00000000117B02000080903D005000401040801D11604704D8119024912492247B

Source: Watteco/Codec-API-LoRaWAN, ``codec/batch.js``, commit 42c0f10.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ingestors.decoders.devices.device import Field, Found, Malformed, before

WHOLE = 15
"""The length that says that a whole value follows instead of a difference."""

_SMALL = "00 01 11 101 1001 10001 100001 1000001 10000001 1000000000 "
_LAST = "10000000010 10000000011 10000000100 10000000101 10000000110 10000000111"
_TIMES = "1101111 11010 1100 011 111 10 00 010 110110 110111011 110111001 1101110101 1101110100 1101110000 "
_TIMES += "11011100011 11011100010"
_TABLES = tuple(
    {code: length for length, code in enumerate(codes.split())}
    for codes in (
        _SMALL + _LAST,
        _TIMES,
        "1001 101 00 01 11 10001 100001 1000001 10000001 1000000000 " + _LAST,
    )
)
_CODE_BITS_MAX = 11
_TIMES_TABLE = 1
_DIFFERENCE, _RISE = 0, 1


@dataclass(frozen=True, slots=True)
class Label:
    """What a label of a device's batches stands for.

    Parameters
    ----------
    bits
        Of a whole value.
    resolution
        What a difference of 1 stands for.
    field
        None for what says nothing to Vigie.
    """

    bits: int
    resolution: int = 1
    field: Field | None = None
    signed: bool = False


@dataclass(frozen=True, slots=True)
class Batches:
    """How a device's batches are written: the bits of a label, and what each label stands for."""

    label_bits: int
    labels: Mapping[int, Label]


@dataclass(slots=True)
class _Series:
    label: Label
    samples: list[tuple[int, int]]
    """Time and raw value."""
    coding: int = 0
    table: int = 0


class _Bits:
    """A batch's bits, from front to back."""

    def __init__(self, payload: bytes) -> None:
        self._bits = "".join(f"{byte:08b}"[::-1] for byte in payload)
        self._at = 0

    def _take(self, count: int) -> str:
        if self._at + count > len(self._bits):
            raise Malformed("the batch ends too early")
        self._at += count
        return self._bits[self._at - count : self._at]

    def number(self, count: int) -> int:
        """Return the next bits as a number: the incomplete byte first, each byte low end first."""
        number = 0
        while count > 0:
            taken = count % 8 or 8
            number = number << taken | int(self._take(taken)[::-1], 2)
            count -= taken
        return number

    def value(self, label: Label) -> int:
        """Return a whole value."""
        number = self.number(label.bits)
        return number - (1 << label.bits) if label.signed and number >> label.bits - 1 else number

    def length(self, table: int) -> int:
        """Return the length whose code of this table comes next."""
        if table >= len(_TABLES):
            raise Malformed(f"the batch names table {table}")
        code = ""
        while len(code) < _CODE_BITS_MAX:
            code += self._take(1)
            if code in _TABLES[table]:
                return _TABLES[table][code]
        raise Malformed("the batch has a code that is in no table")

    def step(self, length: int) -> int:
        """Return a step of so many bits: those below it have fewer."""
        return self.number(length) + (1 << length) - 1 if length else 0

    def time_after(self, earlier: int, table: int) -> int:
        """Return a time, given the one before it."""
        length = self.length(table)
        return self.number(32) if length == WHOLE else earlier + self.step(length)

    def time_after_opening(self, earlier: int) -> int:
        """Return an opening's time, or the sending's: whole where no time is known yet."""
        return self.time_after(earlier, _TIMES_TABLE) if earlier else self.number(32)


def read_batch(batches: Batches, payload: bytes, observed_at: datetime) -> Found:
    """Yield what a batch holds; each sample with its own time, counted back from the frame's."""
    bits = _Bits(payload)
    flags = bits.number(8)
    bits.number(4)
    series, last = _openings(bits, batches, flags)
    if not flags & 0b100:
        last = (_common_times if flags & 0b10 else _own_times)(bits, batches, series, last)
    sent = bits.time_after_opening(last)
    for one in series.values():
        if one.label.field is None:
            continue
        for time, raw in one.samples:
            yield one.label.field.measured(raw, before(observed_at, sent - time))


def _openings(bits: _Bits, batches: Batches, flags: int) -> tuple[dict[int, _Series], int]:
    series: dict[int, _Series] = {}
    time = 0
    for _ in range(flags >> 4):
        number, label = _label(bits, batches)
        if number in series:
            raise Malformed(f"the batch opens label {number} twice")
        time = bits.time_after_opening(time)
        series[number] = _Series(label, [(time, bits.value(label))])
        if not flags & 0b100:
            series[number].coding, series[number].table = bits.number(2), bits.number(2)
    return series, time


def _label(bits: _Bits, batches: Batches) -> tuple[int, Label]:
    number = bits.number(batches.label_bits)
    if number not in batches.labels:
        raise Malformed(f"the batch has label {number}")
    return number, batches.labels[number]


def _opened(bits: _Bits, batches: Batches, series: dict[int, _Series]) -> Iterator[_Series]:
    for _ in range(len(series)):
        number, _ = _label(bits, batches)
        if number not in series:
            raise Malformed(f"the batch has samples of label {number}, and no opening")
        yield series[number]


def _own_times(bits: _Bits, batches: Batches, series: dict[int, _Series], last: int) -> int:
    for one in _opened(bits, batches, series):
        count = bits.number(8)
        table = bits.number(2) if count else 0
        for _ in range(count):
            time, raw = one.samples[-1]
            time = bits.time_after(time, table)
            one.samples.append((time, _following(bits, one, raw, bits.length(one.table))))
            last = max(last, time)
    return last


def _common_times(bits: _Bits, batches: Batches, series: dict[int, _Series], last: int) -> int:  # noqa: ARG001 - they have their own last
    times = list(_times(bits, next(iter(series.values())).samples[0][0] if series else 0))
    for one in _opened(bits, batches, series):
        opened = False
        for time in times:
            if not bits.number(1):
                continue
            length = bits.length(one.table)
            # The first unchanged value is the opening one again.
            if length == 0 and not opened:
                opened = True
                continue
            one.samples.append((time, _following(bits, one, one.samples[-1][1], length)))
    return times[-1] if times else 0


def _times(bits: _Bits, opening: int) -> Sequence[int]:
    count, table = bits.number(8), bits.number(2)
    times: list[int] = []
    for position in range(count):
        length = bits.length(table)
        if length == WHOLE:
            times.append(bits.number(32))
        else:
            times.append(times[-1] + bits.step(length) if position else opening)
    return times


def _following(bits: _Bits, series: _Series, raw: int, length: int) -> int:
    """Return the value after ``raw``: a difference of so many bits, or a whole one."""
    if length == WHOLE:
        return bits.value(series.label)
    if length == 0:
        return raw
    number, most = bits.number(length), (1 << length) - 1
    if series.coding == _DIFFERENCE:
        difference = number if number >> length - 1 else number - most
    elif series.coding == _RISE:
        difference = number + most
    else:
        difference = -(number + most)
    return raw + difference * series.label.resolution
