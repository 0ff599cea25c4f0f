"""How forecasts turned out: written once each, summed by local day, and what follows for who speaks next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np

from core.columns import Floats, Ints
from core.forecasts import QUANTILES, Score
from core.scores import FIRST_DAY, DaySums, Duel, ScoredBy, Sums
from core.store.pool import Connection

_SCORING_LOCK = 0x53434F52  # "SCOR": the class of our advisory locks, the second key is of a metric and a commune
LATE_ISSUES = timedelta(days=2)
"""How much older than the newest scored forecast of its series one may be that is still to be scored."""


@dataclass(frozen=True, slots=True)
class Passed:
    """A forecast whose last step has ended and that has no score.

    Parameters
    ----------
    step, steps
        Its grid: the plan of its metric as it was then.
    """

    series_id: int
    commune_insee: str
    issued_at: datetime
    step: timedelta
    steps: int
    model_id: int | None
    fallback: str | None


@dataclass(frozen=True, slots=True, eq=False)
class IssuedSteps:
    """The steps of some series of one issue, in order of series and time.

    Parameters
    ----------
    series_id
        Whose they are.
    after_us
        Microseconds from ``issued_at`` to the start of the step; negative for the one that was running.
    quantiles
        Shape (steps, levels), in the metric's unit.
    naive
        The naive forecast beside it, NaN where there was none.
    """

    series_id: Ints
    after_us: Ints
    quantiles: Floats
    naive: Floats


@dataclass(frozen=True, slots=True)
class Speaker:
    """Whether the model of its metric speaks for a series since an instant, and the skill that says so."""

    series_id: int
    since: datetime
    model_speaks: bool
    skill: float


def read_passed(connection: Connection, metric: str, *, ended_by: datetime, limit: int) -> list[Passed]:
    """Return forecasts of a metric whose last step ended by then and that have no score, the oldest issues first.

    Forecasts of a series are scored in the order of their issue: only what is not much older than the newest scored
    one is looked at, so that years of scores cost nothing. The last instant of issue comes whole, beyond ``limit``.
    """
    rows = connection.execute(
        """
        SELECT forecast.series_id, site.commune_insee, forecast.issued_at, make_interval(secs => forecast.step_s),
               forecast.steps, forecast.model_id, forecast.fallback
          FROM series JOIN sensor USING (sensor_id) JOIN site USING (site_id)
         CROSS JOIN LATERAL (
               SELECT coalesce(max(score.issued_at) - %(late)s::interval, '-infinity') AS since
                 FROM score WHERE score.series_id = series.series_id) AS looked
          JOIN forecast ON forecast.series_id = series.series_id AND forecast.issued_at > looked.since
          LEFT JOIN score ON score.series_id = forecast.series_id AND score.issued_at = forecast.issued_at
         WHERE series.metric = %(metric)s AND score.series_id IS NULL
           AND forecast.issued_at + make_interval(secs => forecast.step_s * (forecast.steps + 1)) <= %(ended_by)s
         ORDER BY forecast.issued_at FETCH FIRST (%(limit)s) ROWS WITH TIES
        """,
        {"metric": metric, "ended_by": ended_by, "limit": limit, "late": LATE_ISSUES},
    )
    return [Passed(*row) for row in rows]


def read_issued_steps(connection: Connection, series_ids: Sequence[int], issued_at: datetime) -> IssuedSteps:
    """Return the steps of these series' forecasts of one issue."""
    rows = connection.execute(
        """
        SELECT series_id, (extract(epoch FROM valid_at - issued_at) * 1000000)::bigint, p05, p10, p25, p50, p75, p90,
               p95, naive
          FROM forecast_step WHERE series_id = ANY(%s) AND issued_at = %s ORDER BY series_id, valid_at
        """,
        (list(series_ids), issued_at),
    ).fetchall()
    figures = np.array([row[2:] for row in rows], dtype=np.float64).reshape(len(rows), len(QUANTILES) + 1)
    return IssuedSteps(
        np.array([row[0] for row in rows], dtype=np.int64),
        np.array([row[1] for row in rows], dtype=np.int64),
        figures[:, :-1],
        figures[:, -1],
    )


def hold_scoring(connection: Connection, metric: str, commune: str) -> None:
    """Wait, in the caller's transaction, until nobody else scores this metric of this commune."""
    connection.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", (_SCORING_LOCK, f"{metric} {commune}"))


def write_scores(connection: Connection, scores: Sequence[Score], scored_at: datetime) -> set[tuple[int, datetime]]:
    """Keep scores; a forecast is scored once.

    Returns
    -------
    set of (int, datetime)
        Series and issue of those that were not scored yet: only they may be summed.
    """
    ordered = sorted(scores, key=lambda one: (one.series_id, one.issued_at))
    rows = connection.execute(
        """
        INSERT INTO score (series_id, issued_at, scored_at, steps, pinball, pinball_naive, absolute_error,
                           absolute_error_naive, coverage, model_id)
        SELECT series_id, issued_at, %s, steps, pinball, pinball_naive, absolute_error, absolute_error_naive, coverage,
               model_id
          FROM unnest(%s::integer[], %s::timestamptz[], %s::integer[], %s::float8[], %s::float8[], %s::float8[],
                      %s::float8[], %s::float8[], %s::integer[])
               AS one (series_id, issued_at, steps, pinball, pinball_naive, absolute_error, absolute_error_naive,
                       coverage, model_id)
        ON CONFLICT (series_id, issued_at) DO NOTHING
        RETURNING series_id, issued_at
        """,
        (
            scored_at,
            [one.series_id for one in ordered],
            [one.issued_at for one in ordered],
            [one.steps for one in ordered],
            [one.pinball for one in ordered],
            [one.pinball_naive for one in ordered],
            [one.absolute_error for one in ordered],
            [one.absolute_error_naive for one in ordered],
            [one.coverage for one in ordered],
            [one.model_id for one in ordered],
        ),
    )
    return set(rows.fetchall())


def write_day_sums(connection: Connection, sums: DaySums) -> None:
    """Add to the sums by local day, in the transaction that writes the scores they are of: so exactly once.

    ``sums`` has each key once, in order, as `core.scores.summed` gives them: two that write never wait in a circle.
    """
    connection.execute(
        """
        INSERT INTO score_day (series_id, day, model_id, issued, lead_from_h, regime, steps, pinball, pinball_naive,
                               absolute_error, absolute_error_naive, within_80, within_90, below)
        SELECT series_id, %s::date + day, model_id, issued, lead_from_h, regime, steps, pinball, pinball_naive,
               absolute_error, absolute_error_naive, within_80, within_90, below::integer[]
          FROM unnest(%s::integer[], %s::integer[], %s::integer[], %s::boolean[], %s::smallint[], %s::smallint[],
                      %s::integer[], %s::float8[], %s::float8[], %s::float8[], %s::float8[], %s::integer[],
                      %s::integer[], %s::text[])
               AS one (series_id, day, model_id, issued, lead_from_h, regime, steps, pinball, pinball_naive,
                       absolute_error, absolute_error_naive, within_80, within_90, below)
        ON CONFLICT (series_id, day, model_id, issued, lead_from_h, regime) DO UPDATE
           SET steps = score_day.steps + excluded.steps,
               pinball = score_day.pinball + excluded.pinball,
               pinball_naive = score_day.pinball_naive + excluded.pinball_naive,
               absolute_error = score_day.absolute_error + excluded.absolute_error,
               absolute_error_naive = score_day.absolute_error_naive + excluded.absolute_error_naive,
               within_80 = score_day.within_80 + excluded.within_80,
               within_90 = score_day.within_90 + excluded.within_90,
               below = ARRAY(SELECT before + more FROM unnest(score_day.below, excluded.below)
                                    WITH ORDINALITY AS level (before, more, place) ORDER BY place)
        """,
        (
            FIRST_DAY,
            sums.series_id.tolist(),
            sums.day.tolist(),
            sums.model_id.tolist(),
            sums.issued.tolist(),
            sums.lead_from_h.tolist(),
            sums.regime.tolist(),
            sums.steps.tolist(),
            sums.pinball.tolist(),
            sums.pinball_naive.tolist(),
            sums.absolute_error.tolist(),
            sums.absolute_error_naive.tolist(),
            sums.within_80.tolist(),
            sums.within_90.tolist(),
            ["{" + ",".join(map(str, row)) + "}" for row in sums.below.tolist()],
        ),
    )


def read_sums(connection: Connection, metric: str, by: ScoredBy, since: date) -> list[tuple[str, Sums]]:
    """Return how what was issued of a metric turned out since a local day, each sum by its key.

    The naive forecast counts where it was issued: people were told that.

    Returns
    -------
    list of (str, Sums)
        The key is where a bucket of lead times begins in hours, a regime's number, a series' id or an INSEE code.
    """
    rows = connection.execute(
        """
        SELECT CASE %(by)s WHEN 'lead' THEN lead_from_h::text WHEN 'regime' THEN regime::text
                           WHEN 'series' THEN series_id::text ELSE commune_insee::text END AS key,
               count(DISTINCT series_id), sum(steps), coalesce(sum(steps) FILTER (WHERE model_id = 0), 0), sum(pinball),
               sum(pinball_naive), sum(absolute_error), sum(absolute_error_naive), sum(within_80), sum(within_90),
               ARRAY[sum(below[1]), sum(below[2]), sum(below[3]), sum(below[4]), sum(below[5]), sum(below[6]),
                     sum(below[7])]
          FROM score_day JOIN series USING (series_id) JOIN sensor USING (sensor_id) JOIN site USING (site_id)
         WHERE metric = %(metric)s AND issued AND day >= %(since)s
         GROUP BY key ORDER BY key
        """,
        {"metric": metric, "by": by.value, "since": since},
    )
    return [(row[0], Sums(*row[1:])) for row in rows]


def read_trends(connection: Connection, since: date) -> dict[str, list[tuple[date, Sums]]]:
    """Return how what was issued turned out, by metric and local day, since a day; the earliest first."""
    rows = connection.execute(
        """
        SELECT metric, day, count(DISTINCT series_id), sum(steps),
               coalesce(sum(steps) FILTER (WHERE model_id = 0), 0), sum(pinball), sum(pinball_naive),
               sum(absolute_error), sum(absolute_error_naive), sum(within_80), sum(within_90),
               ARRAY[sum(below[1]), sum(below[2]), sum(below[3]), sum(below[4]), sum(below[5]), sum(below[6]),
                     sum(below[7])]
          FROM score_day JOIN series USING (series_id)
         WHERE issued AND day >= %s GROUP BY metric, day ORDER BY metric, day
        """,
        (since,),
    )
    trends: dict[str, list[tuple[date, Sums]]] = {}
    for row in rows:
        trends.setdefault(row[0], []).append((row[1], Sums(*row[2:])))
    return trends


def read_commune_trends(connection: Connection, model_id: int, since: date) -> dict[str, list[tuple[date, Sums]]]:
    """Return how what a model issued turned out, by commune and local day, since a day; the earliest first."""
    rows = connection.execute(
        """
        SELECT commune_insee, day, count(DISTINCT series_id), sum(steps), 0, sum(pinball), sum(pinball_naive),
               sum(absolute_error), sum(absolute_error_naive), sum(within_80), sum(within_90),
               ARRAY[sum(below[1]), sum(below[2]), sum(below[3]), sum(below[4]), sum(below[5]), sum(below[6]),
                     sum(below[7])]
          FROM score_day JOIN series USING (series_id) JOIN sensor USING (sensor_id) JOIN site USING (site_id)
         WHERE issued AND model_id = %s AND day >= %s GROUP BY commune_insee, day ORDER BY commune_insee, day
        """,
        (model_id, since),
    )
    trends: dict[str, list[tuple[date, Sums]]] = {}
    for row in rows:
        trends.setdefault(row[0], []).append((row[1], Sums(*row[2:])))
    return trends


def read_speaking(
    connection: Connection, series_ids: Sequence[int], as_of: datetime
) -> tuple[frozenset[int], dict[int, Floats]]:
    """Return which series' model is silenced at an instant, and what the quantiles of each are moved by then.

    A series that nothing was learnt of has no shifts.
    """
    silenced = connection.execute(
        """
        SELECT asked.series_id FROM unnest(%s::integer[]) AS asked (series_id) CROSS JOIN LATERAL (
               SELECT model_speaks FROM speaker WHERE speaker.series_id = asked.series_id AND since <= %s
                ORDER BY since DESC LIMIT 1) AS newest
         WHERE NOT newest.model_speaks
        """,
        (list(series_ids), as_of),
    ).fetchall()
    shifts = connection.execute(
        """
        SELECT asked.series_id, newest.shifts FROM unnest(%s::integer[]) AS asked (series_id) CROSS JOIN LATERAL (
               SELECT shifts FROM online_shift WHERE online_shift.series_id = asked.series_id AND since <= %s
                ORDER BY since DESC LIMIT 1) AS newest
        """,
        (list(series_ids), as_of),
    ).fetchall()
    return (
        frozenset(row[0] for row in silenced),
        {row[0]: np.array(row[1], dtype=np.float64) for row in shifts},
    )


def write_shifts(connection: Connection, shifts: Mapping[int, Floats], since: datetime) -> None:
    """Keep what the quantiles of series are moved by from an instant on."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO online_shift (series_id, since, shifts) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
            [(series_id, since, moved.tolist()) for series_id, moved in sorted(shifts.items())],
        )


def write_speakers(connection: Connection, speakers: Sequence[Speaker]) -> None:
    """Keep who speaks for series from an instant on."""
    with connection.cursor() as cursor:
        cursor.executemany(
            """
            INSERT INTO speaker (series_id, since, model_speaks, skill) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING
            """,
            [(one.series_id, one.since, one.model_speaks, one.skill) for one in speakers],
        )


def read_duels_with_naive(
    connection: Connection, series_ids: Sequence[int], model_id: int, *, since: date, days: int
) -> dict[int, Duel]:
    """Return how a model does beside the naive, by series, over the last so many days that it was judged on.

    What it would have said counts as what it said: a model that is silenced is tried.
    """
    rows = connection.execute(
        """
        SELECT series_id, count(*), count(*) FILTER (WHERE pinball > pinball_naive), 1, sum(steps), sum(pinball),
               sum(pinball_naive), sum(within_90)
          FROM (SELECT series_id, sum(steps) AS steps, sum(pinball) AS pinball, sum(pinball_naive) AS pinball_naive,
                       sum(within_90) AS within_90,
                       row_number() OVER (PARTITION BY series_id ORDER BY day DESC) AS place
                  FROM score_day WHERE series_id = ANY(%s) AND model_id = %s AND day >= %s
                 GROUP BY series_id, day) AS newest
         WHERE place <= %s GROUP BY series_id
        """,
        (list(series_ids), model_id, since, days),
    )
    return {row[0]: Duel(*row[1:]) for row in rows}


def read_duel(connection: Connection, model_id: int, other_id: int, *, since: date) -> Duel:
    """Return how a model does beside another where both were tried on the same steps, since a local day.

    Sums that do not hold as many steps of one as of the other are of issues that only one was tried on.
    """
    row = connection.execute(
        """
        WITH alike AS (
            SELECT day, series_id, one.steps, one.pinball, other.pinball AS other, one.within_90
              FROM score_day AS one JOIN score_day AS other USING (series_id, day, lead_from_h, regime)
             WHERE one.model_id = %s AND NOT one.issued AND other.model_id = %s AND NOT other.issued
               AND one.day >= %s AND one.steps = other.steps)
        SELECT count(DISTINCT day),
               (SELECT count(*) FROM (SELECT FROM alike GROUP BY day HAVING sum(pinball) > sum(other)) AS lost),
               count(DISTINCT series_id), coalesce(sum(steps), 0), coalesce(sum(pinball), 0), coalesce(sum(other), 0),
               coalesce(sum(within_90), 0)
          FROM alike
        """,
        (model_id, other_id, since),
    ).fetchone()
    assert row is not None, "sums of no rows are a row"
    return Duel(*row)
