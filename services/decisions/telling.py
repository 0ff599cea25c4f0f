"""What the outside hears of decisions as events: proposals, answers, and that nothing can be proposed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from core.clock import format_instant
from core.decision_json import format_actions
from core.decisions import Decision, DecisionState, Soundness, Subject
from core.events import EVENT_OF_STATE, Event, EventName, PlatformAlarm, Severity
from core.store.decisions import PLATFORM, KeptDecision, Written
from core.store.events import DAILY, end_alarm, raise_alarm, write_event
from core.store.pool import Connection


def tell_proposal(connection: Connection, decision: Decision, written: Written, subject: Subject) -> None:
    """Tell, in the caller's transaction, what was proposed on a subject; or that nothing can be any more, or again."""
    at = decision.made_at
    told = {
        "decision_id": written.decision_id,
        "kind": decision.kind,
        "subject": decision.subject,
        "state": DecisionState.PROPOSED.value,
        "by": PLATFORM,
        "at": format_instant(at),
        "actions": format_actions(decision.actions),
        **_context(decision, subject.name),
        "supersedes": list(written.superseded),
    }
    name, about = EventName.DECISION_PROPOSED, f"{decision.kind}:{decision.subject}"
    write_event(connection, Event(name, at, decision.commune_insee, told, about, written.decision_id))
    alarm = PlatformAlarm(
        EventName.ALARM_DECISION_IMPOSSIBLE,
        Severity.WARNING,
        at,
        about,
        decision.commune_insee,
        {"name": subject.name, "kind": decision.kind},
        decision_id=written.decision_id,
    )
    if decision.soundness is Soundness.IMPOSSIBLE:
        raise_alarm(connection, alarm, at, reminded=DAILY)
    else:
        end_alarm(connection, alarm, at)


def tell_answer(connection: Connection, kept: KeptDecision, announced: dict[str, Any], at: datetime) -> None:
    """Tell, in the caller's transaction, what was done with a decision, where others must hear of it.

    Parameters
    ----------
    announced
        What the topic of its kind says.
    """
    name = EVENT_OF_STATE.get(kept.state)
    if name is None:
        return
    decision = kept.decision
    told = {**announced, **_context(decision, kept.subject_name)}
    about = f"{decision.kind}:{decision.subject}"
    write_event(connection, Event(name, at, decision.commune_insee, told, about, kept.decision_id))


def _context(decision: Decision, subject_name: str) -> dict[str, Any]:
    return {
        "subject_name": subject_name,
        "soundness": decision.soundness.value,
        "made_at": format_instant(decision.made_at),
        "answer_by": format_instant(decision.answer_by),
        "headline": {"key": decision.headline.key, "values": dict(decision.headline.values)},
    }
