"""Gateways: which of them heard a sensor's frames, how well, and where they stand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from core.readings import FrameHeard, Reception
from core.store.pool import Connection

PLACE_DECIMALS = 4
"""Eleven metres: a gateway with a satellite receiver says another place each time."""

# Sums come by sensor, day and gateway, in that order: two ingest processes meet in one order.
_WRITE = """
    INSERT INTO gateway_heard (sensor_id, day, gateway, frames, last_at, rssi_dbm, snr_db, spreading_factor)
    SELECT * FROM unnest(%(sensor_ids)b::integer[], %(days)b::date[], %(gateways)b::text[], %(frames)b::integer[],
                         %(last_ats)b::timestamptz[], %(rssi)b::real[], %(snr)b::real[], %(factors)b::smallint[])
    ON CONFLICT (sensor_id, day, gateway) DO UPDATE
       SET frames = gateway_heard.frames + excluded.frames,
           rssi_dbm = coalesce((gateway_heard.rssi_dbm * gateway_heard.frames + excluded.rssi_dbm * excluded.frames)
                               / (gateway_heard.frames + excluded.frames), gateway_heard.rssi_dbm, excluded.rssi_dbm),
           snr_db = coalesce((gateway_heard.snr_db * gateway_heard.frames + excluded.snr_db * excluded.frames)
                             / (gateway_heard.frames + excluded.frames), gateway_heard.snr_db, excluded.snr_db),
           spreading_factor = CASE WHEN excluded.last_at >= gateway_heard.last_at
                                   THEN coalesce(excluded.spreading_factor, gateway_heard.spreading_factor)
                                   ELSE gateway_heard.spreading_factor END,
           last_at = greatest(gateway_heard.last_at, excluded.last_at)
"""
# Many sensors share a gateway: its row is touched only when it says something new of itself.
_PLACE = """
    INSERT INTO gateway (gateway, longitude, latitude)
    SELECT gateway, longitude, latitude
      FROM unnest(%(gateways)s::text[], %(longitudes)s::float8[], %(latitudes)s::float8[])
           AS said (gateway, longitude, latitude)
     WHERE NOT EXISTS (SELECT FROM gateway AS known
                        WHERE known.gateway = said.gateway
                          AND (said.longitude IS NULL
                               OR (known.longitude, known.latitude)
                                  IS NOT DISTINCT FROM (said.longitude, said.latitude)))
     ORDER BY gateway
    ON CONFLICT (gateway) DO UPDATE
       SET longitude = coalesce(excluded.longitude, gateway.longitude),
           latitude = coalesce(excluded.latitude, gateway.latitude)
"""


@dataclass(slots=True)
class _Tally:
    """What a gateway heard of a sensor on a day: sums, and of how many frames."""

    frames: int = 0
    last_at: datetime = datetime.min  # noqa: DTZ901 - before the first frame, which always replaces it
    rssi: float = 0.0
    rssi_of: int = 0
    snr: float = 0.0
    snr_of: int = 0
    factor: int | None = None

    def add(self, frame: FrameHeard, one: Reception) -> None:
        if not self.frames or frame.observed_at >= self.last_at:
            self.last_at = frame.observed_at
            self.factor = frame.spreading_factor if frame.spreading_factor is not None else self.factor
        self.frames += 1
        if one.rssi_dbm is not None:
            self.rssi, self.rssi_of = self.rssi + one.rssi_dbm, self.rssi_of + 1
        if one.snr_db is not None:
            self.snr, self.snr_of = self.snr + one.snr_db, self.snr_of + 1


def write_heard(connection: Connection, heard: Sequence[FrameHeard]) -> None:
    """Add new frames to what their gateways heard on their days (UTC), in the caller's transaction.

    Of frames that were heard before nothing must be given: they count once.
    """
    tallies: dict[tuple[int, date, str], _Tally] = {}
    places: dict[str, tuple[float | None, float | None]] = {}
    for frame in heard:
        day = frame.observed_at.date()
        for one in frame.receptions:
            tallies.setdefault((frame.sensor_id, day, one.gateway), _Tally()).add(frame, one)
            if one.longitude is not None and one.latitude is not None:
                places[one.gateway] = round(one.longitude, PLACE_DECIMALS), round(one.latitude, PLACE_DECIMALS)
            else:
                places.setdefault(one.gateway, (None, None))
    if not tallies:
        return
    ordered = sorted(tallies.items(), key=lambda item: item[0])
    sums = [tally for _, tally in ordered]
    connection.execute(
        _WRITE,
        {
            "sensor_ids": [key[0] for key, _ in ordered],
            "days": [key[1] for key, _ in ordered],
            "gateways": [key[2] for key, _ in ordered],
            "frames": [one.frames for one in sums],
            "last_ats": [one.last_at for one in sums],
            "rssi": [one.rssi / one.rssi_of if one.rssi_of else None for one in sums],
            "snr": [one.snr / one.snr_of if one.snr_of else None for one in sums],
            "factors": [one.factor for one in sums],
        },
    )
    names = sorted(places)
    longitudes, latitudes = zip(*(places[name] for name in names), strict=True)
    connection.execute(_PLACE, {"gateways": names, "longitudes": list(longitudes), "latitudes": list(latitudes)})


@dataclass(frozen=True, slots=True)
class GatewayShare:
    """A gateway that heard a sensor over some days.

    Parameters
    ----------
    frames
        How many of its frames it heard.
    rssi_dbm, snr_db
        Means over them, None where the network server does not say.
    spreading_factor
        Of the newest frame it heard; None likewise.
    """

    gateway: str
    name: str
    longitude: float | None
    latitude: float | None
    frames: int
    last_at: datetime
    rssi_dbm: float | None
    snr_db: float | None
    spreading_factor: int | None


def read_gateway_shares(connection: Connection, sensor_id: int, since: date) -> Iterator[GatewayShare]:
    """Yield the gateways that heard a sensor from a day (UTC) on, the one that heard most first."""
    rows = connection.execute(
        """
        SELECT heard.gateway, coalesce(gateway.name, ''), gateway.longitude, gateway.latitude, heard.frames,
               heard.last_at, heard.rssi_dbm, heard.snr_db, heard.spreading_factor
          FROM (SELECT gateway_heard.gateway, sum(frames)::bigint AS frames, max(last_at) AS last_at,
                       sum(rssi_dbm * frames) / nullif(sum(frames) FILTER (WHERE rssi_dbm IS NOT NULL), 0) AS rssi_dbm,
                       sum(snr_db * frames) / nullif(sum(frames) FILTER (WHERE snr_db IS NOT NULL), 0) AS snr_db,
                       (array_agg(spreading_factor ORDER BY last_at DESC))[1] AS spreading_factor
                  FROM gateway_heard WHERE sensor_id = %s AND day >= %s
                 GROUP BY gateway_heard.gateway) AS heard
          LEFT JOIN gateway USING (gateway)
         ORDER BY heard.frames DESC, heard.gateway
        """,
        (sensor_id, since),
    )
    return (GatewayShare(*row) for row in rows)


def count_frames_heard(connection: Connection, sensor_id: int, since: date) -> int:
    """Return how many frames of a sensor came since gateways are known of, of the days (UTC) from ``since`` on."""
    row = connection.execute(
        """
        SELECT count(*) FROM frame
         WHERE sensor_id = %(sensor_id)s AND arrival IN ('live', 'backfilled')
           AND observed_at >= (SELECT min(day)::timestamp AT TIME ZONE 'UTC' FROM gateway_heard
                                WHERE sensor_id = %(sensor_id)s AND day >= %(since)s)
        """,
        {"sensor_id": sensor_id, "since": since},
    ).fetchone()
    assert row is not None, "an aggregate returns its row"
    return int(row[0])


def prune_heard(connection: Connection, now: datetime, age: timedelta, limit: int) -> int:
    """Let go of up to ``limit`` of the days that are older than ``age``; return how many."""
    return connection.execute(
        """
        DELETE FROM gateway_heard WHERE (sensor_id, day, gateway) IN (
            SELECT sensor_id, day, gateway FROM gateway_heard WHERE day < %s ORDER BY day LIMIT %s)
        """,
        ((now - age).date(), limit),
    ).rowcount
