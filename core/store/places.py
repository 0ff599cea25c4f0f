"""Communes, sites and series in the store."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from core.places import Commune, Series, Site
from core.store.pool import Connection


def write_communes(connection: Connection, communes: Iterable[Commune]) -> None:
    """Write the communes' table as the code knows it; names and populations follow the newest release."""
    with connection.cursor() as cursor:
        # A commune that merged refers to another: the others come first.
        cursor.executemany(
            """
            INSERT INTO commune (insee, name, department, territory_code, territory_name, population,
                                 member_until, merged_into)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
            ON CONFLICT (insee) DO UPDATE
               SET name = excluded.name, territory_code = excluded.territory_code,
                   territory_name = excluded.territory_name, population = excluded.population,
                   member_until = excluded.member_until, merged_into = excluded.merged_into
             WHERE commune IS DISTINCT FROM excluded
            """,
            [
                (
                    c.insee,
                    c.name,
                    c.department,
                    c.territory_code,
                    c.territory_name,
                    c.population,
                    c.member_until,
                    c.merged_into,
                )
                for c in sorted(communes, key=lambda c: c.merged_into is not None)
            ],
        )


def read_communes(connection: Connection, *, on: datetime) -> list[tuple[Commune, int]]:
    """Return the communes that were members on this day, by name, each with its number of sensors."""
    rows = connection.execute(
        """
        SELECT c.insee, c.name, c.department, c.territory_code, c.territory_name, c.population, c.member_until,
               c.merged_into, (SELECT count(*) FROM site JOIN sensor USING (site_id) WHERE commune_insee = c.insee)
          FROM commune AS c
         WHERE c.member_until IS NULL OR c.member_until > %s::date
         ORDER BY c.name COLLATE "C"
        """,
        (on,),
    )
    return [(Commune(*row[:8]), row[8]) for row in rows]


def write_site(connection: Connection, site: Site) -> int:
    """Write a site, or bring the one of this commune and code up to date; return its id.

    A point that is not given leaves the known one.
    """
    row = connection.execute(
        """
        INSERT INTO site (commune_insee, code, name, longitude, latitude) VALUES (%s, %s, %s, %s, %s)
        ON CONFLICT (commune_insee, code) DO UPDATE
           SET name = excluded.name, longitude = coalesce(excluded.longitude, site.longitude),
               latitude = coalesce(excluded.latitude, site.latitude)
        RETURNING site_id
        """,
        (site.commune_insee, site.code, site.name, site.longitude, site.latitude),
    ).fetchone()
    assert row is not None, "an upsert returns its row"
    return int(row[0])


def read_site_id(connection: Connection, site: Site) -> int | None:
    """Return the id of the site of this commune and code, None while there is none."""
    row = connection.execute(
        "SELECT site_id FROM site WHERE commune_insee = %s AND code = %s", (site.commune_insee, site.code)
    ).fetchone()
    return None if row is None else int(row[0])


def read_sites(connection: Connection, *, commune: str | None = None, after: int = 0, limit: int = 1_000) -> list[Site]:
    """Return sites in order of their id, after ``after``."""
    rows = connection.execute(
        """
        SELECT commune_insee, code, name, longitude, latitude, site_id FROM site
         WHERE (%(commune)s::text IS NULL OR commune_insee = %(commune)s) AND site_id > %(after)s
         ORDER BY site_id LIMIT %(limit)s
        """,
        {"commune": commune, "after": after, "limit": limit},
    )
    return [Site(*row) for row in rows]


def read_series(
    connection: Connection,
    *,
    sensor_id: int | None = None,
    metric: str | None = None,
    series_id: int | None = None,
    in_service: bool = False,
) -> list[Series]:
    """Return the series of a sensor, of a metric, or one by its id; without a filter, all.

    ``in_service`` leaves out those of retired sensors.
    """
    rows = connection.execute(
        """
        SELECT series_id, sensor_id, metric FROM series JOIN sensor USING (sensor_id)
         WHERE (%(sensor_id)s::integer IS NULL OR sensor_id = %(sensor_id)s)
           AND (%(metric)s::text IS NULL OR metric = %(metric)s)
           AND (%(series_id)s::integer IS NULL OR series_id = %(series_id)s)
           AND NOT (%(in_service)s AND retired_at IS NOT NULL)
         ORDER BY series_id
        """,
        {"sensor_id": sensor_id, "metric": metric, "series_id": series_id, "in_service": in_service},
    )
    return [Series(*row) for row in rows]


def read_series_page(
    connection: Connection,
    *,
    sensor_id: int | None = None,
    metric: str | None = None,
    after: int = 0,
    limit: int = 1_000,
) -> list[Series]:
    """Return the series of a sensor or of a metric in order of their id, after ``after``: a page at a time."""
    rows = connection.execute(
        """
        SELECT series_id, sensor_id, metric FROM series
         WHERE (%(sensor_id)s::integer IS NULL OR sensor_id = %(sensor_id)s)
           AND (%(metric)s::text IS NULL OR metric = %(metric)s)
           AND series_id > %(after)s
         ORDER BY series_id LIMIT %(limit)s
        """,
        {"sensor_id": sensor_id, "metric": metric, "after": after, "limit": limit},
    )
    return [Series(*row) for row in rows]


def read_series_of(connection: Connection, sensor_ids: Sequence[int]) -> dict[int, list[Series]]:
    """Return the series of several sensors, by sensor id, each list in order of the series' id."""
    rows = connection.execute(
        """
        SELECT series_id, sensor_id, metric FROM series WHERE sensor_id = ANY(%(sensor_ids)s) ORDER BY series_id
        """,
        {"sensor_ids": list(sensor_ids)},
    )
    found: dict[int, list[Series]] = {sensor_id: [] for sensor_id in sensor_ids}
    for row in rows:
        series = Series(*row)
        found[series.sensor_id].append(series)
    return found


def read_commune_series(connection: Connection, commune: str) -> list[Series]:
    """Return all series of a commune's sensors, in order of their id."""
    rows = connection.execute(
        """
        SELECT series.series_id, series.sensor_id, series.metric
          FROM series JOIN sensor USING (sensor_id) JOIN site USING (site_id)
         WHERE site.commune_insee = %s ORDER BY series.series_id
        """,
        (commune,),
    )
    return [Series(*row) for row in rows]


def read_series_among(connection: Connection, series_ids: Sequence[int]) -> list[Series]:
    """Return those of some series that are there, in order of their id."""
    rows = connection.execute(
        "SELECT series_id, sensor_id, metric FROM series WHERE series_id = ANY(%s) ORDER BY series_id",
        (list(series_ids),),
    )
    return [Series(*row) for row in rows]


def read_series_communes(connection: Connection, series_ids: Sequence[int]) -> dict[int, str]:
    """Return the INSEE code of the commune that each series is in."""
    rows = connection.execute(
        """
        SELECT series_id, commune_insee FROM series JOIN sensor USING (sensor_id) JOIN site USING (site_id)
         WHERE series_id = ANY(%s)
        """,
        (list(series_ids),),
    )
    return dict(rows)


def write_series(connection: Connection, sensor_id: int, metric: str) -> int:
    """Return the id of a sensor's series of this metric, writing it when it is the first reading."""
    row = connection.execute(
        """
        INSERT INTO series (sensor_id, metric) VALUES (%s, %s)
        ON CONFLICT (sensor_id, metric) DO UPDATE SET metric = excluded.metric
        RETURNING series_id
        """,
        (sensor_id, metric),
    ).fetchone()
    assert row is not None, "an upsert returns its row"
    return int(row[0])


def write_missing_series(connection: Connection, sensor_ids: Sequence[int], metrics: Sequence[str]) -> list[Series]:
    """Return the series of these sensors' metrics (element i of one belongs to element i of the other), all written."""
    wanted = (list(sensor_ids), list(metrics))
    # In one order, so that two ingest processes never wait for each other in a circle.
    connection.execute(
        """
        INSERT INTO series (sensor_id, metric)
        SELECT sensor_id, metric FROM unnest(%s::integer[], %s::text[]) AS wanted (sensor_id, metric)
         ORDER BY sensor_id, metric
        ON CONFLICT (sensor_id, metric) DO NOTHING
        """,
        wanted,
    )
    rows = connection.execute(
        """
        SELECT series_id, sensor_id, metric
          FROM series JOIN unnest(%s::integer[], %s::text[]) AS wanted (sensor_id, metric) USING (sensor_id, metric)
        """,
        wanted,
    )
    return [Series(*row) for row in rows]
