"""What is expected of the present: what the newest forecasts say of it, in one row a series."""

from __future__ import annotations

from collections.abc import Sequence

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
    VALUES (%(series_id)s, %(issued_at)s, %(since)s::timestamptz[], %(p05)s::float8[], %(p50)s::float8[],
            %(p95)s::float8[])
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
    """Keep what forecasts that were just issued expect of the present, after what the issues before did."""
    with connection.cursor() as cursor:
        cursor.executemany(_EXPECT, [_expected(one) for one in forecasts])


def _expected(forecast: Forecast) -> dict[str, object]:
    start = floor_to_step(forecast.issued_at, forecast.step)
    by_start = {step.valid_at: step.quantiles for step in forecast.steps}
    # What comes after the last of them is not told here.
    steps = [by_start.get(start + number * forecast.step) for number in range(STEPS)] + [None]
    since = [forecast.issued_at, *(start + number * forecast.step for number in range(1, STEPS + 1))]
    return {
        "series_id": forecast.series_id,
        "issued_at": forecast.issued_at,
        "since": since,
        "pieces": PIECES_MAX,
        "p05": [step and step[_P05] for step in steps],
        "p50": [step and step[_P50] for step in steps],
        "p95": [step and step[_P95] for step in steps],
    }
