"""A town for those who try to see what they may not: rows of two communes in every table, each told apart by its words.

Whatever is of one place says so in its texts, or has an id of its range: a row that is seen by whom it should not be is
known by what it says, whichever table, view or part it came from.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import psycopg
from psycopg import sql

from core.clock import now
from core.passes import digest_of, key_of, new_secret
from core.store.roles import Login, as_login, ensure_roles
from vigie.embedded import DatabaseServer

ALPHA, BRAVO = "93051", "93048"
"""The commune of those who try, and the other one."""


@dataclass(frozen=True, slots=True)
class Place:
    """A site with all that hangs on it: its word, the first digits of its ids, its commune."""

    word: str
    prefix: int
    commune: str

    @property
    def number(self) -> int:
        """Its ids, wherever it has one."""
        return self.prefix * 10_000

    def is_told(self, text: str) -> bool:
        """Whether a row's text tells of it."""
        return self.word in text or re.search(rf"\b{self.number}\b", text) is not None


HERE = Place("alphaville", 11_111, ALPHA)
"""The site that a site's pass is for."""
BESIDE = Place("autrelieu", 22_222, ALPHA)
"""Another site of the same commune."""
THERE = Place("bravoville", 33_333, BRAVO)
"""A site of the other commune."""
PLACES = (HERE, BESIDE, THERE)

TOLD_TO_ALL = frozenset(
    {
        "commune",
        "device_model",
        "role_right",
        "retention",
        "raw_kept",
        "heartbeat",
        "metric_family",
        "weather_issue",
        "contour",
        "_yoyo_migration",
    }
)
"""What tells of no place: whoever is let in may read it."""
OF_NO_PLACE = TOLD_TO_ALL | {
    "model",
    "reign",
    "model_concern",
    "backup",
    "storage_day",
    "audit_chain",
    "audit_asked",
    "sign_in_count",
    "timeless",
    "alarm_turn",
}
"""What has no rows of a place."""

OUR_RELATIONS = """
    SELECT nspname, relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
     WHERE relkind IN ('r', 'p', 'v', 'm') AND nspname IN ('public', 'seen') ORDER BY nspname, relname
"""
EVERY_RELATION = """
    SELECT nspname, relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
     WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 't', 'S') ORDER BY nspname, relname
"""
OUR_TABLES = """
    SELECT relname FROM pg_class
     WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
       AND relname NOT LIKE 'procrastinate%' ORDER BY relname
"""
COLUMNS = """
    SELECT attname FROM pg_attribute
     WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum
"""

_PLACE = """
    INSERT INTO site (site_id, commune_insee, code, name) OVERRIDING SYSTEM VALUE
    VALUES (%(number)s, %(commune)s, %(word)s, %(word)s);
    INSERT INTO sensor (sensor_id, external_id, kind, name, site_id, origin, adopted_at, model, interval_s)
    OVERRIDING SYSTEM VALUE
    VALUES (%(number)s, %(word)s, 'meter', %(word)s, %(number)s, 'field', now() - interval '1 year', %(word)s, 600);
    INSERT INTO series (series_id, sensor_id, metric) OVERRIDING SYSTEM VALUE
    VALUES (%(number)s, %(number)s, 'power_kw');
    INSERT INTO reading (series_id, observed_at, value, quality, received_at, flags)
    SELECT %(number)s, date_trunc('hour', now()) - number * interval '10 min', 7, 0, now(), 0
      FROM generate_series(1, 20) AS number;
    INSERT INTO latest (series_id, observed_at, value, quality, received_at) VALUES (%(number)s, now(), 7, 0, now());
    INSERT INTO rollup_hour (series_id, hour, count, good, slots)
    VALUES (%(number)s, date_trunc('hour', now()), 6, 6, 6);
    INSERT INTO rollup_day (series_id, day, count, good, slots, hours, hours_valid, rolled_at)
    VALUES (%(number)s, current_date, 6, 6, 6, 1, 1, now());
    INSERT INTO forecast (series_id, issued_at, step_s, steps, history_until, fallback)
    VALUES (%(number)s, date_trunc('hour', now()), 3600, 1, now() - interval '1 day', 'naive');
    INSERT INTO forecast_step (series_id, issued_at, valid_at, p05, p10, p25, p50, p75, p90, p95)
    VALUES (%(number)s, date_trunc('hour', now()), date_trunc('hour', now()), 1, 1, 1, 1, 1, 1, 1);
    INSERT INTO score (series_id, issued_at, scored_at, steps) VALUES (%(number)s, date_trunc('hour', now()), now(), 0);
    INSERT INTO score_day (series_id, day, model_id, issued, lead_from_h, regime, steps, pinball, pinball_naive,
                           absolute_error, absolute_error_naive, within_80, within_90, below)
    VALUES (%(number)s, current_date, 0, true, 0, 1, 1, 1, 1, 1, 1, 1, 1, '{0,0,0,0,0,0,0}');
    INSERT INTO online_shift (series_id, since, shifts) VALUES (%(number)s, now(), '{0,0,0,0,0,0,0}');
    INSERT INTO newest_issue (metric, commune_insee, issued_at) VALUES (%(word)s, %(commune)s, now());
    INSERT INTO speaker (series_id, since, model_speaks, skill) VALUES (%(number)s, now(), false, -0.1);
    INSERT INTO expectation (series_id, issued_at, since, p05, p50, p95)
    VALUES (%(number)s, now(), ARRAY[now()], ARRAY[1.0], ARRAY[1.0], ARRAY[1.0]);
    INSERT INTO frame (sensor_id, session, f_cnt, observed_at, received_at, arrival)
    VALUES (%(number)s, %(word)s, 7, now() - interval '1 hour', now(), 'live'),
           (%(number)s, %(word)s, 9, now(), now(), 'live');
    INSERT INTO raw_frame (sensor_id, slot, number, received_at, topic, payload, size_bytes, properties, outcome)
    VALUES (%(number)s, 0, 1, now(), %(word)s, '{}', 2, '{}', 'stored');
    INSERT INTO gateway_heard (sensor_id, day, gateway, frames, last_at)
    VALUES (%(number)s, current_date, %(word)s, 1, now());
    INSERT INTO gateway (gateway, name) VALUES (%(word)s, %(word)s);
    INSERT INTO duplicate_day (sensor_id, day, messages, last_at) VALUES (%(number)s, current_date, 1, now());
    INSERT INTO intervention (intervention_id, sensor_id, at, what, said, by, role, made_at) OVERRIDING SYSTEM VALUE
    VALUES (%(number)s, %(number)s, now(), 'remark', %(word)s, %(word)s, 'technician', now());
    INSERT INTO photo (photo_id, intervention_id, media_type, width, height, bytes, small) OVERRIDING SYSTEM VALUE
    VALUES (%(number)s, %(number)s, 'image/jpeg', 1, 1, '\\x00', '\\x00');
    INSERT INTO former_device (external_id, sensor_id, removed_at)
    VALUES (%(word)s || '-former', %(number)s, now() - interval '200 days');
    INSERT INTO former_place (sensor_id, site_id, left_at) VALUES (%(number)s, %(number)s, now() - interval '200 days');
    INSERT INTO sensor_change (change_id, sensor_id, changed_at, what, before, after, author) OVERRIDING SYSTEM VALUE
    VALUES (%(number)s, %(number)s, now(), 'edited', '{}', '{}', %(word)s);
    INSERT INTO calibration (series_id, valid_from, set_at, gain, shift, author)
    VALUES (%(number)s, now() - interval '1 year', now(), 2, 0, %(word)s);
    INSERT INTO touched (touched_id, series_ids, hours) OVERRIDING SYSTEM VALUE
    VALUES (%(number)s, ARRAY[%(number)s], ARRAY[now()]);
    INSERT INTO unrolled (series_id) VALUES (%(number)s);
    INSERT INTO rejection (rejection_id, received_at, reason, detail, topic, payload, size_bytes, properties,
                           external_id, commune_insee, last_received_at, digest) OVERRIDING SYSTEM VALUE
    VALUES (%(number)s, now(), 'unknown_unit', %(word)s, %(word)s, '{}', 2, '{}', %(word)s, %(commune)s, now(),
            sha256(%(word)s::bytea));
    INSERT INTO aside (aside_id, received_at, external_id, network, topic, payload, properties, digest)
    OVERRIDING SYSTEM VALUE
    VALUES (%(number)s, now(), %(word)s || '-aside', 'native',
            'vigie/v1/' || %(commune)s || '/meter/' || %(word)s || '-aside/up', '{}', '{}', sha256(%(word)s::bytea));
    INSERT INTO pruned (day, what, reason, bound, external_id, messages, bytes)
    VALUES (current_date, 'rejection', 'unknown_unit', 'messages', %(word)s, 1, 1);
    INSERT INTO intake (intake_id, kind, asked_at, author, arguments, state, changed_at) OVERRIDING SYSTEM VALUE
    VALUES (%(number)s, 'replay', now(), %(word)s, jsonb_build_object('external_id', %(word)s), 'asked', now());
    INSERT INTO live_event (event_id, created_at, commune_insee, kind, body) OVERRIDING SYSTEM VALUE
    VALUES (%(number)s, now(), %(commune)s, 'readings', json_build_array(%(word)s));
    INSERT INTO outbox (outbox_id, created_at, topic, payload) OVERRIDING SYSTEM VALUE
    VALUES (%(number)s, now(), 'vigie/out/v1/' || %(commune)s || '/decision/round', jsonb_build_array(%(word)s));
    INSERT INTO decision_subject (kind, code, commune_insee, name, policy, site_id)
    VALUES ('ventilation', %(commune)s || ':' || %(word)s, %(commune)s, %(word)s, '{}', %(number)s);
    INSERT INTO decision (decision_id, kind, subject, commune_insee, made_at, state, body, policy)
    OVERRIDING SYSTEM VALUE
    VALUES (%(number)s, 'ventilation', %(commune)s || ':' || %(word)s, %(commune)s, now(), 'proposed', '{}', '{}');
    INSERT INTO decision_answer (answer_id, decision_id, at, state, by, note) OVERRIDING SYSTEM VALUE
    VALUES (%(number)s, %(number)s, now(), 'refused', %(word)s, '');
    INSERT INTO export_schedule (schedule_id, name, wanted, by, format, destination, since, added_at, author,
                                 next_try_at)
    OVERRIDING SYSTEM VALUE
    VALUES (%(number)s, %(word)s, '{}', 'raw', 'csv', %(word)s, current_date, now(), %(word)s, now());
    INSERT INTO export_run (run_id, schedule_id, day, known_at, written_at, file, rows, bytes, sha256, corrects)
    OVERRIDING SYSTEM VALUE
    VALUES (%(number)s, %(number)s, current_date, now(), now(), %(word)s, 1, 1, repeat('0', 64), false);
    INSERT INTO person (person_id, subject, name, added_at) OVERRIDING SYSTEM VALUE
    VALUES (%(number)s, %(word)s, %(word)s, now());
    INSERT INTO person_grant (person_id, role, commune_insee) VALUES (%(number)s, 'analyst', %(commune)s);
    INSERT INTO group_grant (group_name, role, commune_insee) VALUES (%(word)s, 'analyst', %(commune)s);
    INSERT INTO pass (pass_id, kind, key_digest, name, made_at, made_by, expires_at) OVERRIDING SYSTEM VALUE
    VALUES (%(number)s, 'token', sha256(%(word)s::bytea), %(word)s, now(), %(word)s, now() + interval '1 day');
    INSERT INTO pass_grant (pass_id, role, commune_insee) VALUES (%(number)s, 'analyst', %(commune)s);
    INSERT INTO entry_link (key_digest, person_id, made_at, made_by, expires_at)
    VALUES (sha256(%(word)s::bytea), %(number)s, now(), %(word)s, now() + interval '1 day');
    INSERT INTO kept_answer (pass_id, key, asked_digest, answered_at, status)
    VALUES (%(number)s, %(word)s, sha256(%(word)s::bytea), now(), 200);
    INSERT INTO event (event_id, name, happened_at, commune_insee, subject, body)
    VALUES (gen_random_uuid(), 'decision.approved', now(), %(commune)s, %(word)s, '{}');
    INSERT INTO webhook (webhook_id, name, url, wanted, communes, sealed, made_at, made_by) OVERRIDING SYSTEM VALUE
    VALUES (%(number)s, %(word)s, 'https://' || %(word)s, ARRAY['decision.*'], ARRAY[%(commune)s], '\\x00', now(),
            %(word)s);
    INSERT INTO delivery (delivery_id, webhook_id, event_id, answer) OVERRIDING SYSTEM VALUE
    SELECT %(number)s, %(number)s, event_id, %(word)s FROM event WHERE subject = %(word)s;
    INSERT INTO alarm_rule (rule_id, name, condition, commune_insee, site_id, sensor_id, parameters, severity, since,
                            made_by)
    OVERRIDING SYSTEM VALUE
    VALUES (%(number)s, %(word)s, 'silence', %(commune)s, %(number)s, %(number)s, '{}', 'info', now(), %(word)s);
    INSERT INTO alarm (alarm_id, rule_id, name, severity, commune_insee, site_id, sensor_id, series_id, subject, since,
                       confirmed_at, raised_at)
    OVERRIDING SYSTEM VALUE
    VALUES (%(number)s, %(number)s, 'silence', 'info', %(commune)s, %(number)s, %(number)s, %(number)s, %(word)s, now(),
            now(), now());
    INSERT INTO alarm_act (act_id, alarm_id, at, by, what, said) OVERRIDING SYSTEM VALUE
    VALUES (%(number)s, %(number)s, now(), %(word)s, 'commented', %(word)s);
    INSERT INTO alarm_touched (touched_id, series_ids, hours) OVERRIDING SYSTEM VALUE
    VALUES (%(number)s, ARRAY[%(number)s], ARRAY[now()]);
    INSERT INTO rhythm (series_id, since, interval_s, silent_after_s, gaps) VALUES (%(number)s, now(), 600, 1800, 99);
    INSERT INTO maintenance (maintenance_id, commune_insee, site_id, sensor_id, start_at, end_at, why, made_at, made_by)
    OVERRIDING SYSTEM VALUE
    VALUES (%(number)s, %(commune)s, %(number)s, %(number)s, now(), now() + interval '1 hour', %(word)s, now(),
            %(word)s);
    INSERT INTO subscription (subscription_id, person_id, address, made_at) OVERRIDING SYSTEM VALUE
    VALUES (%(number)s, %(number)s, %(word)s || '@example.org', now());
    INSERT INTO notice (notice_id, subscription_id, alarm_id, what, due_at) OVERRIDING SYSTEM VALUE
    VALUES (%(number)s, %(number)s, %(number)s, %(word)s, now());
    INSERT INTO audit_asked (kind, name, address, agent, what, target, commune_insee)
    VALUES ('door', %(word)s, '', '', 'signed_in', %(word)s, %(commune)s);
"""
# Of a commune as a whole: figures without a site, and a round, which a driver's link may show.
_COMMUNE = """
    INSERT INTO reception (commune_insee, kind, minute, stored)
    VALUES (%(commune)s, 'meter', date_trunc('minute', now()), %(number)s);
    INSERT INTO decision_subject (kind, code, commune_insee, name, policy)
    VALUES ('round', %(commune)s || ':' || %(word)s, %(commune)s, %(word)s, '{}');
    INSERT INTO decision (decision_id, kind, subject, commune_insee, made_at, state, body, policy)
    OVERRIDING SYSTEM VALUE
    VALUES (%(number)s + 1, 'round', %(commune)s || ':' || %(word)s, %(commune)s, now(), 'proposed', '{}', '{}');
"""
ROUND = Place("tournee", 44_444, ALPHA)
"""The round of a driver's link, with its commune's figures."""
ROUND_THERE = Place("bravotournee", 55_555, BRAVO)
ALL_PLACES = (*PLACES, ROUND, ROUND_THERE)


def settle(connection: psycopg.Connection[Any]) -> None:
    """Write all that a town has, of every place, as the owner."""
    for place in PLACES:
        _run(connection, _PLACE, _said(place))
    for place in (ROUND, ROUND_THERE):
        _run(connection, _COMMUNE, _said(place))
    connection.execute("INSERT INTO heartbeat VALUES ('lane', now(), now(), now())")
    connection.execute(
        """
        INSERT INTO model (metric, trained_at, history_start, history_end, rows, series, duration_s, card, artifact)
        VALUES ('power_kw', now(), now(), now(), 1, 1, 1, '{}', '\\x00')
        """
    )
    connection.commit()
    connection.execute("ANALYZE")
    connection.commit()


def _said(place: Place) -> dict[str, str | int]:
    return {"number": place.number, "word": place.word, "commune": place.commune}


def _run(connection: psycopg.Connection[Any], statements: str, values: Mapping[str, str | int]) -> None:
    # One statement at a time, with its values in it: the WebAssembly server takes no others.
    literals = {name: sql.Literal(value).as_string(connection) for name, value in values.items()}
    for statement in statements.split(";\n"):
        if statement.strip():
            connection.execute(statement % literals)


@dataclass(frozen=True, slots=True)
class Passing:
    """A pass to try with: what it is made of, and why it should not let in, if it should not."""

    role: str | None = None
    commune: str | None = None
    site: int | None = None
    kind: str = "token"
    decision: int | None = None
    spoilt: str = ""
    """What is done to the pass once it is made, as the assignments of an UPDATE."""


PASSES: Mapping[str, Passing] = {
    "technician": Passing("technician", ALPHA),
    "administrator": Passing("administrator", ALPHA),
    "site manager": Passing("building_manager", ALPHA, HERE.number),
    "site technician": Passing("technician", ALPHA, HERE.number),
    "driver": Passing("driver", ALPHA, kind="link", decision=ROUND.number + 1),
    "auditor": Passing("auditor", ALPHA),
    "expired": Passing("analyst", spoilt="expires_at = now() - interval '1 second'"),
    "revoked": Passing("analyst", spoilt="revoked_at = now()"),
    "idle": Passing("analyst", spoilt="idle_s = 60, used_at = now() - interval '2 minutes'"),
    "shut out": Passing("analyst", spoilt=f"person_id = {THERE.number}"),
    "without a role": Passing(),
}
SHUT = frozenset({"expired", "revoked", "idle", "shut out"})
"""Passes that let nobody in."""
LET_THROUGH: Mapping[str, frozenset[str]] = {
    "technician": frozenset({HERE.word, BESIDE.word, ROUND.word}),
    "administrator": frozenset({HERE.word, BESIDE.word, ROUND.word}),
    "site manager": frozenset({HERE.word}),
    "site technician": frozenset({HERE.word}),
    "driver": frozenset({ROUND.word}),
    "auditor": frozenset({HERE.word, BESIDE.word}),
}
"""The words of the places that a pass may be told of; the others, of none."""


def make_passes(connection: psycopg.Connection[Any]) -> dict[str, str]:
    """Make all passes to try with, as the owner; return their keys."""
    keys = {}
    for name, one in PASSES.items():
        keys[name] = key_of(new_secret())
        made_at = now()
        row = connection.execute(
            """
            INSERT INTO pass (kind, key_digest, name, decision_id, made_at, made_by, expires_at)
            VALUES (%s, %s, %s, %s, %s, 'test', %s) RETURNING pass_id
            """,
            (one.kind, digest_of(keys[name]), name, one.decision, made_at, made_at + timedelta(hours=1)),
        ).fetchone()
        assert row is not None, "an insert returns its row"
        if one.role:
            connection.execute(
                "INSERT INTO pass_grant VALUES (%s, %s, %s, %s)", (row[0], one.role, one.commune, one.site)
            )
        if one.spoilt:
            connection.execute(f"UPDATE pass SET {one.spoilt} WHERE pass_id = {row[0]}")  # noqa: S608 - words of ours
    connection.execute("UPDATE person SET disabled_at = now() WHERE person_id = %s", (THERE.number,))
    connection.commit()
    return keys


@dataclass(frozen=True)
class Town:
    """Where the town is, and the keys of its passes by their names."""

    owner: str
    keys: dict[str, str]

    @contextmanager
    def visited(self, name: str | None = None) -> Iterator[psycopg.Connection[Any]]:
        """Connect as the api does, under a pass of this name, or without one."""
        with psycopg.connect(as_login(self.owner, Login.API), autocommit=True) as connection:
            connection.execute("SELECT set_config('vigie.key', %s, false)", (self.keys.get(name or "", ""),))
            yield connection


@contextmanager
def leak_town(server: DatabaseServer, template: str) -> Iterator[Town]:
    """Build the town in a database of its own, dropped at the end."""
    name = f"leaks_{uuid.uuid4().hex}"
    owner = server.create(name, template=template)
    with psycopg.connect(owner) as connection:
        # A right on the database itself is in no copy of it.
        ensure_roles(connection)
        settle(connection)
        keys = make_passes(connection)
    yield Town(owner, keys)
    server.drop(name)


def told_by(connection: psycopg.Connection[Any], schema: str, name: str) -> set[str]:
    """Return the words of the places that a relation tells of to this connection; none where it is refused."""
    rows = sql.SQL("SELECT each::text FROM {} AS each").format(sql.Identifier(schema, name))
    try:
        texts = [text for (text,) in connection.execute(rows) if text]
    except psycopg.Error as error:
        texts = [str(error)]
    return {place.word for place in ALL_PLACES for text in texts if place.is_told(text)}
