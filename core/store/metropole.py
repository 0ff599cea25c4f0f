"""What communes are told apart by, over all sensors that one may see: alarms, what came, what was refused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from core.alarms import FOLLOWED
from core.clock import Window
from core.columns import Ints
from core.store.packed import integers
from core.store.pool import Connection


@dataclass(frozen=True, slots=True, eq=False)
class SensorPlaces:
    """The sensors in service, in order of their ids, and their communes.

    Parameters
    ----------
    sensor
        Ids, ascending.
    commune
        INSEE codes as numbers, as long: 93051 is Noisy-le-Grand.
    """

    sensor: Ints
    commune: Ints


def read_sensor_places(connection: Connection) -> SensorPlaces:
    """Return where each sensor in service stands."""
    row = connection.execute(
        """
        SELECT string_agg(int4send(sensor_id), ''), string_agg(int4send(commune_insee::integer), '')
          FROM sensor JOIN site USING (site_id) WHERE retired_at IS NULL
        """,
        binary=True,
    ).fetchone()
    assert row is not None, "an aggregate returns a row"
    order = np.argsort(sensor := integers(row[0], 32))
    return SensorPlaces(sensor[order], integers(row[1], 32)[order])


def read_alarming(connection: Connection, at: datetime) -> list[int]:
    """Return the sensors with an alarm of their own that waits for a person at ``at``, and is no mere information.

    Acknowledged, snoozed and muted ones wait for nobody; what a sensor says of itself (silent, stuck, its battery) is
    followed and not counted, as on the page, until it is critical.
    """
    rows = connection.execute(
        """
        SELECT DISTINCT sensor_id FROM alarm
         WHERE cleared_at IS NULL AND withdrawn_at IS NULL AND acknowledged_at IS NULL AND NOT muted
           AND parent_id IS NULL AND severity <> 'info' AND sensor_id IS NOT NULL
           AND (severity = 'critical' OR NOT name = ANY(%(followed)s))
           AND (snoozed_until IS NULL OR snoozed_until <= %(at)s)
        """,
        {"at": at, "followed": sorted(FOLLOWED)},
    )
    return [sensor_id for (sensor_id,) in rows]


def read_received(connection: Connection, window: Window) -> dict[str, int]:
    """Return how many readings were stored in ``window`` (by minute of arrival), by commune."""
    rows = connection.execute(
        "SELECT commune_insee, sum(stored)::bigint FROM reception WHERE minute >= %s AND minute < %s GROUP BY 1",
        (window.start, window.end),
    )
    return dict(rows.fetchall())


def read_refused(connection: Connection, window: Window) -> dict[str, int]:
    """Return how many messages were refused in ``window`` (by ``received_at``), by commune."""
    rows = connection.execute(
        """
        SELECT commune_insee, count(*) FROM rejection
         WHERE received_at >= %s AND received_at < %s AND commune_insee IS NOT NULL GROUP BY 1
        """,
        (window.start, window.end),
    )
    return dict(rows.fetchall())
