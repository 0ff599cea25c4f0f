"""The life of decisions on a real database: made, superseded, answered, told, replayed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import procrastinate
import pytest
from deciding_kind import AIRING, AIRINGS, COMMUNE, KIND, NOW, Room, registered, write_co2, write_room
from pydantic import SecretStr
from structlog.testing import capture_logs

from core import clock
from core.clock import Window
from core.decisions import Action, Answer, Decision, DecisionState, Soundness, StateRefused, Subject
from core.settings import WorkerSettings
from core.store.decisions import (
    KeptDecision,
    Wanted,
    read_decision,
    read_decisions,
    read_simulated_series,
    read_subject,
    read_subjects,
    write_policy,
    write_subject,
)
from core.store.outbox import Outgoing, delete_outgoing, take_outgoing
from core.store.pool import Pool, connected, open_pool
from core.store.roles import Login, as_login
from services import jobs
from services.decisions import life
from services.decisions.life import answer, decide, decide_if_moved, decisions_due, replay

pytestmark = pytest.mark.integration
MINUTE = timedelta(minutes=1)


@pytest.fixture
def pool(database_url: str) -> Iterator[Pool]:
    with registered(), open_pool(database_url, 2) as pool:
        yield pool


@pytest.fixture
def subject(database_url: str, pool: Pool) -> Subject:
    write_room(database_url)
    with pool.connection() as connection:
        found = read_subject(connection, KIND, AIRING.code)
    assert found is not None
    return found


def decided(pool: Pool, subject: Subject, at: datetime = NOW) -> KeptDecision:
    # As the worker does, with its own login.
    assert isinstance(pool.conninfo, str)
    with open_pool(as_login(pool.conninfo, Login.WORKER), 1) as working:
        written = decide(working, AIRINGS, subject, at)
    assert written is not None
    return kept(pool, written.decision_id)


def kept(pool: Pool, decision_id: int) -> KeptDecision:
    with pool.connection() as connection:
        found = read_decision(connection, decision_id)
    assert found is not None
    return found


def answered(pool: Pool, decision_id: int, given: Answer) -> KeptDecision | None:
    with pool.connection() as connection:
        return answer(connection, decision_id, given)


def given(state: DecisionState, at: datetime = NOW + MINUTE, **more: Any) -> Answer:
    return Answer(state, "Nadia", at, **more)


def outgoing(pool: Pool) -> list[Outgoing]:
    """Return what whoever acts on decisions of the kind hears; events have topics of their own."""
    with pool.connection() as connection:
        return [one for one in take_outgoing(connection, 10) if one.topic.endswith(f"/{KIND}")]


def live(dsn: str) -> list[tuple[str, list[tuple[int, str]]]]:
    with connected(dsn) as connection:
        rows = connection.execute(
            "SELECT commune_insee, body FROM live_event WHERE kind = 'decisions' ORDER BY 1, event_id"
        )
        return [(insee, [(item["decision_id"], item["state"]) for item in body]) for insee, body in rows]


def test_a_decision_is_kept_as_it_was_made_with_its_policy(pool: Pool, subject: Subject) -> None:
    one = decided(pool, subject)
    assert (one.state, one.policy, one.subject_name) == (DecisionState.PROPOSED, subject.policy, "École Jaurès")
    assert one.decision == AIRINGS.decide(Room(1, NOW - 2 * MINUTE, 1_500.0), subject.policy, NOW)
    assert one.answers == ()


def test_a_new_proposal_supersedes_the_unanswered_one_and_both_are_told(
    database_url: str, pool: Pool, subject: Subject
) -> None:
    first = decided(pool, subject)
    second = decided(pool, subject, NOW + MINUTE)
    old = kept(pool, first.decision_id)
    assert old.state is DecisionState.SUPERSEDED
    assert [(one.state, one.by, one.at) for one in old.answers] == [(DecisionState.SUPERSEDED, "vigie", NOW + MINUTE)]
    assert live(database_url) == [
        (COMMUNE, [(first.decision_id, "proposed")]),
        (COMMUNE, [(second.decision_id, "proposed"), (first.decision_id, "superseded")]),
    ]


def test_what_was_approved_is_not_superseded(pool: Pool, subject: Subject) -> None:
    first = decided(pool, subject)
    answered(pool, first.decision_id, given(DecisionState.APPROVED))
    decided(pool, subject, NOW + 2 * MINUTE)
    assert kept(pool, first.decision_id).state is DecisionState.APPROVED


def test_a_decision_of_the_same_instant_or_an_earlier_one_is_not_kept(pool: Pool, subject: Subject) -> None:
    first = decided(pool, subject)
    assert decide(pool, AIRINGS, subject, NOW) is None
    assert decide(pool, AIRINGS, subject, NOW - MINUTE) is None
    assert kept(pool, first.decision_id).state is DecisionState.PROPOSED


def test_a_decision_that_took_too_long_is_not_kept(
    pool: Pool, subject: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(life, "DECIDE_S_MAX", -1.0)
    with pytest.raises(life.DecisionLate, match="93051:ecole"):
        decide(pool, AIRINGS, subject, NOW)
    with pool.connection() as connection:
        assert read_decisions(connection, Wanted()) == []


def test_an_approval_is_told_live_and_to_the_outside_with_its_actions(
    database_url: str, pool: Pool, subject: Subject
) -> None:
    one = decided(pool, subject)
    answered(pool, one.decision_id, given(DecisionState.APPROVED))
    assert live(database_url)[-1] == (COMMUNE, [(one.decision_id, "approved")])
    [message] = outgoing(pool)
    assert message.topic == f"vigie/out/v1/{COMMUNE}/decision/{KIND}"
    assert {name: message.payload[name] for name in ("decision_id", "kind", "subject", "state", "by", "at")} == {
        "decision_id": one.decision_id,
        "kind": KIND,
        "subject": AIRING.code,
        "state": "approved",
        "by": "Nadia",
        "at": "2026-03-16T09:21:00Z",
    }
    assert [action["what"] for action in message.payload["actions"]] == ["open_windows"]


def test_a_refusal_keeps_its_note_and_says_nothing_outside(pool: Pool, subject: Subject) -> None:
    one = decided(pool, subject)
    refused = answered(pool, one.decision_id, given(DecisionState.REFUSED, note="Contrôle en cours."))
    assert refused is not None
    assert refused.state is DecisionState.REFUSED
    assert [answer.note for answer in refused.answers] == ["Contrôle en cours."]
    assert outgoing(pool) == []


def test_taking_an_approval_back_is_told_outside_without_actions(pool: Pool, subject: Subject) -> None:
    one = decided(pool, subject)
    answered(pool, one.decision_id, given(DecisionState.APPROVED))
    answered(pool, one.decision_id, given(DecisionState.REFUSED, NOW + timedelta(days=1), note="Trop froid."))
    first, second = outgoing(pool)
    assert (first.payload["state"], second.payload["state"], second.payload["actions"]) == ("approved", "refused", [])


def test_an_edit_keeps_both_versions_and_its_actions_are_what_is_approved(pool: Pool, subject: Subject) -> None:
    one = decided(pool, subject)
    shorter = Action("room", "open_windows", Window(NOW, NOW + 5 * MINUTE), 5.0, "min")
    answered(pool, one.decision_id, given(DecisionState.EDITED, actions=(shorter,)))
    approved = answered(pool, one.decision_id, given(DecisionState.APPROVED, NOW + 2 * MINUTE))
    assert approved is not None
    assert approved.decision.actions == one.decision.actions
    assert [answer.actions for answer in approved.answers] == [(shorter,), None]
    [message] = outgoing(pool)
    assert [action["value"] for action in message.payload["actions"]] == [5.0]


@pytest.mark.parametrize(
    ("state", "at", "why"),
    [
        (DecisionState.APPLIED, NOW + MINUTE, "proposed cannot become applied"),
        (DecisionState.APPROVED, NOW + 61 * MINUTE, "until 2026-03-16T10:20:00Z"),
    ],
)
def test_an_answer_that_cannot_follow_changes_nothing(
    pool: Pool, subject: Subject, state: DecisionState, at: datetime, why: str
) -> None:
    one = decided(pool, subject)
    with pytest.raises(StateRefused, match=why):
        answered(pool, one.decision_id, given(state, at))
    assert kept(pool, one.decision_id).answers == ()
    assert outgoing(pool) == []


def test_nothing_is_approved_where_nothing_was_proposed(database_url: str, pool: Pool) -> None:
    write_room(database_url, co2_ppm=None)
    one = decided(pool, AIRING)
    assert one.decision.soundness is Soundness.IMPOSSIBLE
    with pytest.raises(StateRefused, match="nothing to approve"):
        answered(pool, one.decision_id, given(DecisionState.APPROVED))


def test_an_answer_to_no_decision_is_none(pool: Pool) -> None:
    assert answered(pool, 404, given(DecisionState.APPROVED)) is None


def test_two_processes_never_hold_the_same_message_and_one_that_fails_leaves_it(pool: Pool, subject: Subject) -> None:
    answered(pool, decided(pool, subject).decision_id, given(DecisionState.APPROVED))
    with pool.connection() as one, pool.connection() as other:
        held = take_outgoing(one, 10)
        assert len(held) == 3
        assert take_outgoing(other, 10) == []
        one.rollback()
        again = take_outgoing(other, 10)
        assert again == held
        delete_outgoing(other, again)
    assert outgoing(pool) == []


def test_a_kind_decides_at_its_hours_and_looks_again_in_between(pool: Pool, subject: Subject) -> None:
    key = (KIND, AIRING.code)
    assert decisions_due(pool, NOW).to_decide == [key]
    decided(pool, subject)
    at = {minutes: decisions_due(pool, NOW + minutes * MINUTE) for minutes in (1, 5, 9, 10)}
    assert [due.to_decide for due in at.values()] == [[], [], [], [key]]
    assert [due.to_reconsider for due in at.values()] == [[], [key], [], []]


def test_what_was_impossible_is_looked_at_every_minute(database_url: str, pool: Pool) -> None:
    write_room(database_url, co2_ppm=None)
    decided(pool, AIRING)
    assert decisions_due(pool, NOW + MINUTE).to_reconsider == [(KIND, AIRING.code)]
    assert decide_if_moved(pool, AIRINGS, AIRING, NOW + MINUTE) is None
    write_co2(database_url, 800.0, NOW + MINUTE)
    moved = decide_if_moved(pool, AIRINGS, AIRING, NOW + 2 * MINUTE)
    assert moved is not None
    assert kept(pool, moved.decision_id).decision.soundness is Soundness.SOUND


def test_an_edit_is_left_alone_until_its_deadline(pool: Pool, subject: Subject) -> None:
    one = decided(pool, subject)
    answered(pool, one.decision_id, given(DecisionState.EDITED, actions=()))
    assert decisions_due(pool, NOW + 45 * MINUTE).to_decide == []
    assert decisions_due(pool, NOW + 60 * MINUTE).to_decide == [(KIND, AIRING.code)]


def test_a_small_move_decides_nothing_a_large_one_does(database_url: str, pool: Pool, subject: Subject) -> None:
    decided(pool, subject)
    write_co2(database_url, 1_700.0, NOW + MINUTE)
    assert decide_if_moved(pool, AIRINGS, subject, NOW + 2 * MINUTE) is None
    write_co2(database_url, 900.0, NOW + 2 * MINUTE)
    assert decide_if_moved(pool, AIRINGS, subject, NOW + 3 * MINUTE) is not None


def test_a_new_policy_is_a_move(pool: Pool, subject: Subject) -> None:
    decided(pool, subject)
    stricter = replace(subject, policy={**subject.policy, "limit_ppm": 800.0})
    assert decide_if_moved(pool, AIRINGS, stricter, NOW + MINUTE) is not None


def test_a_replay_reads_what_was_known_then_and_keeps_to_the_policy_of_then(
    database_url: str, pool: Pool, subject: Subject
) -> None:
    one = decided(pool, subject)
    write_co2(database_url, 450.0, NOW - MINUTE, received_at=NOW + MINUTE)
    with pool.connection() as connection:
        later = write_policy(connection, KIND, AIRING.code, {**subject.policy, "limit_ppm": 2_000.0})
    assert later is not None
    again = replay(pool, AIRINGS, later, NOW)
    assert again.is_same
    assert again.kept == one
    elsewhere = replay(pool, AIRINGS, later, NOW + 2 * MINUTE)
    assert (elsewhere.kept, elsewhere.is_same) == (None, False)
    assert elsewhere.decision.headline.values["co2_ppm"] == 450.0


def test_a_replay_that_comes_out_otherwise_says_so(pool: Pool, subject: Subject) -> None:
    decided(pool, subject)

    def bolder(room: Room, policy: dict[str, Any], now: datetime) -> Decision:
        return replace(AIRINGS.decide(room, policy, now), figures={"airings": 2.0})

    assert not replay(pool, replace(AIRINGS, decide=bolder), subject, NOW).is_same


def test_declaring_again_keeps_the_policy_a_person_set(pool: Pool, subject: Subject) -> None:
    with pool.connection() as connection:
        write_policy(connection, KIND, AIRING.code, {"limit_ppm": 800})
        write_subject(connection, replace(subject, name="École Zola"))
        assert read_subjects(connection, kind=KIND, commune=COMMUNE) == [
            replace(subject, name="École Zola", policy={"limit_ppm": 800})
        ]
        assert read_subjects(connection, commune="75056") == []
        assert write_policy(connection, KIND, "nowhere", {}) is None


def test_decisions_are_read_newest_first_by_what_is_wanted(pool: Pool, subject: Subject) -> None:
    other = replace(subject, code="93051:mairie")
    with pool.connection() as connection:
        write_subject(connection, other)
    ids = [decided(pool, subject, NOW + n * MINUTE).decision_id for n in range(3)]

    def elsewhere(room: Room, policy: dict[str, Any], now: datetime) -> Decision:
        return replace(AIRINGS.decide(room, policy, now), subject=other.code)

    written = decide(pool, replace(AIRINGS, decide=elsewhere), other, NOW)
    assert written is not None
    with pool.connection() as connection:

        def found(wanted: Wanted, limit: int = 20) -> list[int]:
            return [one.decision_id for one in read_decisions(connection, wanted, limit=limit)]

        assert found(Wanted()) == [written.decision_id, *reversed(ids)]
        assert found(Wanted(), limit=2) == [written.decision_id, ids[2]]
        assert found(Wanted(before=ids[2])) == [ids[1], ids[0]]
        assert found(Wanted(newest=True)) == [written.decision_id, ids[2]]
        assert found(Wanted(subject=subject.code, state=DecisionState.SUPERSEDED)) == [ids[1], ids[0]]
        assert found(Wanted(kind=KIND, commune="75056")) == []
        assert read_simulated_series(connection, [1, 99]) == {1}


async def work(settings: WorkerSettings, pool: Pool) -> None:
    """Run the jobs that wait, and no tick."""
    app = jobs.worker_app(settings, pool)
    async with app.open_async():
        await app.run_worker_async(
            wait=False, listen_notify=False, install_signal_handlers=False, delete_jobs="successful"
        )


def test_a_kind_that_fails_is_told_with_its_subject_and_does_not_stop_the_others(
    database_url: str,
) -> None:
    worker = as_login(database_url, Login.WORKER)
    present = clock.now()
    write_room(database_url, at=present - MINUTE)

    def broken(_room: Room, _policy: dict[str, Any], _now: datetime) -> Decision:
        raise ZeroDivisionError

    with registered(broken=replace(AIRINGS, kind="broken", decide=broken)), open_pool(database_url, 2) as pool:
        with pool.connection() as connection:
            write_subject(connection, replace(AIRING, kind="broken", code="b"))
        sync = procrastinate.App(connector=procrastinate.SyncPsycopgConnector(conninfo=worker))
        with sync.open():
            jobs.ask_to_decide(sync, pool, present)
            jobs.ask_to_decide(sync, pool, present)
        with capture_logs() as lines, open_pool(worker, 2) as working:
            asyncio.run(work(WorkerSettings(database_url=SecretStr(worker)), working))
        with pool.connection() as connection:
            assert [one.decision.kind for one in read_decisions(connection, Wanted())] == [KIND]
    # Once as asked here; a tick of the worker's own may have asked again.
    failed = {
        (line["kind"], line["subject"], line["log_level"]) for line in lines if line["event"] == "decision_failed"
    }
    assert failed == {("broken", "b", "error")}
    with connected(database_url) as connection:
        left = connection.execute("SELECT count(*) FROM procrastinate_jobs WHERE status = 'failed'").fetchone()
    assert left == (0,)
