"""Places, series and device models as the entities of OGC SensorThings: relations that can be filtered, read in sets.

Each relation is one statement whose columns carry the standard's properties, and the keys by which entities lead to
each other. Observations are read apart (`core.store.observations`): there are hundreds of millions of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, LiteralString, TypeAlias

import psycopg
from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from core.errors import ReadRefused
from core.metrics import METRICS
from core.quantities import QUANTITIES
from core.store.criteria import Composer, Node
from core.store.pool import Connection

Row: TypeAlias = dict[str, Any]
Key: TypeAlias = int | str
READ_S_MAX = 10

_THING = """(
    SELECT site.site_id AS id, site.name, site.name || ', ' || commune.name AS description,
           jsonb_build_object(
               'code', site.code, 'commune_insee', site.commune_insee::text, 'commune', commune.name,
               'kinds', (SELECT coalesce(jsonb_agg(DISTINCT sensor.kind ORDER BY sensor.kind), '[]')
                           FROM sensor WHERE sensor.site_id = site.site_id),
               'origins', (SELECT coalesce(jsonb_agg(DISTINCT sensor.origin ORDER BY sensor.origin), '[]')
                             FROM sensor WHERE sensor.site_id = site.site_id)) AS properties
      FROM site JOIN commune ON commune.insee = site.commune_insee)"""

_LOCATION = """(
    SELECT site.site_id AS id, site.name, site.name || ', ' || commune.name AS description,
           'application/geo+json' AS encoding_type,
           jsonb_build_object('type', 'Point', 'coordinates',
                              jsonb_build_array(site.longitude, site.latitude)) AS location,
           point(site.longitude, site.latitude) AS point,
           jsonb_build_object('commune_insee', site.commune_insee::text, 'commune', commune.name) AS properties
      FROM site JOIN commune ON commune.insee = site.commune_insee
     WHERE site.longitude IS NOT NULL)"""

# A place stays where it is, sensors come and go: each stay of a sensor says that the place was known from then on.
_HISTORICAL_LOCATION = """(
    SELECT stay.id COLLATE "C" AS id, stay.time, site.site_id
      FROM (SELECT sensor.site_id::text AS id, min(coalesce(arrived.at, sensor.adopted_at)) AS time, sensor.site_id
              FROM sensor
              LEFT JOIN (SELECT sensor_id, max(left_at) AS at FROM former_place GROUP BY sensor_id) AS arrived
                     USING (sensor_id)
             GROUP BY sensor.site_id
             UNION ALL
            SELECT sensor_id || '-' || (extract(epoch FROM left_at) * 1000000)::bigint,
                   coalesce(lag(left_at) OVER (PARTITION BY sensor_id ORDER BY left_at), sensor.adopted_at),
                   former_place.site_id
              FROM former_place JOIN sensor USING (sensor_id)) AS stay
      JOIN site USING (site_id)
     WHERE site.longitude IS NOT NULL)"""

_SENSOR = """(
    SELECT named.id COLLATE "C" AS id,
           coalesce(device_model.maker || ' ' || device_model.title, named.model, 'Unspecified ' || named.kind) AS name,
           CASE WHEN named.model IS NULL THEN 'Sensors of kind ' || named.kind || ' whose device model is not recorded'
                ELSE 'Device model ' || named.model END AS description,
           'text/html' AS encoding_type,
           '<p>' || replace(replace(replace(
               coalesce(device_model.maker || ' ' || device_model.title, named.model, named.kind),
               '&', '&amp;'), '<', '&lt;'), '>', '&gt;') || '</p>' AS metadata,
           jsonb_strip_nulls(jsonb_build_object(
               'model', named.model, 'maker', device_model.maker,
               'kinds', coalesce(to_jsonb(device_model.kinds), jsonb_build_array(named.kind)))) AS properties
      FROM (SELECT model AS id, model, min(kind) AS kind FROM sensor WHERE model IS NOT NULL GROUP BY model
             UNION ALL
            SELECT model, model, kinds[1] FROM device_model
             WHERE NOT EXISTS (SELECT FROM sensor WHERE sensor.model = device_model.model)
             UNION ALL
            SELECT 'unspecified-' || kind, NULL, kind FROM sensor WHERE model IS NULL GROUP BY kind) AS named
      LEFT JOIN device_model USING (model))"""

_OBSERVED_PROPERTY = """(
    SELECT id COLLATE "C" AS id, name, definition, description, properties
      FROM jsonb_to_recordset(%(quantities)s)
           AS quantity (id text, name text, definition text, description text, properties jsonb))"""

# The oldest reading is looked up by index, the newest is kept beside the series: neither reads the history.
_DATASTREAM = """(
    SELECT series.series_id AS id, sensor.name || ', ' || quantity.name AS name,
           quantity.name || ' at ' || site.name || ', by ' || sensor.external_id
           || CASE sensor.origin WHEN 'simulated' THEN ' (simulated)' WHEN 'replayed' THEN ' (replayed)' ELSE '' END
           AS description,
           quantity.observation_type, quantity.unit_of_measurement,
           (SELECT oldest.observed_at
              FROM first_readings(series.series_id, '-infinity', 'infinity', '-infinity', 'infinity', 1) AS oldest)
           AS oldest_at,
           (SELECT latest.observed_at FROM latest WHERE latest.series_id = series.series_id) AS newest_at,
           jsonb_strip_nulls(jsonb_build_object(
               'metric', series.metric, 'sensor_id', sensor.sensor_id, 'external_id', sensor.external_id,
               'kind', sensor.kind, 'origin', sensor.origin, 'simulated', sensor.origin = 'simulated',
               'interval_s', sensor.interval_s, 'adopted_at', to_char(sensor.adopted_at, 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
               'retired_at', to_char(sensor.retired_at, 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))) AS properties,
           sensor.site_id AS thing_id, series.metric AS observed_property_id,
           coalesce(sensor.model, 'unspecified-' || sensor.kind) AS sensor_id
      FROM series JOIN sensor USING (sensor_id) JOIN site USING (site_id)
      JOIN jsonb_to_recordset(%(quantities)s)
           AS quantity (id text, name text, observation_type text, unit_of_measurement jsonb)
        ON quantity.id = series.metric)"""

_FEATURE_OF_INTEREST = """(
    SELECT site.site_id AS id, site.name, site.name || ', ' || commune.name AS description,
           'application/geo+json' AS encoding_type,
           CASE WHEN site.longitude IS NULL THEN '{"type": "Feature", "geometry": null, "properties": {}}'::jsonb
                ELSE jsonb_build_object('type', 'Point', 'coordinates',
                                        jsonb_build_array(site.longitude, site.latitude)) END AS feature,
           CASE WHEN site.longitude IS NOT NULL THEN point(site.longitude, site.latitude) END AS point,
           jsonb_build_object('commune_insee', site.commune_insee::text, 'commune', commune.name) AS properties
      FROM site JOIN commune ON commune.insee = site.commune_insee)"""

RELATIONS: dict[str, LiteralString] = {
    "thing": _THING,
    "location": _LOCATION,
    "historical_location": _HISTORICAL_LOCATION,
    "sensor": _SENSOR,
    "observed_property": _OBSERVED_PROPERTY,
    "datastream": _DATASTREAM,
    "feature_of_interest": _FEATURE_OF_INTEREST,
}


@dataclass(frozen=True, slots=True)
class Ask:
    """Which rows of a relation: those that meet the condition, in this order, then by id.

    Parameters
    ----------
    order
        Terms, and whether each descends.
    limit
        How many at most; of linked rows, how many of each key.
    """

    relation: str
    columns: tuple[str, ...]
    condition: Node | None = None
    order: tuple[tuple[Node, bool], ...] = ()
    limit: int = 100
    skip: int = 0


@dataclass(frozen=True, slots=True)
class LinkedRows:
    """The rows that belong to one key, after ``skip``, and how many there are in all."""

    rows: list[Row]
    total: int


def composer() -> Composer:
    """Return what writes conditions on these relations."""
    return Composer(RELATIONS, {"quantities": Jsonb(_quantities())})


@contextmanager
def bounded_reading(connection: Connection) -> Iterator[None]:
    """Let what is read here take ten seconds a statement at most, and tell what cannot be computed.

    Raises
    ------
    ReadRefused
        If it takes longer, or a value lies outside what a function takes.
    """
    connection.execute(f"SET LOCAL statement_timeout = '{READ_S_MAX}s'")
    try:
        yield
    except psycopg.errors.QueryCanceled as error:
        raise ReadRefused(f"it takes more than {READ_S_MAX} s: ask for less") from error
    except psycopg.DataError as error:
        reason = error.diag.message_primary or "a value is out of range"
        raise ReadRefused(f"it cannot be computed: {reason}") from error


def read_entities(connection: Connection, ask: Ask) -> list[Row]:
    """Return the rows that are asked for."""
    writing = composer()
    # Ids first: what costs a look-up each is computed for the rows of the page, not for those that were skipped.
    statement = sql.SQL(
        """
        SELECT {columns}
          FROM (SELECT sibling.id FROM {relation} AS sibling WHERE {holds}
                 ORDER BY {place} LIMIT %(limit)s OFFSET %(skip)s) AS picked
          JOIN {relation} AS one USING (id)
         ORDER BY {order}
        """
    ).format(
        columns=_columns(ask.columns),
        relation=sql.SQL(RELATIONS[ask.relation]),
        holds=writing.condition(ask.condition, "sibling"),
        place=writing.order(ask.order, "sibling"),
        order=writing.order(ask.order, "one"),
    )
    values = writing.values | {"limit": ask.limit, "skip": ask.skip}
    return connection.cursor(row_factory=dict_row).execute(statement, values).fetchall()


def count_entities(connection: Connection, relation: str, condition: Node | None) -> int:
    """Return how many rows of a relation meet a condition."""
    writing = composer()
    statement = sql.SQL("SELECT count(*) FROM {relation} AS one WHERE {holds}").format(
        relation=sql.SQL(RELATIONS[relation]), holds=writing.condition(condition, "one")
    )
    row = connection.execute(statement, writing.values).fetchone()
    assert row is not None, "a count is one row"
    return int(row[0])


def read_linked(connection: Connection, ask: Ask, column: str, keys: Sequence[Key], rows: int) -> dict[Key, LinkedRows]:
    """Return, of each key, the rows whose ``column`` equals it: all keys in one statement, ``rows`` in all at most."""
    writing = composer()
    statement = sql.SQL(
        """
        SELECT {columns}, one.{column} AS key, picked.total
          FROM (SELECT sibling.id, count(*) OVER (PARTITION BY sibling.{column}) AS total,
                       row_number() OVER (PARTITION BY sibling.{column} ORDER BY {order}) AS place
                  FROM {relation} AS sibling WHERE sibling.{column} = ANY(%(keys)s) AND {holds}) AS picked
          JOIN {relation} AS one USING (id)
         WHERE picked.place <= %(last)s
         ORDER BY one.{column}, picked.place LIMIT %(rows)s
        """
    ).format(
        columns=_columns(ask.columns),
        column=sql.Identifier(column),
        order=writing.order(ask.order, "sibling"),
        relation=sql.SQL(RELATIONS[ask.relation]),
        holds=writing.condition(ask.condition, "sibling"),
    )
    values = writing.values | {"keys": list(keys), "last": ask.skip + ask.limit, "rows": rows}
    found: dict[Key, LinkedRows] = {}
    for row in connection.cursor(row_factory=dict_row).execute(statement, values):
        linked = found.setdefault(row["key"], LinkedRows([], row["total"]))
        linked.rows.append(row)
    return {key: LinkedRows(linked.rows[ask.skip :], linked.total) for key, linked in found.items()}


def _columns(names: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier("one", name) for name in names)


def _quantities() -> list[dict[str, Any]]:
    return [
        {
            "id": name,
            "name": quantity.name,
            "definition": quantity.definition,
            "description": quantity.description,
            "properties": {"metric": name, "family": METRICS[name].family},
            "observation_type": quantity.observation_type,
            "unit_of_measurement": quantity.unit.as_json(),
        }
        for name, quantity in QUANTITIES.items()
    ]
