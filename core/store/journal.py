"""A sensor's journal: what people did with it and at it, and what happened to its alarms, in one order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from core.store.pool import Connection


class Place(NamedTuple):
    """An entry's place: the newest first, then by kind and number."""

    at: datetime
    kind: str
    number: int


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """Something that happened to a sensor.

    Parameters
    ----------
    place
        When, its kind (``change``, ``intervention`` or ``alarm``), and its number among those.
    what
        In a word of its kind: of ``core.sensor_life.Change``, ``core.interventions.Deed``, ``core.alarms.ActOnAlarm``.
    by
        Who did it, ``vigie`` where nobody did; ``role`` as what, empty where that was not kept.
    about
        What its kind adds, JSON: ``before`` and ``after`` of a change; ``photos`` of an intervention; ``alarm_id`` and
        ``until`` of an alarm's.
    """

    place: Place
    what: str
    by: str
    role: str
    said: str
    about: dict[str, Any]


# Calibrations are among the changes: each is told in its sensor's history as it is set.
_READ = """
    SELECT * FROM (
        (SELECT changed_at AS at, 'change' AS kind, change_id AS number, what, author AS by, '' AS role, '' AS said,
                jsonb_build_object('before', before, 'after', after) AS about
           FROM sensor_change
          WHERE sensor_id = %(sensor_id)s
            AND (%(at)s::timestamptz IS NULL
                 OR (changed_at, 'change'::text, change_id) < (%(at)s::timestamptz, %(kind)s::text, %(number)s::bigint))
          ORDER BY changed_at DESC, change_id DESC LIMIT %(limit)s)
        UNION ALL
        (SELECT at, 'intervention', intervention_id, what, by, role, said,
                jsonb_build_object('photos', ARRAY(SELECT photo_id FROM photo
                    WHERE photo.intervention_id = intervention.intervention_id ORDER BY photo_id))
           FROM intervention
          WHERE sensor_id = %(sensor_id)s
            AND (%(at)s::timestamptz IS NULL
                 OR (at, 'intervention'::text, intervention_id::bigint)
                    < (%(at)s::timestamptz, %(kind)s::text, %(number)s::bigint))
          ORDER BY at DESC, intervention_id DESC LIMIT %(limit)s)
        UNION ALL
        (SELECT alarm_act.at, 'alarm', alarm_act.act_id, alarm_act.what, alarm_act.by, '', alarm_act.said,
                jsonb_build_object('alarm_id', alarm_id, 'until', alarm_act.until)
           FROM alarm JOIN alarm_act USING (alarm_id)
          WHERE alarm.sensor_id = %(sensor_id)s
            AND (%(at)s::timestamptz IS NULL
                 OR (alarm_act.at, 'alarm'::text, alarm_act.act_id)
                    < (%(at)s::timestamptz, %(kind)s::text, %(number)s::bigint))
          ORDER BY alarm_act.at DESC, alarm_act.act_id DESC LIMIT %(limit)s)
    ) AS entry
     ORDER BY at DESC, kind DESC, number DESC LIMIT %(limit)s
"""


def read_journal(
    connection: Connection, sensor_id: int, *, before: Place | None = None, limit: int = 100
) -> list[JournalEntry]:
    """Return what happened to a sensor, the newest first, from before a place."""
    at, kind, number = before or (None, "", 0)
    rows = connection.execute(
        _READ, {"sensor_id": sensor_id, "at": at, "kind": kind, "number": number, "limit": limit}
    ).fetchall()
    return [
        JournalEntry(Place(at, kind, number), what, by, role, said, about)
        for at, kind, number, what, by, role, said, about in rows
    ]
