"""Decisions in the store: what is decided about, what was proposed, and what became of it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.audit import Act, What
from core.decision_json import format_actions, format_decision, parse_actions, parse_decision
from core.decisions import Answer, Decision, DecisionState, Soundness, Subject, follow
from core.store.audit import record
from core.store.pool import Connection

PLATFORM = "vigie"
"""Who supersedes: the platform, not a person."""
UNANSWERED = (DecisionState.PROPOSED, DecisionState.EDITED)


def write_subject(connection: Connection, subject: Subject) -> None:
    """Declare what is decided about; one that is known takes the name and keeps the policy a person may have set.

    Where its code names a site of its commune (``93051:mediatheque``), whoever sees that site sees it.
    """
    connection.execute(
        """
        INSERT INTO decision_subject (kind, code, commune_insee, name, policy, site_id)
        VALUES (%(kind)s, %(code)s, %(commune)s, %(name)s, %(policy)s,
                (SELECT site_id FROM site
                  WHERE commune_insee = %(commune)s AND code = split_part(%(code)s, ':', 2)
                    AND %(code)s = commune_insee || ':' || code))
        ON CONFLICT (kind, code) DO UPDATE
           SET commune_insee = excluded.commune_insee, name = excluded.name, site_id = excluded.site_id
        """,
        {
            "kind": subject.kind,
            "code": subject.code,
            "commune": subject.commune_insee,
            "name": subject.name,
            "policy": json.dumps(subject.policy, allow_nan=False),
        },
    )


def write_policy(connection: Connection, kind: str, code: str, policy: dict[str, Any]) -> Subject | None:
    """Set the policy of a subject and return it, or None when there is no such subject."""
    before = connection.execute(
        "SELECT policy FROM decision_subject WHERE kind = %s AND code = %s FOR NO KEY UPDATE", (kind, code)
    ).fetchone()
    row = connection.execute(
        """
        UPDATE decision_subject SET policy = %s WHERE kind = %s AND code = %s
        RETURNING kind, code, commune_insee, name, policy
        """,
        (json.dumps(policy, allow_nan=False), kind, code),
    ).fetchone()
    if row is None or before is None:
        return None
    subject = Subject(*row)
    record(connection, Act(What.POLICY_SET, f"subject:{kind}:{code}", subject.commune_insee, before[0], policy))
    return subject


def hold_subject(connection: Connection, kind: str, code: str) -> Subject | None:
    """Return a subject that nobody else changes until this transaction ends, None when there is none."""
    row = connection.execute(
        """
        SELECT kind, code, commune_insee, name, policy FROM decision_subject
         WHERE kind = %s AND code = %s FOR NO KEY UPDATE
        """,
        (kind, code),
    ).fetchone()
    return None if row is None else Subject(*row)


def read_place(connection: Connection, kind: str, code: str) -> tuple[str, int | None] | None:
    """Return where a subject is: its commune, and its site where it is of one; None when there is no such subject."""
    row = connection.execute(
        "SELECT commune_insee, site_id FROM decision_subject WHERE kind = %s AND code = %s", (kind, code)
    ).fetchone()
    return None if row is None else (row[0], row[1])


def read_subjects(
    connection: Connection, *, kind: str | None = None, commune: str | None = None, limit: int = 1_000
) -> list[Subject]:
    """Return what is decided about, by kind and code."""
    rows = connection.execute(
        """
        SELECT kind, code, commune_insee, name, policy FROM decision_subject
         WHERE (%(kind)s::text IS NULL OR kind = %(kind)s)
           AND (%(commune)s::text IS NULL OR commune_insee = %(commune)s)
         ORDER BY kind, code LIMIT %(limit)s
        """,
        {"kind": kind, "commune": commune, "limit": limit},
    )
    return [Subject(*row) for row in rows]


def read_subject(connection: Connection, kind: str, code: str) -> Subject | None:
    """Return one subject, or None."""
    row = connection.execute(
        "SELECT kind, code, commune_insee, name, policy FROM decision_subject WHERE kind = %s AND code = %s",
        (kind, code),
    ).fetchone()
    return Subject(*row) if row else None


@dataclass(frozen=True, slots=True)
class KeptDecision:
    """A decision as it is kept.

    Parameters
    ----------
    policy
        The policy it was decided with.
    answers
        What became of it, oldest first.
    """

    decision_id: int
    state: DecisionState
    decision: Decision
    policy: dict[str, Any]
    subject_name: str
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Written:
    """A decision that was written: its id, and the ids of those it superseded."""

    decision_id: int
    superseded: tuple[int, ...]


def write_decision(connection: Connection, decision: Decision, policy: dict[str, Any]) -> Written | None:
    """Keep a proposal, and supersede what was not answered yet on the same subject, in one transaction.

    Returns
    -------
    Written or None
        None, and nothing changed, when one made at the same instant or later is already kept.
    """
    key = {"kind": decision.kind, "subject": decision.subject, "made_at": decision.made_at}
    with connection.transaction():
        # One at a time on a subject: two that decide together see each other's work.
        connection.execute(
            "SELECT FROM decision_subject WHERE kind = %(kind)s AND code = %(subject)s FOR NO KEY UPDATE", key
        )
        overtaken = connection.execute(
            "SELECT FROM decision WHERE kind = %(kind)s AND subject = %(subject)s AND made_at >= %(made_at)s LIMIT 1",
            key,
        ).fetchone()
        if overtaken is not None:
            return None
        superseded = _supersede(connection, decision)
        row = connection.execute(
            """
            INSERT INTO decision (kind, subject, commune_insee, made_at, state, body, policy)
            VALUES (%(kind)s, %(subject)s, %(commune)s, %(made_at)s, %(state)s, %(body)s, %(policy)s)
            RETURNING decision_id
            """,
            {
                **key,
                "commune": decision.commune_insee,
                "state": DecisionState.PROPOSED,
                "body": json.dumps(format_decision(decision)),
                "policy": json.dumps(policy, allow_nan=False),
            },
        ).fetchone()
    assert row is not None, "an insert returns its row"
    return Written(int(row[0]), superseded)


def _supersede(connection: Connection, decision: Decision) -> tuple[int, ...]:
    rows = connection.execute(
        """
        WITH superseded AS (
            UPDATE decision SET state = %(state)s
             WHERE kind = %(kind)s AND subject = %(subject)s AND state = ANY(%(unanswered)s)
            RETURNING decision_id
        )
        INSERT INTO decision_answer (decision_id, at, state, by, note)
        SELECT decision_id, %(at)s, %(state)s, %(by)s, '' FROM superseded
        RETURNING decision_id
        """,
        {
            "state": DecisionState.SUPERSEDED,
            "kind": decision.kind,
            "subject": decision.subject,
            "unanswered": list(UNANSWERED),
            "at": decision.made_at,
            "by": PLATFORM,
        },
    )
    return tuple(row[0] for row in rows)


def write_answer(connection: Connection, decision_id: int, answer: Answer) -> DecisionState | None:
    """Keep what was done with a decision; return the state it was in, or None when there is no such decision.

    Raises
    ------
    StateRefused
        If the answer cannot follow that state.
    """
    with connection.transaction():
        row = connection.execute(
            "SELECT state, body FROM decision WHERE decision_id = %s FOR UPDATE", (decision_id,)
        ).fetchone()
        if row is None:
            return None
        before = DecisionState(row[0])
        state = follow(before, answer, parse_decision(row[1]))
        connection.execute("UPDATE decision SET state = %s WHERE decision_id = %s", (state, decision_id))
        edited = json.dumps(format_actions(answer.actions), allow_nan=False) if answer.actions is not None else None
        connection.execute(
            "INSERT INTO decision_answer (decision_id, at, state, by, note, actions) VALUES (%s, %s, %s, %s, %s, %s)",
            (decision_id, answer.at, state, answer.by, answer.note, edited),
        )
    return before


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which decisions to read; None is any.

    Parameters
    ----------
    newest
        Only the newest decision of each subject.
    before
        Only decisions written before the one of this id.
    """

    kind: str | None = None
    commune: str | None = None
    subject: str | None = None
    state: DecisionState | None = None
    newest: bool = False
    before: int | None = None


# The newest of each subject is found by the key (kind, subject, made_at), however long its history is.
_NEWEST = """
    SELECT decision.decision_id, decision.state, decision.body, decision.policy, decision_subject.name
      FROM decision_subject CROSS JOIN LATERAL (
            SELECT decision_id, state, body, policy FROM decision
             WHERE decision.kind = decision_subject.kind AND decision.subject = decision_subject.code
             ORDER BY made_at DESC LIMIT 1
           ) AS decision
     WHERE (%(kind)s::text IS NULL OR decision_subject.kind = %(kind)s)
       AND (%(commune)s::text IS NULL OR decision_subject.commune_insee = %(commune)s)
       AND (%(subject)s::text IS NULL OR decision_subject.code = %(subject)s)
       AND (%(state)s::text IS NULL OR decision.state = %(state)s)
       AND (%(before)s::integer IS NULL OR decision.decision_id < %(before)s)
     ORDER BY decision.decision_id DESC LIMIT %(limit)s
"""
_HISTORY = """
    SELECT decision.decision_id, decision.state, decision.body, decision.policy, decision_subject.name
      FROM decision JOIN decision_subject
        ON decision_subject.kind = decision.kind AND decision_subject.code = decision.subject
     WHERE (%(kind)s::text IS NULL OR decision.kind = %(kind)s)
       AND (%(commune)s::text IS NULL OR decision.commune_insee = %(commune)s)
       AND (%(subject)s::text IS NULL OR decision.subject = %(subject)s)
       AND (%(state)s::text IS NULL OR decision.state = %(state)s)
       AND (%(before)s::integer IS NULL OR decision.decision_id < %(before)s)
     ORDER BY decision.decision_id DESC LIMIT %(limit)s
"""


def read_decisions(connection: Connection, wanted: Wanted, *, limit: int = 20) -> list[KeptDecision]:
    """Return decisions with their answers, the newest first."""
    rows = connection.execute(
        _NEWEST if wanted.newest else _HISTORY,
        {
            "kind": wanted.kind,
            "commune": wanted.commune,
            "subject": wanted.subject,
            "state": wanted.state,
            "before": wanted.before,
            "limit": limit,
        },
    ).fetchall()
    return _kept(connection, rows)


def read_decision(connection: Connection, decision_id: int) -> KeptDecision | None:
    """Return one decision with its answers, or None."""
    rows = connection.execute(
        """
        SELECT decision.decision_id, decision.state, decision.body, decision.policy, decision_subject.name
          FROM decision JOIN decision_subject
            ON decision_subject.kind = decision.kind AND decision_subject.code = decision.subject
         WHERE decision.decision_id = %s
        """,
        (decision_id,),
    ).fetchall()
    return next(iter(_kept(connection, rows)), None)


def read_decision_of(connection: Connection, kind: str, subject: str, made_at: datetime) -> KeptDecision | None:
    """Return the decision that was made on a subject at this very instant, or None."""
    rows = connection.execute(
        """
        SELECT decision.decision_id, decision.state, decision.body, decision.policy, decision_subject.name
          FROM decision JOIN decision_subject
            ON decision_subject.kind = decision.kind AND decision_subject.code = decision.subject
         WHERE decision.kind = %s AND decision.subject = %s AND decision.made_at = %s
        """,
        (kind, subject, made_at),
    ).fetchall()
    return next(iter(_kept(connection, rows)), None)


def _kept(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> list[KeptDecision]:
    answers: dict[int, list[Answer]] = defaultdict(list)
    for decision_id, state, by, at, note, actions in connection.execute(
        """
        SELECT decision_id, state, by, at, note, actions FROM decision_answer
         WHERE decision_id = ANY(%s) ORDER BY answer_id
        """,
        ([row[0] for row in rows],),
    ):
        edited = parse_actions(actions) if actions is not None else None
        answers[decision_id].append(Answer(DecisionState(state), by, at, note, edited))
    return [
        KeptDecision(decision_id, DecisionState(state), parse_decision(body), policy, name, tuple(answers[decision_id]))
        for decision_id, state, body, policy, name in rows
    ]


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a subject stands: its newest decision, without its body; all None when nothing was ever decided."""

    kind: str
    code: str
    made_at: datetime | None
    state: DecisionState | None
    soundness: Soundness | None
    answer_by: datetime | None


def read_standings(connection: Connection) -> list[Standing]:
    """Return where every subject stands, by kind and code."""
    rows = connection.execute(
        """
        SELECT decision_subject.kind, decision_subject.code, newest.made_at, newest.state, newest.soundness,
               newest.answer_by
          FROM decision_subject LEFT JOIN LATERAL (
                SELECT made_at, state, body ->> 'soundness' AS soundness,
                       (body ->> 'answer_by')::timestamptz AS answer_by
                  FROM decision
                 WHERE decision.kind = decision_subject.kind AND decision.subject = decision_subject.code
                 ORDER BY made_at DESC LIMIT 1
               ) AS newest ON true
         ORDER BY decision_subject.kind, decision_subject.code
        """,
    )
    return [
        Standing(
            kind,
            code,
            made_at,
            DecisionState(state) if state else None,
            Soundness(soundness) if soundness else None,
            answer_by,
        )
        for kind, code, made_at, state, soundness, answer_by in rows
    ]


def read_simulated_series(connection: Connection, series_ids: Sequence[int]) -> frozenset[int]:
    """Return those of these series whose readings are simulated."""
    rows = connection.execute("SELECT series_id FROM simulated_series(%s)", (list(series_ids),))
    return frozenset(row[0] for row in rows)
