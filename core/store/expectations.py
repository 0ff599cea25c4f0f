"""What is expected of the present: what the newest forecasts say of it, in one row a series."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from core.clock import floor_to_step
from core.forecasts import QUANTILES, Forecast
from core.store.pool import Connection

STEPS = 4
"""Steps that an issue tells of: an hour, or four."""
PIECES_MAX = 24
"""How much is kept of a series: more than two hours of issues every quarter of an hour."""
_P05, _P50, _P95 = (QUANTILES.index(level) for level in (0.05, 0.5, 0.95))

# From its issue on, an issue says what is expected instead of the one before. One that is older than the newest empties
# the row: what is not told here is searched for in the forecasts themselves.
_EXPECT = """
    INSERT INTO expectation AS kept (series_id, issued_at, since, p05, p50, p95)
    SELECT series_id, issued_at, since::timestamptz[], p05::float8[], p50::float8[], p95::float8[]
      FROM unnest(%(series_id)s::integer[], %(issued_at)s::timestamptz[], %(since)s::text[], %(p05)s::text[],
                  %(p50)s::text[], %(p95)s::text[])
           AS told (series_id, issued_at, since, p05, p50, p95)
    ON CONFLICT (series_id) DO UPDATE
       SET (issued_at, since, p05, p50, p95) = (
            SELECT greatest(kept.issued_at, excluded.issued_at), (kept.since[:stay] || excluded.since)[past:],
                   (kept.p05[:stay] || excluded.p05)[past:], (kept.p50[:stay] || excluded.p50)[past:],
                   (kept.p95[:stay] || excluded.p95)[past:]
              FROM (SELECT width_bucket(excluded.issued_at, kept.since) AS stay) AS before
             CROSS JOIN LATERAL (
                    SELECT CASE WHEN kept.issued_at < excluded.issued_at
                                THEN greatest(stay + cardinality(excluded.since) - %(pieces)s, 0) + 1
                                ELSE stay + cardinality(excluded.since) + 1 END AS past
                   ) AS bounded)
"""


def write_expectations(connection: Connection, forecasts: Sequence[Forecast]) -> None:
    """Keep what forecasts that were just issued expect of the present, after what the issues before did.

    Rows are written in order of series, one issue after the other: two that write never wait in a circle.
    """
    ordered = sorted(forecasts, key=lambda one: (one.issued_at, one.series_id))
    for _, alike in groupby(ordered, key=lambda one: one.issued_at):
        told = [_expected(one) for one in alike]
        columns: dict[str, object] = {name: [one[name] for one in told] for name in told[0]}
        connection.execute(_EXPECT, columns | {"pieces": PIECES_MAX})


def _expected(forecast: Forecast) -> dict[str, object]:
    start = floor_to_step(forecast.issued_at, forecast.step)
    by_start = {step.valid_at: step.quantiles for step in forecast.steps}
    # What comes after the last of them is not told here.
    steps = [by_start.get(start + number * forecast.step) for number in range(STEPS)] + [None]
    since = [forecast.issued_at, *(start + number * forecast.step for number in range(1, STEPS + 1))]
    return {
        "series_id": forecast.series_id,
        "issued_at": forecast.issued_at,
        "since": _array(f'"{instant.isoformat()}"' for instant in since),
        "p05": _array(_figure(step, _P05) for step in steps),
        "p50": _array(_figure(step, _P50) for step in steps),
        "p95": _array(_figure(step, _P95) for step in steps),
    }


def _figure(quantiles: Sequence[float] | None, level: int) -> str:
    return "NULL" if quantiles is None else repr(quantiles[level])


def _array(elements: Iterable[str]) -> str:
    """Return an array as PostgreSQL writes one."""
    return "{" + ",".join(elements) + "}"
