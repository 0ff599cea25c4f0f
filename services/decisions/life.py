"""The life of decisions: made at their hours or when the situation moves, answered by people, told to the outside.

Nothing here applies anything: an approval is kept, shown and published, and whoever listens acts on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

import structlog

from core import instruments
from core.audit import Act, What
from core.clock import floor_to_step, format_instant
from core.decision_json import format_actions, format_decision
from core.decisions import Action, Answer, Decision, DecisionState, Soundness, Subject
from core.errors import VigieError
from core.store.audit import record
from core.store.decisions import (
    KeptDecision,
    Standing,
    Wanted,
    Written,
    read_decision,
    read_decision_of,
    read_decisions,
    read_standings,
    read_subject,
    write_answer,
    write_decision,
)
from core.store.live import write_live_decisions
from core.store.outbox import write_outgoing
from core.store.pool import Connection, Pool, Source
from services.decisions.decider import Decider
from services.decisions.registry import DECIDERS
from services.decisions.telling import tell_answer, tell_proposal

DECIDE_S_MAX = 60.0
"""A decision that took longer speaks of a situation that has passed: it is not kept."""
LOOK_EVERY = timedelta(minutes=5)
"""How often a subject is looked at between its kind's hours, called every minute."""
SETTLED = timedelta(seconds=10)
"""What was received in the last seconds may not be committed yet: who decides now decides as of so long ago, so that
a replay reads exactly what the decision read."""

log = structlog.get_logger(__name__)


class UnknownSubject(VigieError):
    """Nothing of this kind and code is decided about."""


class DecisionLate(VigieError):
    """Deciding took so long that the situation has passed: nothing was kept."""


def decide(pool: Source, decider: Decider[Any, Any], subject: Subject, now: datetime) -> Written | None:
    """Decide on a subject from what is known at ``now`` and keep the proposal.

    Returns
    -------
    Written or None
        None when a decision made at the same instant or later is already kept.

    Raises
    ------
    DecisionLate
        If it took longer than `DECIDE_S_MAX`.
    """
    began_s = monotonic()
    decision = proposed(pool, decider, subject, now)
    return _kept(pool, decision, subject, began_s)


def decide_if_moved(pool: Pool, decider: Decider[Any, Any], subject: Subject, now: datetime) -> Written | None:
    """Decide before the hour if the situation has moved since the newest decision, or carries one where none could be.

    Returns
    -------
    Written or None
        None when nothing moved.
    """
    began_s = monotonic()
    with pool.connection() as connection:
        newest = next(iter(read_decisions(connection, _newest_of(subject), limit=1)), None)
        policy = decider.parse_policy(subject.policy)
        situation = decider.read(connection, subject, policy, now)
        if newest is None:
            before = None
        else:
            policy_then = decider.parse_policy(newest.policy)
            before = decider.read(connection, subject, policy_then, newest.decision.made_at)
    moved = newest is None or newest.policy != subject.policy or decider.changed(before, situation)
    if not moved and newest is not None and newest.decision.soundness is not Soundness.IMPOSSIBLE:
        return None
    decision = decider.decide(situation, policy, now)
    if not moved and newest is not None and decision.soundness is newest.decision.soundness:
        return None
    return _kept(pool, decision, subject, began_s)


def proposed(pool: Source, decider: Decider[Any, Any], subject: Subject, now: datetime) -> Decision:
    """Return what would be proposed from what is known at ``now``, and keep nothing."""
    policy = decider.parse_policy(subject.policy)
    with pool.connection() as connection:
        situation = decider.read(connection, subject, policy, now)
    # The connection is given back first: a solver may take its time.
    return decider.decide(situation, policy, now)


def _kept(pool: Source, decision: Decision, subject: Subject, began_s: float) -> Written | None:
    took_s = monotonic() - began_s
    if took_s > DECIDE_S_MAX:
        raise DecisionLate(f"{subject.kind} {subject.code}: deciding took {took_s:.0f} s, {DECIDE_S_MAX:.0f} at most")
    with pool.connection() as connection:
        written = write_decision(connection, decision, subject.policy)
        if written is not None:
            states = {
                written.decision_id: DecisionState.PROPOSED,
                **dict.fromkeys(written.superseded, DecisionState.SUPERSEDED),
            }
            items = [_live_item(decision, decision_id, state) for decision_id, state in states.items()]
            write_live_decisions(connection, decision.made_at, decision.commune_insee, items)
            tell_proposal(connection, decision, written, subject)
    if written is not None:
        instruments.DECISIONS.labels(decision.kind, decision.soundness).inc()
        log.info(
            "decision_proposed",
            kind=decision.kind,
            subject=decision.subject,
            decision_id=written.decision_id,
            soundness=decision.soundness.value,
            actions=len(decision.actions),
            superseded=len(written.superseded),
            duration_s=round(took_s, 3),
        )
    return written


@dataclass(frozen=True, slots=True)
class DueDecisions:
    """Subjects, as (kind, code), to decide on now, and those to look at again."""

    to_decide: list[tuple[str, str]]
    to_reconsider: list[tuple[str, str]]


def decisions_due(pool: Pool, now: datetime) -> DueDecisions:
    """Return the subjects whose kind's hour has come since their newest decision, and those to look at again.

    What is not sound is looked at every minute, the rest every `LOOK_EVERY`. A person's edit that waits for approval
    is left alone until its deadline.
    """
    due = DueDecisions([], [])
    is_look = now < floor_to_step(now, LOOK_EVERY) + timedelta(minutes=1)
    with pool.connection() as connection:
        standings = [standing for standing in read_standings(connection) if standing.kind in DECIDERS]
    for standing in standings:
        subject = (standing.kind, standing.code)
        if _is_edited(standing, now):
            continue
        if standing.made_at is None or standing.made_at < floor_to_step(now, DECIDERS[standing.kind].every):
            due.to_decide.append(subject)
        elif is_look or standing.soundness is not Soundness.SOUND:
            due.to_reconsider.append(subject)
    return due


def impossible_subjects(pool: Pool) -> list[tuple[str, str]]:
    """Return the subjects, as (kind, code), on which nothing could be proposed the last time."""
    with pool.connection() as connection:
        standings = read_standings(connection)
    return [
        (standing.kind, standing.code)
        for standing in standings
        if standing.soundness is Soundness.IMPOSSIBLE and standing.kind in DECIDERS
    ]


def _is_edited(standing: Standing, now: datetime) -> bool:
    waits = standing.answer_by is not None and now < standing.answer_by
    return standing.state is DecisionState.EDITED and waits


def answer(connection: Connection, decision_id: int, given: Answer) -> KeptDecision | None:
    """Keep a person's answer, tell the live feed, and have an approval, or its end, published; None without a decision.

    All in the caller's transaction: what is told outside is what is kept.

    Raises
    ------
    StateRefused
        If the answer cannot follow the state that the decision is in.
    """
    before = write_answer(connection, decision_id, given)
    if before is None:
        return None
    kept = read_decision(connection, decision_id)
    assert kept is not None, "it was answered in this transaction"
    decision = kept.decision
    item = _live_item(decision, decision_id, kept.state)
    announced = _announcement(kept, given)
    if kept.state is DecisionState.APPROVED or before is DecisionState.APPROVED:
        topic = f"vigie/out/v1/{decision.commune_insee}/decision/{decision.kind}"
        write_outgoing(connection, topic, announced, given.at)
    tell_answer(connection, kept, announced, given.at)
    write_live_decisions(connection, given.at, decision.commune_insee, [item])
    record(connection, _act(kept, before))
    log.info(
        "decision_answered",
        kind=decision.kind,
        subject=decision.subject,
        decision_id=decision_id,
        before=before.value,
        state=kept.state.value,
    )
    return kept


def _act(kept: KeptDecision, state: DecisionState) -> Act:
    """Return the last answer as the record of acts tells it: with what was approved, and what an edit changed."""
    given, decision = kept.answers[-1], kept.decision
    before: dict[str, Any] = {"state": state.value}
    after: dict[str, Any] = {
        "state": given.state.value,
        "kind": decision.kind,
        "subject": decision.subject,
        "note": given.note,
    }
    if given.state is DecisionState.EDITED:
        before["actions"] = format_actions(_actions(decision, kept.answers[:-1]))
    if given.state in {DecisionState.EDITED, DecisionState.APPROVED}:
        after["actions"] = format_actions(_actions(decision, kept.answers))
    what = What(f"decision_{given.state}")
    return Act(what, f"decision:{kept.decision_id}", decision.commune_insee, before, after)


def _actions(decision: Decision, answers: Sequence[Answer]) -> tuple[Action, ...]:
    """Return what is to be done: as it was edited last, or as it was proposed."""
    edits = [one.actions for one in answers if one.actions is not None]
    return edits[-1] if edits else decision.actions


def _announcement(kept: KeptDecision, given: Answer) -> dict[str, Any]:
    """Return what the outside hears; without an approval there is nothing to do, so it carries no actions."""
    return {
        "decision_id": kept.decision_id,
        "kind": kept.decision.kind,
        "subject": kept.decision.subject,
        "state": kept.state.value,
        "by": given.by,
        "at": format_instant(given.at),
        "actions": [] if kept.state is DecisionState.REFUSED else format_actions(_actions(kept.decision, kept.answers)),
    }


def _live_item(decision: Decision, decision_id: int, state: DecisionState) -> dict[str, Any]:
    return {
        "decision_id": decision_id,
        "kind": decision.kind,
        "subject": decision.subject,
        "state": state.value,
        "made_at": format_instant(decision.made_at),
    }


@dataclass(frozen=True, slots=True)
class Replay:
    """A decision made again from what was known at its instant.

    Parameters
    ----------
    kept
        The one that was kept at that instant; None when there is none to compare with.
    """

    decision: Decision
    kept: KeptDecision | None

    @property
    def is_same(self) -> bool:
        """Whether it came out as it was kept, to the last figure."""
        return self.kept is not None and format_decision(self.decision) == format_decision(self.kept.decision)


def replay(pool: Pool, decider: Decider[Any, Any], subject: Subject, at: datetime) -> Replay:
    """Decide again from what was known at ``at``, with the policy of the decision of that instant if there is one."""
    with pool.connection() as connection:
        kept = read_decision_of(connection, subject.kind, subject.code, at)
    policy = subject.policy if kept is None else kept.policy
    then = Subject(subject.kind, subject.code, subject.commune_insee, subject.name, policy)
    return Replay(proposed(pool, decider, then, at), kept)


def subject_named(connection: Connection, kind: str, code: str) -> Subject:
    """Return the subject of this kind and code.

    Raises
    ------
    UnknownSubject
        If there is none.
    """
    subject = read_subject(connection, kind, code)
    if subject is None:
        raise UnknownSubject(f"nothing of kind {kind} has the code {code!r}")
    return subject


def _newest_of(subject: Subject) -> Wanted:
    return Wanted(kind=subject.kind, subject=subject.code, newest=True)
