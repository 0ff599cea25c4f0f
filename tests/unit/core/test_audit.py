"""The record of acts: the form that hashes cover, and what a chain shows of what was done to it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from core.audit import NO_HASH, Entry, Head, What, Who, WhoKind, canonical, canonical_json, chained, parse_json
from core.audit_check import AHEAD, Fault, Trace, check

WORDS = Path(__file__).resolve().parents[3] / "dashboards" / "words"
AT = datetime(2026, 3, 2, 8, tzinfo=UTC)
START = Head(0, NO_HASH)


def entry(number: int, hash_before: bytes) -> Entry:
    who = Who(WhoKind.SESSION, "Nadia", 7, 3, "192.0.2.7", "test")
    at = AT + timedelta(seconds=number)
    one = Entry(number, at, who, What.SENSOR_MOVED, f"sensor:{number}", "93051", {"site": "a"}, {"site": "b"}, NO_HASH)
    return replace(one, hash=chained(hash_before, one))


def chain(length: int, start: Head = START) -> list[Entry]:
    entries: list[Entry] = []
    for number in range(start.number + 1, start.number + length + 1):
        entries.append(entry(number, entries[-1].hash if entries else start.hash))
    return entries


def head_of(entries: list[Entry]) -> Head:
    return Head(entries[-1].number, entries[-1].hash)


def test_the_canonical_form_is_an_array_of_what_is_kept() -> None:
    assert canonical(entry(5, NO_HASH)) == (
        '[5, "2026-03-02T08:00:05.000000Z", "session", 7, 3, "Nadia", "192.0.2.7", "test", "sensor_moved", '
        '"sensor:5", "93051", {"site": "a"}, {"site": "b"}]'
    )


@pytest.mark.parametrize("language", ["fr", "en"])
def test_every_act_has_its_words(language: str) -> None:
    words = json.loads((WORDS / f"{language}.json").read_text(encoding="utf-8"))["audit"]
    assert set(words["what"]) == set(What)
    assert {f"by_{kind}" for kind in WhoKind} == {name for name in words if name.startswith("by_")}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"bb": 1, "a": 2, "é": 3, "c": 4}, '{"a": 2, "c": 4, "bb": 1, "é": 3}'),
        ([Decimal("1.50"), Decimal("1E+5"), Decimal("1E-7"), Decimal("-0.0")], "[1.50, 100000, 0.0000001, 0.0]"),
        ({"quotes": 'a"\\b', "lines": "\n\t\x01\x7f", "wide": "🚚"}, None),
        ([None, True, False, "", {}, []], '[null, true, false, "", {}, []]'),
    ],
)
def test_json_has_one_form(value: object, text: str | None) -> None:
    assert canonical_json(value) == (text or '{"wide": "🚚", "lines": "\\n\\t\\u0001\x7f", "quotes": "a\\"\\\\b"}')


def test_parsed_numbers_keep_their_last_zeros() -> None:
    assert canonical_json(parse_json('{"a": 1.10, "b": 12345678901234567890.5}')) == (
        '{"a": 1.10, "b": 12345678901234567890.5}'
    )


def test_a_head_is_noted_and_read_again() -> None:
    head = head_of(chain(3))
    assert Head.parse(f" {head}\n") == head
    assert str(head) == f"3:{head.hash.hex()}"


@pytest.mark.parametrize("text", ["", "3", "3:abcd", "x:" + "0" * 64, "-1:" + "0" * 64, "3:" + "g" * 64])
def test_what_is_no_head_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"head|hexadecimal"):
        Head.parse(text)


def test_a_whole_chain_holds_with_every_head_of_it() -> None:
    entries = chain(2 * AHEAD)
    verdict = check(entries, START, head_of(entries), Head(7, entries[6].hash))
    assert (verdict.entries, verdict.end, verdict.fault) == (2 * AHEAD, head_of(entries), None)


def test_an_empty_chain_holds() -> None:
    assert check([], START, START).fault is None


def test_a_pruned_chain_holds_from_where_it_begins() -> None:
    start = Head(41, bytes(range(32)))
    entries = chain(5, start)
    assert check(entries, start, head_of(entries)).fault is None
    assert check(entries, START, head_of(entries)).fault == Fault(Trace.REMOVED, 1)


def changed(entries: list[Entry]) -> list[Entry]:
    entries[9] = replace(entries[9], after={"site": "c"})
    return entries


def changed_with_its_hash(entries: list[Entry]) -> list[Entry]:
    one = replace(entries[8], after={"site": "c"})
    entries[8] = replace(one, hash=chained(entries[7].hash, one))
    return entries


def changed_at_the_end(entries: list[Entry]) -> list[Entry]:
    entries[-1] = replace(entries[-1], who=Who(WhoKind.SESSION, "Rachid", 7, 3))
    return entries


def removed(entries: list[Entry]) -> list[Entry]:
    del entries[9]
    return entries


def removed_and_closed_up(entries: list[Entry]) -> list[Entry]:
    del entries[9:11]
    return entries[:9] + [replace(one, number=one.number - 2) for one in entries[9:]]


def inserted_beside(entries: list[Entry]) -> list[Entry]:
    entries.insert(9, replace(entries[3], number=10))
    return entries


def inserted_after(entries: list[Entry]) -> list[Entry]:
    entries.insert(10, replace(entries[9], target="sensor:x"))
    return entries


def inserted_and_moved_up(entries: list[Entry]) -> list[Entry]:
    rest = [replace(one, number=one.number + 1) for one in entries[9:]]
    return [*entries[:9], replace(entries[3], number=10, target="sensor:x"), *rest]


def swapped(entries: list[Entry]) -> list[Entry]:
    entries[9], entries[10] = replace(entries[10], number=10), replace(entries[9], number=11)
    return entries


def swapped_far(entries: list[Entry]) -> list[Entry]:
    entries[9], entries[15] = replace(entries[15], number=10), replace(entries[9], number=16)
    return entries


@pytest.mark.parametrize(
    ("tamper", "fault"),
    [
        (changed, Fault(Trace.CHANGED, 10)),
        (changed_with_its_hash, Fault(Trace.CHANGED, 10)),
        (changed_at_the_end, Fault(Trace.CHANGED, 30)),
        (removed, Fault(Trace.REMOVED, 10)),
        (removed_and_closed_up, Fault(Trace.REMOVED, 10)),
        (inserted_beside, Fault(Trace.INSERTED, 10)),
        (inserted_after, Fault(Trace.INSERTED, 10)),
        (inserted_and_moved_up, Fault(Trace.INSERTED, 10)),
        (swapped, Fault(Trace.REORDERED, 10)),
        (swapped_far, Fault(Trace.REORDERED, 10)),
    ],
)
def test_what_was_done_shows(tamper: Callable[[list[Entry]], list[Entry]], fault: Fault) -> None:
    entries = chain(30)
    verdict = check(tamper(list(entries)), START, head_of(entries))
    assert verdict.fault == fault
    assert verdict.entries in {fault.number - 1, fault.number}


def test_a_tail_that_was_cut_shows_by_the_store_s_head() -> None:
    entries = chain(30)
    assert check(entries[:20], START, head_of(entries)).fault == Fault(Trace.CUT, 21)
    assert check([], START, head_of(entries)).fault == Fault(Trace.CUT, 1)


def test_a_tail_that_was_cut_with_its_head_shows_by_the_noted_one() -> None:
    entries = chain(30)
    cut = entries[:20]
    assert check(cut, START, head_of(cut)).fault is None
    assert check(cut, START, head_of(cut), head_of(entries)).fault == Fault(Trace.CUT, 21)


def test_a_chain_that_was_written_anew_shows_by_the_noted_head() -> None:
    entries = chain(30)
    anew = chain(30, Head(0, bytes(range(32))))
    start = Head(0, bytes(range(32)))
    assert check(anew, start, head_of(anew)).fault is None
    assert check(anew, start, head_of(anew), Head(20, entries[19].hash)).fault == Fault(Trace.REWRITTEN, 20)


def test_what_was_added_behind_the_head_shows() -> None:
    entries = chain(30)
    assert check(entries, START, Head(25, entries[24].hash)).fault == Fault(Trace.INSERTED, 26)
    assert check(entries, START, Head(30, bytes(range(32)))).fault == Fault(Trace.REWRITTEN, 30)


def test_a_head_of_before_the_beginning_says_nothing() -> None:
    start = Head(41, bytes(range(32)))
    entries = chain(5, start)
    assert check(entries, start, head_of(entries), Head(12, NO_HASH)).fault == Fault(Trace.UNCOMPARED, 12)
    assert check(entries, start, head_of(entries), start).fault is None
