"""What the frame ledger says: how many frames of a sensor were heard, how many it missed, and where."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from core.clock import Window
from core.store.pool import Connection

_GAPS_LOCK = 0x47415053  # "GAPS"


@dataclass(frozen=True, slots=True)
class Ledger:
    """The account of a LoRaWAN sensor's frames over a window: received, back-filled and missing are what was sent.

    Parameters
    ----------
    received
        Frames heard when they were sent.
    backfilled
        Frames heard later: fetched from a network server's store, or read from a file.
    missing
        Frames that the counters tell of and that were not heard. Network servers keep frames without an application
        payload to themselves: those count here too.
    resets
        How often the counter began again in the same session.
    joins
        How often the session was renewed.
    last_frame_at
        The newest frame heard before the end of the window.
    """

    sensor_id: int
    external_id: str
    name: str
    received: int
    backfilled: int
    missing: int
    resets: int
    joins: int
    last_frame_at: datetime


@dataclass(frozen=True, slots=True)
class Gap:
    """Frames of one sensor that were not heard: counters ``first_f_cnt`` to ``last_f_cnt`` of a session.

    Parameters
    ----------
    after_at, before_at
        When the frames around it were observed.
    """

    sensor_id: int
    session: str
    first_f_cnt: int
    last_f_cnt: int
    after_at: datetime
    before_at: datetime

    @property
    def missing(self) -> int:
        """How many frames that is."""
        return self.last_f_cnt - self.first_f_cnt + 1


def read_ledgers(
    connection: Connection, window: Window, *, commune: str | None = None, after: int = 0, limit: int = 1_000
) -> list[Ledger]:
    """Return the ledgers of the sensors of which a frame was ever heard, by sensor id, after ``after``."""
    rows = connection.execute(
        """
        WITH asked AS MATERIALIZED (
            SELECT sensor.sensor_id, sensor.external_id, sensor.name
              FROM sensor JOIN site USING (site_id)
             CROSS JOIN LATERAL (SELECT FROM frame WHERE frame.sensor_id = sensor.sensor_id
                                                     AND frame.observed_at < %(end)s LIMIT 1) AS heard
             WHERE (%(commune)s::text IS NULL OR site.commune_insee = %(commune)s) AND sensor.sensor_id > %(after)s
             ORDER BY sensor.sensor_id LIMIT %(limit)s
        )
        SELECT asked.sensor_id, asked.external_id, asked.name,
               sum(stretch.received)::bigint, sum(stretch.backfilled)::bigint,
               coalesce(sum(stretch.missing) FILTER (WHERE stretch.inside), 0)::bigint,
               count(*) FILTER (WHERE stretch.inside AND stretch.is_reset),
               count(*) FILTER (WHERE stretch.inside AND stretch.is_join),
               max(stretch.last_at)
          FROM asked
          JOIN frame_stretch((SELECT array_agg(sensor_id) FROM asked), %(start)s, %(end)s) AS stretch USING (sensor_id)
         GROUP BY asked.sensor_id, asked.external_id, asked.name
         ORDER BY asked.sensor_id
        """,
        {"commune": commune, "after": after, "limit": limit, "start": window.start, "end": window.end},
    )
    return [Ledger(*row) for row in rows]


def read_gaps(connection: Connection, sensor_id: int, window: Window, *, limit: int = 1_000) -> list[Gap]:
    """Return the gaps of a sensor that a frame observed in ``window`` ends, the newest first."""
    rows = connection.execute(
        """
        SELECT sensor_id, session, after_f_cnt + 1, first_f_cnt - 1, after_at, first_at
          FROM frame_stretch(ARRAY[%(sensor_id)s::integer], %(start)s, %(end)s)
         WHERE inside AND missing > 0
         ORDER BY first_at DESC, session, first_f_cnt DESC LIMIT %(limit)s
        """,
        {"sensor_id": sensor_id, "start": window.start, "end": window.end, "limit": limit},
    )
    return [Gap(*row) for row in rows]


def read_all_gaps(connection: Connection, window: Window, *, limit: int = 100_000) -> list[Gap]:
    """Return the gaps of all sensors that a frame observed in ``window`` ends, the newest first."""
    rows = connection.execute(
        """
        SELECT sensor_id, session, after_f_cnt + 1, first_f_cnt - 1, after_at, first_at
          FROM frame_stretch((SELECT array_agg(sensor_id) FROM sensor), %(start)s, %(end)s)
         WHERE inside AND missing > 0
         ORDER BY first_at DESC, sensor_id, session, first_f_cnt DESC LIMIT %(limit)s
        """,
        {"start": window.start, "end": window.end, "limit": limit},
    )
    return [Gap(*row) for row in rows]


def lock_gaps(connection: Connection) -> None:
    """Wait until no other process looks for gaps to ask for; held until the end of the transaction."""
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (_GAPS_LOCK,))
