from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.clock import EPOCH, Window
from core.places import Sensor, SensorKind, Site, communes
from core.readings import Arrival, Frame, Message
from core.store.frames import DUPLICATE_WITHIN, prune_old_frames, write_frames
from core.store.gaps import Gap, Ledger, read_gaps, read_ledgers
from core.store.latest import read_latest
from core.store.places import write_communes
from core.store.pool import Connection, connected
from core.store.rejections import read_rejections
from core.store.sensors import adopt_sensor
from ingestors.adopted import AdoptedSensors
from ingestors.batch import BatchWriter, Outcome
from ingestors.validate import Limits

pytestmark = pytest.mark.integration

CAPTURES = Path(__file__).resolve().parents[1] / "captures"
START = datetime(2026, 3, 2, tzinfo=UTC)
ALL = Window(START - timedelta(days=1), START + timedelta(days=400))
EVERY = timedelta(minutes=10)
RECEIVED_AT = START + timedelta(days=30)
SITE = Site("93066", "ecole", "École")
LIVE, REPLAYED = Arrival.LIVE, Arrival.REPLAYED


@pytest.fixture
def store(database_url: str) -> Iterator[Connection]:
    with connected(database_url) as connection:
        write_communes(connection, communes().values())
        connection.commit()
        yield connection


@pytest.fixture
def sensor_id(store: Connection) -> int:
    return adopt_sensor(store, Sensor("room-1", SensorKind.INDOOR_AIR, "Room 1", SITE), START)


def frame(sensor_id: int, f_cnt: int, minutes: float | None = None, session: str = "s1") -> Frame:
    """Return a frame of a sensor that speaks every ten minutes, or heard at another minute."""
    after = EVERY * f_cnt if minutes is None else timedelta(minutes=minutes)
    return Frame(sensor_id, session, f_cnt, START + after)


def write(store: Connection, *frames: Frame, arrival: Arrival = LIVE) -> frozenset[int]:
    with store.transaction():
        return write_frames(store, frames, RECEIVED_AT, arrival)


def ledger(store: Connection, window: Window = ALL) -> Ledger:
    (found,) = read_ledgers(store, window)
    return found


def spans(store: Connection, sensor_id: int, window: Window = ALL) -> list[tuple[str, int, int]]:
    return [(gap.session, gap.first_f_cnt, gap.last_f_cnt) for gap in read_gaps(store, sensor_id, window)]


def test_a_frame_counts_once_whatever_its_path(store: Connection, sensor_id: int) -> None:
    first, other = frame(sensor_id, 1), frame(sensor_id, 2)
    late_copy = replace(first, observed_at=first.observed_at + timedelta(seconds=40))
    assert write(store, first, other, late_copy) == {2}
    assert write(store, late_copy, first, arrival=Arrival.BACKFILLED) == {0, 1}
    assert ledger(store).received == 2


def test_copies_are_heard_within_an_hour_of_each_other(store: Connection, sensor_id: int) -> None:
    first = frame(sensor_id, 1)
    write(store, first)
    at_the_edge = replace(first, observed_at=first.observed_at + DUPLICATE_WITHIN)
    past_it = replace(first, observed_at=first.observed_at + DUPLICATE_WITHIN + timedelta(microseconds=1))
    assert write(store, at_the_edge) == {0}
    assert write(store, past_it) == frozenset()


def test_another_sensor_session_or_counter_is_another_frame(store: Connection, sensor_id: int) -> None:
    other_id = adopt_sensor(store, Sensor("room-2", SensorKind.INDOOR_AIR, "Room 2", SITE), START)
    one = frame(sensor_id, 1)
    assert not write(store, one, replace(one, sensor_id=other_id), replace(one, session="s2"), replace(one, f_cnt=2))


def test_a_frame_without_a_session_has_no_identity(store: Connection, sensor_id: int) -> None:
    nameless = replace(frame(sensor_id, 0), session="")
    assert write(store, nameless, nameless) == frozenset()
    assert read_ledgers(store, ALL) == []


@pytest.mark.parametrize(
    "at", [datetime(1, 1, 1, tzinfo=UTC), EPOCH - EVERY, RECEIVED_AT + timedelta(days=1, seconds=1)]
)
def test_a_frame_at_no_time_of_its_own_has_no_identity(store: Connection, sensor_id: int, at: datetime) -> None:
    timeless, other = replace(frame(sensor_id, 1), observed_at=at), frame(sensor_id, 2)
    assert write(store, timeless, timeless, other, other) == {3}
    assert ledger(store).received == 1


def test_a_service_frame_is_entered_once_and_nothing_else_is_kept_of_it(store: Connection) -> None:
    adopt_sensor(store, Sensor("eui-0004a30b001c0530", SensorKind.INDOOR_AIR, "Room 3", SITE), START)
    store.commit()
    payload = (CAPTURES / "the_things_stack" / "service_frame.json").read_bytes()
    message = Message("v3/ecoles@vigie/devices/eui-0004a30b001c0530/up", payload, RECEIVED_AT, len(payload))
    writer = BatchWriter(store, AdoptedSensors(), Limits(262_144, 16_384, timedelta(minutes=5)))
    writer.adopted.refresh(store)
    assert writer.write([message, message], RECEIVED_AT).outcomes == [Outcome.STORED, Outcome.DUPLICATE]
    assert writer.write([message], RECEIVED_AT, Arrival.BACKFILLED).outcomes == [Outcome.DUPLICATE]
    assert ledger(store).received == 1
    assert read_rejections(store) == []
    assert list(read_latest(store)) == []


def test_nothing_heard_needs_no_store(store: Connection) -> None:
    assert write_frames(store, [], START, LIVE) == frozenset()


def test_a_replayed_message_is_not_its_own_copy(store: Connection, sensor_id: int) -> None:
    refused_then = frame(sensor_id, 1)
    copy = replace(refused_then, observed_at=refused_then.observed_at + timedelta(seconds=2))
    write(store, refused_then)
    assert write(store, refused_then, arrival=REPLAYED) == frozenset()
    assert write(store, copy, arrival=REPLAYED) == {0}
    assert ledger(store).received == 1


def test_what_is_rolled_back_was_not_heard(store: Connection, sensor_id: int) -> None:
    with store.transaction(force_rollback=True):
        write_frames(store, [frame(sensor_id, 1)], START, LIVE)
    assert write(store, frame(sensor_id, 1)) == frozenset()


def test_two_processes_never_both_take_a_frame(database_url: str, store: Connection, sensor_id: int) -> None:
    store.commit()
    taken: list[int] = []
    ready = threading.Barrier(4)

    def take(number: int) -> None:
        with connected(database_url) as connection:
            for f_cnt in range(20):
                ready.wait()
                late = frame(sensor_id, f_cnt, minutes=10 * f_cnt + number / 60)
                with connection.transaction():
                    taken.append(len(write_frames(connection, [late], START, LIVE)))

    threads = [threading.Thread(target=take, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == [0] * 20 + [1] * 60


def test_a_step_in_the_counter_is_a_gap_and_a_late_frame_fills_it(store: Connection, sensor_id: int) -> None:
    write(store, *(frame(sensor_id, f_cnt) for f_cnt in (100, 101, 105, 106)))
    assert (ledger(store).received, ledger(store).missing) == (4, 3)
    assert read_gaps(store, sensor_id, ALL) == [
        Gap(sensor_id, "s1", 102, 104, START + 101 * EVERY, START + 105 * EVERY)
    ]
    write(store, frame(sensor_id, 103), arrival=Arrival.BACKFILLED)
    found = ledger(store)
    assert (found.received, found.backfilled, found.missing) == (4, 1, 2)
    assert spans(store, sensor_id) == [("s1", 104, 104), ("s1", 102, 102)]


def test_a_counter_that_begins_again_misses_only_what_precedes_it(store: Connection, sensor_id: int) -> None:
    write(store, frame(sensor_id, 5_000, 0), frame(sensor_id, 5_001, 10), frame(sensor_id, 3, 40))
    write(store, frame(sensor_id, 4, 50))
    found = ledger(store)
    assert (found.received, found.missing, found.resets, found.joins) == (4, 2, 1, 0)
    assert spans(store, sensor_id) == [("s1", 1, 2)]


def test_a_device_that_always_counts_zero_misses_nothing(store: Connection, sensor_id: int) -> None:
    write(store, *(frame(sensor_id, 0, hours * 60) for hours in (0, 2, 4, 6)))
    found = ledger(store)
    assert (found.received, found.missing, found.resets) == (4, 0, 3)


@pytest.mark.parametrize("first", [0, 1])
def test_a_device_counts_from_zero_or_from_one(store: Connection, sensor_id: int, first: int) -> None:
    write(store, frame(sensor_id, 70, 0), frame(sensor_id, first, 40, "s2"), frame(sensor_id, first + 1, 50, "s2"))
    assert (ledger(store).missing, ledger(store).joins) == (0, 1)


def test_a_new_session_is_a_join_and_counts_anew(store: Connection, sensor_id: int) -> None:
    write(store, frame(sensor_id, 70, 0), frame(sensor_id, 3, 40, "s2"), frame(sensor_id, 4, 50, "s2"))
    found = ledger(store)
    assert (found.missing, found.joins, found.resets) == (2, 1, 0)
    (gap,) = read_gaps(store, sensor_id, ALL)
    assert (gap.session, gap.first_f_cnt, gap.last_f_cnt) == ("s2", 1, 2)
    assert (gap.after_at, gap.before_at) == (START, START + timedelta(minutes=40))


def test_a_session_that_is_older_than_its_first_frame_misses_nothing_before_it(
    store: Connection, sensor_id: int
) -> None:
    write(store, frame(sensor_id, 70, 0), frame(sensor_id, 6_000, 10, "carried over"))
    assert (ledger(store).missing, ledger(store).joins) == (0, 1)


def test_gateways_whose_clocks_differ_make_no_reset(store: Connection, sensor_id: int) -> None:
    minutes = {f_cnt: float(f_cnt) for f_cnt in range(30)} | {20: 23.5}
    write(store, *(frame(sensor_id, f_cnt, at) for f_cnt, at in minutes.items()))
    found = ledger(store)
    assert (found.received, found.missing, found.resets) == (30, 0, 0)


def test_windows_side_by_side_add_up(store: Connection, sensor_id: int) -> None:
    write(store, *(frame(sensor_id, f_cnt) for f_cnt in (0, 1, 4, 5, 9, 10, 14)))
    border = START + 7 * EVERY
    early, late = (ledger(store, Window(*bounds)) for bounds in ((ALL.start, border), (border, ALL.end)))
    assert (early.received + late.received, early.missing + late.missing) == (7, 8)
    assert (early.missing, late.missing) == (2, 6)
    assert early.last_frame_at == START + 5 * EVERY


def test_a_sensor_silent_in_the_window_is_listed_with_its_last_frame(store: Connection, sensor_id: int) -> None:
    write(store, frame(sensor_id, 1))
    found = ledger(store, Window(START + timedelta(days=1), START + timedelta(days=2)))
    assert (found.received, found.missing, found.last_frame_at) == (0, 0, START + EVERY)
    assert read_ledgers(store, Window(START - timedelta(days=2), START - timedelta(days=1))) == []


def test_ledgers_come_by_commune_and_by_pages(store: Connection, sensor_id: int) -> None:
    elsewhere = Sensor("room-2", SensorKind.INDOOR_AIR, "Room 2", replace(SITE, commune_insee="93051"))
    other_id = adopt_sensor(store, elsewhere, START)
    write(store, frame(sensor_id, 1), frame(other_id, 1))
    assert [one.sensor_id for one in read_ledgers(store, ALL)] == [sensor_id, other_id]
    assert [one.sensor_id for one in read_ledgers(store, ALL, commune="93051")] == [other_id]
    assert [one.sensor_id for one in read_ledgers(store, ALL, limit=1)] == [sensor_id]
    assert [one.external_id for one in read_ledgers(store, ALL, after=sensor_id)] == ["room-2"]


def test_frames_are_let_go_of_by_age_and_counted(store: Connection, sensor_id: int) -> None:
    write(store, *(frame(sensor_id, f_cnt) for f_cnt in range(10)))
    before, day = START + 5 * EVERY, date(2026, 3, 3)
    assert [prune_old_frames(store, before, day, 3) for _ in range(3)] == [3, 2, 0]
    assert ledger(store).received == 5
    assert store.execute("SELECT day, what, messages FROM pruned").fetchall() == [(day, "frame", 5)]


@st.composite
def lives(draw: st.DrawFn) -> list[list[int]]:
    """Runs of counters that one device sent, each after the one before: sessions and resets, with losses."""
    runs = []
    for _ in range(draw(st.integers(1, 4))):
        length = draw(st.integers(1, 25))
        heard = draw(st.sets(st.integers(0, length - 1), min_size=1))
        runs.append(sorted(heard))
    return runs


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(runs=lives(), resets=st.booleans(), random=st.randoms(use_true_random=False), batches=st.integers(1, 5))
def test_the_ledger_is_the_same_in_whatever_order_frames_arrive(
    store: Connection, sensor_id: int, runs: list[list[int]], *, resets: bool, random: Random, batches: int
) -> None:
    # Each run starts long enough after the one before that its counters are no copies of it.
    frames = [
        frame(sensor_id, f_cnt, 600 * number + 10 * f_cnt, "s" if resets else f"s{number}")
        for number, run in enumerate(runs)
        for f_cnt in run
    ]
    arriving = [*frames, *random.choices(frames, k=len(frames) // 3)]
    random.shuffle(arriving)
    with store.transaction(force_rollback=True):
        known = 0
        for part in range(batches):
            known += len(write(store, *arriving[part::batches]))
        found, gaps = ledger(store), read_gaps(store, sensor_id, ALL)
    # Of the first run only what it shows; the others began with 0 or 1.
    spanned = runs[0][-1] + 1 - runs[0][0] + sum(run[-1] + (run[0] == 0) for run in runs[1:])
    assert found.received == len(frames)
    assert known == len(arriving) - len(frames)
    if not resets:
        assert found.joins == len(runs) - 1
        assert found.received + found.missing == spanned
        assert found.resets == 0
    assert sum(gap.missing for gap in gaps) == found.missing
