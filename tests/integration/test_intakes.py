from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from ingesting import ROOT, wait_until
from replaying import ALL, ROOM, T0, autocommitting, held_replay, lay, message, refused, settings_of

from core.clock import now
from core.errors import StoreAbsent
from core.intakes import BackfillAsked, Counts, Intake, IntakeKind, IntakeState, RejectionFilter
from core.readings import Reason
from core.store.intakes import (
    IntakeGone,
    ask_intake,
    cancel_intake,
    claim_intake,
    end_intake,
    hear_intakes,
    hold_intake,
    listen_intakes,
    move_intake,
    read_intake,
    read_intakes,
    read_open_intake,
    release_intake,
)
from core.store.pool import Connection
from ingestors import rejections
from ingestors.intake_run import IntakeFailed, IntakeRun
from ingestors.intakes import run_intake, running_intakes

pytestmark = pytest.mark.integration
KINDS = list(IntakeKind)


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with autocommitting(database_url) as connection:
        yield connection


def ask(connection: Connection, kind: IntakeKind = IntakeKind.REPLAY) -> int:
    return ask_intake(connection, kind, "Camille", ALL.arguments(), now()).intake_id


def state(connection: Connection, intake_id: int) -> IntakeState:
    kept = read_intake(connection, intake_id)
    assert kept is not None
    return kept.state


def count_readings(connection: Connection) -> int:
    row = connection.execute("SELECT count(*) FROM reading").fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize(
    "asked",
    [
        RejectionFilter(),
        RejectionFilter(Reason.FLOODED, "room-1", "93066", T0, T0 + timedelta(microseconds=1), 7),
        BackfillAsked("noisy-air", T0, T0 + timedelta(days=1)),
        BackfillAsked("noisy-air@ttn", T0, T0 + timedelta(days=1), "room-1"),
    ],
)
def test_what_is_asked_is_read_back(connection: Connection, asked: RejectionFilter | BackfillAsked) -> None:
    kept = ask_intake(connection, IntakeKind.REPLAY, "Camille", asked.arguments(), now())
    found = read_intake(connection, kept.intake_id)
    assert found == kept
    assert type(asked).parse(found.arguments) == asked


def test_one_process_holds_an_intake_and_the_next_takes_it_over_when_it_dies(
    connection: Connection, database_url: str
) -> None:
    first, second = ask(connection), ask(connection)
    with autocommitting(database_url) as other:
        oldest = claim_intake(other, KINDS, now())
        assert oldest is not None
        assert oldest.intake_id == first
        claimed = claim_intake(connection, KINDS, now())
        assert claimed is not None
        assert claimed.intake_id == second
        assert hold_intake(connection, first, now()) is None
    # Its connection is gone, however it ended; the server sees it a moment later.
    wait_until(lambda: hold_intake(connection, first, now()) is not None)
    assert state(connection, first) is IntakeState.RUNNING


def test_only_open_intakes_of_the_kinds_asked_for_are_claimed(connection: Connection) -> None:
    cancelled, imported = ask(connection), ask(connection, IntakeKind.IMPORT)
    assert cancel_intake(connection, cancelled, now())
    assert not cancel_intake(connection, cancelled, now())
    assert claim_intake(connection, [IntakeKind.REPLAY, IntakeKind.BACKFILL], now()) is None
    assert hold_intake(connection, cancelled, now()) is None
    claimed = claim_intake(connection, KINDS, now())
    assert claimed is not None
    assert claimed.intake_id == imported
    release_intake(connection, imported)


def test_an_intake_moves_with_its_batch_or_not_at_all(connection: Connection) -> None:
    held = hold_intake(connection, ask(connection), now())
    assert held is not None
    moved = move_intake(connection, held, {"after": 5}, Counts(messages=5, stored=4, rejected=1), now())
    moved = move_intake(connection, moved, {"after": 7}, Counts(messages=2, duplicate=2), now())
    assert read_intake(connection, held.intake_id) == moved
    assert moved.counts == Counts(messages=7, stored=4, duplicate=2, rejected=1)
    with connection.transaction(force_rollback=True):
        move_intake(connection, moved, {"after": 9}, Counts(messages=2, stored=2), now())
    assert read_intake(connection, held.intake_id) == moved
    cancel_intake(connection, held.intake_id, now())
    with pytest.raises(IntakeGone):
        move_intake(connection, moved, {"after": 9}, Counts(), now())
    assert not end_intake(connection, moved, IntakeState.DONE, now())
    assert state(connection, held.intake_id) is IntakeState.CANCELLED


def test_whoever_listens_is_told_at_once(connection: Connection, database_url: str) -> None:
    listen_intakes(connection)
    assert not hear_intakes(connection, 0)
    with autocommitting(database_url) as other:
        ask(other)
    assert hear_intakes(connection, 5)


def test_intakes_are_listed_newest_first_by_page_and_kind(connection: Connection) -> None:
    ids = [ask(connection, kind) for kind in (IntakeKind.REPLAY, IntakeKind.IMPORT, IntakeKind.REPLAY)]
    cancel_intake(connection, ids[0], now())
    assert [one.intake_id for one in read_intakes(connection)] == ids[::-1]
    assert [one.intake_id for one in read_intakes(connection, before=ids[2], limit=1)] == [ids[1]]
    assert [one.intake_id for one in read_intakes(connection, kind=IntakeKind.REPLAY, open_only=True)] == [ids[2]]


def test_an_open_intake_is_found_by_what_it_was_asked(connection: Connection) -> None:
    asked = ask_intake(connection, IntakeKind.IMPORT, "Camille", {"digest": "ab", "file": "x.csv"}, now())
    assert read_open_intake(connection, IntakeKind.IMPORT, {"digest": "ab"}) == asked
    assert read_open_intake(connection, IntakeKind.IMPORT, {"digest": "cd"}) is None
    end_intake(connection, asked, IntakeState.DONE, now())
    assert read_open_intake(connection, IntakeKind.IMPORT, {"digest": "ab"}) is None


def test_the_ingest_process_carries_out_what_is_asked(connection: Connection, database_url: str) -> None:
    lay(connection, [refused(message(step)) for step in range(3)], ROOM)
    with running_intakes(settings_of(database_url)):
        asked = ask(connection)
        wait_until(lambda: state(connection, asked) is IntakeState.DONE, 20)
    kept = read_intake(connection, asked)
    assert kept is not None
    assert (kept.counts, kept.total) == (Counts(messages=3, stored=3), 3)
    assert kept.ended_at is not None


def test_a_cancelled_one_takes_its_batch_back_and_keeps_those_before(
    connection: Connection, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rejections, "PAGE_MESSAGES_MAX", 2)
    lay(connection, [refused(message(step)) for step in range(6)], ROOM)
    run = held_replay(connection)
    with autocommitting(database_url) as other:

        def cancel(intake: Intake) -> None:
            cancel_intake(other, intake.intake_id, now())

        run.told = cancel
        assert run_intake(run) is IntakeState.CANCELLED
    kept = read_intake(connection, run.intake.intake_id)
    assert kept is not None
    assert (kept.state, kept.counts) == (IntakeState.CANCELLED, Counts(messages=2, stored=2))
    assert count_readings(connection) == 2


def test_a_stopped_one_is_gone_on_with_where_it_was(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rejections, "PAGE_MESSAGES_MAX", 2)
    lay(connection, [refused(message(step)) for step in range(5)], ROOM)
    run = held_replay(connection)
    run.told = lambda _intake: run.stop.set()
    assert run_intake(run) is IntakeState.RUNNING
    held = claim_intake(connection, [IntakeKind.REPLAY], now())
    assert held is not None
    assert held.counts.messages == 2
    assert run_intake(IntakeRun(held, run.writer, run.settings, threading.Event())) is IntakeState.DONE
    kept = read_intake(connection, held.intake_id)
    assert kept is not None
    assert kept.counts == Counts(messages=5, stored=5)


def test_what_cannot_be_done_fails_in_words_and_is_not_tried_again(connection: Connection) -> None:
    def refuse(_run: IntakeRun) -> bool:
        raise IntakeFailed("the network server refused the key (403)")

    def stumble(_run: IntakeRun) -> bool:
        raise ZeroDivisionError

    for carry_out, detail in ((refuse, "the network server refused the key (403)"), (stumble, "ZeroDivisionError")):
        run = held_replay(connection)
        assert run_intake(run, carry_out) is IntakeState.FAILED
        kept = read_intake(connection, run.intake.intake_id)
        assert kept is not None
        assert kept.detail.startswith(detail)
    assert claim_intake(connection, KINDS, now()) is None


def test_when_the_database_goes_away_it_stays_open(connection: Connection, database_url: str) -> None:
    def lose(run: IntakeRun) -> bool:
        run.connection.close()
        run.connection.execute("SELECT 1")
        return True

    run = held_replay(connection)
    with autocommitting(database_url) as run.writer.connection, pytest.raises(StoreAbsent):
        run_intake(run, lose)
    assert state(connection, run.intake.intake_id) is IntakeState.RUNNING


def test_killed_in_the_middle_it_is_finished_by_another_and_counted_once(
    connection: Connection, database_url: str
) -> None:
    steps = 1_200
    lay(connection, [refused(message(step)) for step in range(steps)], ROOM)
    # Half a second for each page of 500: time to be killed in.
    connection.execute(
        "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.5); RETURN NULL; END'"
    )
    connection.execute("CREATE TRIGGER slow AFTER UPDATE ON rejection FOR EACH STATEMENT EXECUTE FUNCTION wait()")
    command = [sys.executable, "-m", "vigie", "rejections", "replay", "--by", "Camille"]
    environment = os.environ | {"VIGIE_DATABASE_URL": database_url}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        wait_until(lambda: 0 < count_readings(connection) < steps, 30)
        process.send_signal(signal.SIGKILL)
    [left] = read_intakes(connection)
    assert left.state is IntakeState.RUNNING
    assert 0 < left.counts.messages < steps
    connection.execute("DROP TRIGGER slow ON rejection")
    with running_intakes(settings_of(database_url)):
        wait_until(lambda: state(connection, left.intake_id) is IntakeState.DONE, 30)
    [done] = read_intakes(connection)
    assert done.counts == Counts(messages=steps, stored=steps)
    assert count_readings(connection) == steps
