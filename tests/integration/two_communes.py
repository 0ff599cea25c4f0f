"""Two communes with one of everything each, whose every trace in an answer gives it away: names, ids and values.

What is of the other commune says ``marque-b`` in each of its texts, has ids of 900,000 and more, and values of 4321.25.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from core.clock import Window, now
from core.decisions import Answer, Decision, DecisionState, Input, Phrase, Soundness, Subject
from core.places import Sensor, SensorKind, Site
from core.store import decisions, places, sensors
from core.store.months import make_months_ahead
from core.store.pool import Connection, connected
from services.quality import judge_touched

OURS, THEIRS = "93051", "93005"
VALUES = {OURS: 1234.5, THEIRS: 4321.25}
KIND = "bay"
FIRST_ID, LATER_ID = 900_000, 5_000
MARKS = {OURS: "marque-a", THEIRS: "marque-b"}
_GIVES_AWAY = re.compile(r"marque-b|4321[.,]25|(?<![\d.])9000\d\d(?!\d)", re.IGNORECASE)
_GIVES_AWAY_IN_WORDS = re.compile(r"marque-b|4321[.,]25", re.IGNORECASE)


def traces(text: str, *, refused: bool = False) -> list[str]:
    """Return what in a text is of the other commune; a refusal may repeat the id that it was asked for."""
    return sorted(set((_GIVES_AWAY_IN_WORDS if refused else _GIVES_AWAY).findall(text)))


@dataclass
class Commune:
    """Ids of one of everything in a commune."""

    insee: str
    site_id: int = 0
    other_site_id: int = 0
    sensor_id: int = 0
    bin_id: int = 0
    series_id: int = 0
    decision_id: int = 0
    rejection_id: int = 0
    intake_id: int = 0
    schedule_id: int = 0
    person_id: int = 0
    pass_id: int = 0
    webhook_id: int = 0
    intervention_id: int = 0
    photo_id: int = 0
    rule_id: int = 0
    alarm_id: int = 0
    maintenance_id: int = 0
    subscription_id: int = 0
    subject: str = ""
    external_id: str = ""


@dataclass
class Town:
    """Both communes, and the instant that their newest readings were observed."""

    present: datetime
    ours: Commune = field(default_factory=lambda: Commune(OURS))
    theirs: Commune = field(default_factory=lambda: Commune(THEIRS))


def build(url: str) -> Town:
    """Write both communes as the owner."""
    town = Town(now().replace(microsecond=0))
    with connected(url) as connection:
        make_months_ahead(connection, town.present)
        _fill(connection, town.ours, town.present)
        _let_in(connection, town.ours, town.present)
        connection.commit()
        _number_from(connection, FIRST_ID)
        _fill(connection, town.theirs, town.present)
        _let_in(connection, town.theirs, town.present)
        connection.commit()
        _number_from(connection, LATER_ID)
        connection.commit()
        while judge_touched(connection).hours_touched:
            connection.commit()
    return town


def _number_from(connection: Connection, first: int) -> None:
    rows = connection.execute(
        """
        SELECT format('%I.%I', table_schema, table_name), column_name FROM information_schema.columns
         WHERE is_identity = 'YES' AND table_schema = 'public' ORDER BY 1
        """
    ).fetchall()
    for table, column in rows:
        connection.execute(f"ALTER TABLE {table} ALTER COLUMN {column} RESTART WITH {first}")


def _fill(connection: Connection, commune: Commune, present: datetime) -> None:
    mark = MARKS[commune.insee]
    commune.external_id, commune.subject = f"{mark}-air", f"{commune.insee}:{mark}-site"
    school = Site(commune.insee, f"{mark}-site", f"École {mark}", 2.5, 48.8)
    street = Site(commune.insee, f"{mark}-rue", f"Rue {mark}", 2.51, 48.81)
    for external_id, kind, site in (
        (commune.external_id, SensorKind.INDOOR_AIR, school),
        (f"{mark}-bac", SensorKind.BIN, street),
    ):
        sensor = Sensor(external_id, kind, f"Capteur {mark} {kind}", site)
        sensor_id = sensors.adopt_sensor(connection, sensor, present - timedelta(days=3))
        if kind is SensorKind.BIN:
            commune.bin_id = sensor_id
        else:
            commune.sensor_id = sensor_id
    found = connection.execute("SELECT code, site_id FROM site WHERE commune_insee = %s", (commune.insee,)).fetchall()
    sites: dict[str, int] = dict(found)
    commune.site_id, commune.other_site_id = sites[school.code], sites[street.code]
    commune.series_id = places.write_series(connection, commune.sensor_id, "co2_ppm")
    _measure(connection, commune, present)
    for name, statement in (("intervention_id", _INTERVENTION), ("photo_id", _PHOTO)):
        asked = {"sensor": commune.sensor_id, "at": present, "mark": mark, "intervention": commune.intervention_id}
        row = connection.execute(statement, asked).fetchone()
        assert row is not None, "an insert returns its row"
        setattr(commune, name, row[0])
    _decide(connection, commune, present)
    _refuse(connection, commune, present)


def _measure(connection: Connection, commune: Commune, present: datetime) -> None:
    asked: dict[str, Any] = {
        "series": commune.series_id,
        "sensor": commune.sensor_id,
        "value": VALUES[commune.insee],
        "at": present,
        "insee": commune.insee,
        "mark": MARKS[commune.insee],
        "author": f"Nadia {MARKS[commune.insee]}",
        "stored": 12 if commune.insee == OURS else FIRST_ID + 77,
    }
    for statement in _MEASURED:
        connection.execute(statement, asked)


def _decide(connection: Connection, commune: Commune, present: datetime) -> None:
    mark = MARKS[commune.insee]
    policy = {"note": mark}
    decisions.write_subject(connection, Subject(KIND, commune.subject, commune.insee, f"Aires {mark}", policy))
    proposed = Decision(
        kind=KIND,
        subject=commune.subject,
        commune_insee=commune.insee,
        made_at=present,
        window=Window(present, present + timedelta(hours=1)),
        answer_by=present + timedelta(hours=1),
        soundness=Soundness.SOUND,
        headline=Phrase("headline", {"name": mark}),
        reasons=(),
        actions=(),
        inputs=(Input(mark, present, commune.series_id),),
        alternatives=(),
        checks=(),
        figures={"level": VALUES[commune.insee]},
        picture={},
    )
    written = decisions.write_decision(connection, proposed, policy)
    assert written is not None, "nothing was decided yet"
    commune.decision_id = written.decision_id
    edited = Answer(DecisionState.EDITED, f"Nadia {mark}", present, f"note {mark}", ())
    decisions.write_answer(connection, written.decision_id, edited)


def _refuse(connection: Connection, commune: Commune, present: datetime) -> None:
    mark = MARKS[commune.insee]
    asked = {"insee": commune.insee, "mark": mark, "author": f"Nadia {mark}", "at": present}
    asked |= {"topic": f"vigie/v1/{commune.insee}/bin/{mark}-x/up", "other": f"{mark}-inconnu"}
    for name, statement in (("rejection_id", _REJECTION), ("intake_id", _INTAKE), ("schedule_id", _SCHEDULE)):
        row = connection.execute(statement, asked).fetchone()
        assert row is not None, "an insert returns its row"
        setattr(commune, name, row[0])
    connection.execute(_ASIDE, asked)
    connection.execute(_RUN, {**asked, "schedule": commune.schedule_id})


def _let_in(connection: Connection, commune: Commune, present: datetime) -> None:
    """Write a person with a role, a token, a group of the provider's, a webhook and what it had to hear of."""
    mark = MARKS[commune.insee]
    asked = {"insee": commune.insee, "mark": mark, "at": present, "decision": commune.decision_id}
    for name, statement in (("person_id", _PERSON), ("pass_id", _TOKEN), ("webhook_id", _WEBHOOK)):
        row = connection.execute(statement, asked).fetchone()
        assert row is not None, "an insert returns its row"
        setattr(commune, name, row[0])
    asked |= {"person": commune.person_id, "pass": commune.pass_id, "webhook": commune.webhook_id}
    for statement in _GIVEN:
        connection.execute(statement, asked)
    asked |= {"sensor": commune.sensor_id, "series": commune.series_id, "site": commune.site_id}
    asked |= {"value": VALUES[commune.insee]}
    for name, statement in _ALARMED.items():
        row = connection.execute(statement, asked).fetchone()
        assert row is not None, "an insert returns its row"
        setattr(commune, name, row[0])
        asked[name] = row[0]
    connection.execute(_ACTED, asked)


# In an order in which each finds what it refers to.
_ALARMED = {
    "rule_id": """
        INSERT INTO alarm_rule (name, condition, metric, commune_insee, parameters, severity, since, made_by)
        VALUES (%(mark)s, 'threshold', 'co2_ppm', %(insee)s, jsonb_build_object('side', 'above', 'raise', %(value)s,
                'clear', %(value)s), 'warning', %(at)s, %(mark)s)
        RETURNING rule_id
    """,
    "alarm_id": """
        INSERT INTO alarm (rule_id, name, severity, commune_insee, site_id, sensor_id, series_id, subject, since,
                           confirmed_at, raised_at, figures)
        VALUES (%(rule_id)s, 'threshold', 'warning', %(insee)s, %(site)s, %(sensor)s, %(series)s, %(mark)s,
                %(at)s::timestamptz - interval '1 hour', %(at)s, %(at)s,
                jsonb_build_object('value', %(value)s, 'limit', %(value)s))
        RETURNING alarm_id
    """,
    "maintenance_id": """
        INSERT INTO maintenance (commune_insee, site_id, start_at, end_at, why, made_at, made_by)
        VALUES (%(insee)s, %(site)s, %(at)s, %(at)s::timestamptz + interval '1 day', %(mark)s, %(at)s, %(mark)s)
        RETURNING maintenance_id
    """,
    "subscription_id": """
        INSERT INTO subscription (person_id, address, communes, made_at)
        VALUES (%(person)s, %(mark)s::text || '@ville.example', ARRAY[%(insee)s::text], %(at)s)
        RETURNING subscription_id
    """,
}
_ACTED = """
    INSERT INTO alarm_act (alarm_id, at, by, what, said)
    VALUES (%(alarm_id)s, %(at)s, %(mark)s, 'commented', %(mark)s)
"""
_PERSON = """
    INSERT INTO person (subject, name, email, added_at) VALUES (%(mark)s, 'Nadia ' || %(mark)s::text, %(mark)s, %(at)s)
    RETURNING person_id
"""
_TOKEN = """
    INSERT INTO pass (kind, key_digest, name, made_at, made_by, expires_at)
    VALUES ('token', sha256(convert_to(%(mark)s, 'UTF8')), %(mark)s, %(at)s, %(mark)s,
            %(at)s::timestamptz + interval '1 day')
    RETURNING pass_id
"""
_WEBHOOK = """
    INSERT INTO webhook (name, url, wanted, communes, sealed, made_at, made_by)
    VALUES (%(mark)s, 'https://' || %(mark)s::text || '.example.org/', '{decision.approved}', ARRAY[%(insee)s::text],
            '\\x00', %(at)s, %(mark)s)
    RETURNING webhook_id
"""
_GIVEN = (
    "INSERT INTO person_grant (person_id, role, commune_insee) VALUES (%(person)s, 'technician', %(insee)s)",
    "INSERT INTO pass_grant (pass_id, role, commune_insee) VALUES (%(pass)s, 'technician', %(insee)s)",
    "INSERT INTO group_grant (group_name, role, commune_insee) VALUES (%(mark)s, 'technician', %(insee)s)",
    """
    INSERT INTO event (event_id, name, happened_at, commune_insee, subject, decision_id, body)
    VALUES (gen_random_uuid(), 'decision.approved', %(at)s, %(insee)s, %(mark)s, %(decision)s,
            json_build_object('name', %(mark)s::text))
    """,
)
_MEASURED = (
    """
    INSERT INTO reading (series_id, observed_at, value, quality, received_at)
    SELECT %(series)s, %(at)s::timestamptz - step * interval '10 minutes', %(value)s, 0, %(at)s
      FROM generate_series(0, 300) AS step
    """,
    """
    INSERT INTO latest (series_id, observed_at, value, quality, received_at)
    VALUES (%(series)s, %(at)s, %(value)s, 0, %(at)s)
    """,
    """
    INSERT INTO touched (series_ids, hours)
    SELECT array_agg(series_id), array_agg(hour)
      FROM (SELECT DISTINCT series_id, date_trunc('hour', observed_at) AS hour FROM reading
             WHERE series_id = %(series)s) AS hours
    """,
    """
    INSERT INTO forecast (series_id, issued_at, step_s, steps, history_until, fallback)
    VALUES (%(series)s, %(at)s::timestamptz - interval '2 hours', 900, 1, %(at)s::timestamptz - interval '3 hours',
            %(mark)s)
    """,
    """
    INSERT INTO forecast_step (series_id, issued_at, valid_at, p05, p10, p25, p50, p75, p90, p95, naive)
    SELECT series_id, issued_at, issued_at, %(value)s, %(value)s, %(value)s, %(value)s, %(value)s, %(value)s, %(value)s,
           %(value)s FROM forecast WHERE series_id = %(series)s
    """,
    """
    INSERT INTO expectation (series_id, issued_at, since, p05, p50, p95)
    SELECT series_id, issued_at, ARRAY[issued_at], ARRAY[%(value)s], ARRAY[%(value)s], ARRAY[%(value)s]
      FROM forecast WHERE series_id = %(series)s
    """,
    """
    INSERT INTO score (series_id, issued_at, scored_at, steps, pinball)
    SELECT series_id, issued_at, %(at)s, 1, %(value)s FROM forecast WHERE series_id = %(series)s
    """,
    """
    INSERT INTO score_day (series_id, day, model_id, issued, lead_from_h, regime, steps, pinball, pinball_naive,
                           absolute_error, absolute_error_naive, within_80, within_90, below)
    VALUES (%(series)s, %(at)s::date - 1, 0, true, 0, 1, 1, %(value)s, %(value)s, %(value)s, %(value)s, 1, 1,
            '{0,0,0,1,1,1,1}')
    """,
    """
    INSERT INTO calibration (series_id, valid_from, set_at, gain, shift, author, note)
    VALUES (%(series)s, %(at)s::timestamptz - interval '30 days', %(at)s::timestamptz - interval '1 day', 1, 0,
            %(author)s, %(mark)s)
    """,
    """
    INSERT INTO sensor_change (sensor_id, changed_at, what, before, after, author)
    VALUES (%(sensor)s, %(at)s, 'edited', jsonb_build_object('name', %(mark)s::text),
            jsonb_build_object('name', %(mark)s::text || '2'), %(author)s)
    """,
    """
    INSERT INTO former_device (external_id, sensor_id, removed_at)
    VALUES (%(mark)s::text || '-ancien', %(sensor)s, %(at)s)
    """,
    """
    INSERT INTO frame (sensor_id, session, f_cnt, observed_at, received_at, arrival)
    SELECT %(sensor)s, %(mark)s, count * 2, %(at)s::timestamptz - (100 - count) * interval '10 minutes', %(at)s, 'live'
      FROM generate_series(1, 100) AS count
    """,
    """
    INSERT INTO raw_frame (sensor_id, slot, number, received_at, topic, payload, size_bytes, properties, outcome)
    VALUES (%(sensor)s, 1, 1, %(at)s, %(mark)s, convert_to(%(mark)s, 'UTF8'), 8, '{}', 'stored')
    """,
    """
    INSERT INTO gateway_heard (sensor_id, day, gateway, frames, last_at)
    VALUES (%(sensor)s, %(at)s::date, %(mark)s, 7, %(at)s)
    """,
    "INSERT INTO gateway (gateway, name) VALUES (%(mark)s, %(mark)s)",
    """
    INSERT INTO reception (commune_insee, kind, minute, stored)
    VALUES (%(insee)s, 'indoor_air', date_trunc('minute', %(at)s::timestamptz),
            %(stored)s)
    """,
    """
    INSERT INTO live_event (created_at, commune_insee, kind, body)
    VALUES (%(at)s, %(insee)s, 'readings',
            json_build_array(json_build_object('series_id', %(series)s::integer, 'value', %(value)s,
                                               'name', %(mark)s::text)))
    """,
)
_INTERVENTION = """
    INSERT INTO intervention (sensor_id, at, what, said, by, role, made_at)
    VALUES (%(sensor)s, %(at)s, 'remark', %(mark)s, %(mark)s, 'technician', %(at)s) RETURNING intervention_id
"""
_PHOTO = """
    INSERT INTO photo (intervention_id, media_type, width, height, bytes, small)
    VALUES (%(intervention)s, 'image/jpeg', 1, 1, convert_to(%(mark)s, 'UTF8'), convert_to(%(mark)s, 'UTF8'))
    RETURNING photo_id
"""
_REJECTION = """
    INSERT INTO rejection (received_at, last_received_at, reason, detail, topic, payload, size_bytes, properties,
                           external_id, commune_insee, digest)
    VALUES (%(at)s, %(at)s, 'malformed', 'detail ' || %(mark)s::text, %(topic)s, convert_to(%(mark)s, 'UTF8'), 8, '{}',
            %(mark)s::text || '-x', %(insee)s, sha256(convert_to(%(mark)s, 'UTF8')))
    RETURNING rejection_id
"""
_ASIDE = """
    INSERT INTO aside (received_at, external_id, network, topic, payload, properties, digest)
    VALUES (%(at)s, %(other)s, 'native', replace(%(topic)s, '-x', '-inconnu'),
            convert_to('[]', 'UTF8'), '{}', sha256(convert_to(%(mark)s::text || '2', 'UTF8')))
"""
_INTAKE = """
    INSERT INTO intake (kind, asked_at, author, arguments, state, changed_at, detail)
    VALUES ('replay', %(at)s, %(author)s, jsonb_build_object('commune', %(insee)s::text, 'reason', NULL),
            'asked', %(at)s, %(mark)s)
    RETURNING intake_id
"""
_SCHEDULE = """
    INSERT INTO export_schedule (name, wanted, by, format, destination, since, added_at, author, next_try_at)
    VALUES (%(mark)s, jsonb_build_object('communes', jsonb_build_array(%(insee)s::text)), 'day', 'csv', %(mark)s,
            %(at)s::date, %(at)s, %(author)s, %(at)s)
    RETURNING schedule_id
"""
_RUN = """
    INSERT INTO export_run (schedule_id, day, known_at, written_at, file, rows, bytes, sha256, corrects)
    VALUES (%(schedule)s, %(at)s::date, %(at)s, %(at)s, %(mark)s::text || '.csv', 1, 1, repeat('0', 64), false)
"""
