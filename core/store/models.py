"""Models in the store: kept for ever with all it takes to make them again; which one speaks, what is said of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime

from core.audit import Act, What
from core.clock import format_instant
from core.model_life import Concern, Reign, StoredModel
from core.store.audit import record
from core.store.pool import Connection


def write_model(connection: Connection, model: StoredModel, artifact: bytes) -> int:
    """Keep a trained model with its artifact, in one statement: all of it, or nothing; return its id.

    It does not speak by that: `promote` says which one does.

    Parameters
    ----------
    artifact
        The boosters and their calibration, as `models.artifacts` writes them.
    """
    row = connection.execute(
        """
        INSERT INTO model (metric, trained_at, history_start, history_end, rows, series, duration_s, card, code_version,
                           seed, parameters, sha256, energy_kwh, co2e_g, why, artifact)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING model_id
        """,
        (
            model.metric,
            model.trained_at,
            model.history_start,
            model.history_end,
            model.rows,
            model.series,
            model.duration_s,
            json.dumps(model.card),
            model.code_version,
            model.seed,
            json.dumps(model.parameters),
            hashlib.sha256(artifact).hexdigest(),
            model.energy_kwh,
            model.co2e_g,
            model.why,
            artifact,
        ),
    ).fetchone()
    assert row is not None, "an insert returns its row"
    return int(row[0])


def read_champion(connection: Connection, metric: str, *, as_of: datetime) -> StoredModel | None:
    """Return the model that spoke for a metric at ``as_of``, or None where none did."""
    row = connection.execute(
        """
        SELECT model.metric, trained_at, history_start, history_end, rows, series, duration_s, card, code_version, seed,
               parameters, sha256, energy_kwh, co2e_g, model.why, model_id
          FROM reign JOIN model USING (model_id)
         WHERE reign.metric = %s AND reign.since <= %s ORDER BY reign.since DESC LIMIT 1
        """,
        (metric, as_of),
    ).fetchone()
    return StoredModel(*row) if row else None


def read_challenger(connection: Connection, metric: str, *, as_of: datetime) -> StoredModel | None:
    """Return the newest model of a metric that was trained by ``as_of``, if it had never spoken by then.

    A model that was rolled back is none: no rule puts it back.
    """
    row = connection.execute(
        """
        SELECT newest.metric, trained_at, history_start, history_end, rows, series, duration_s, card, code_version,
               seed, parameters, sha256, energy_kwh, co2e_g, why, model_id
          FROM (SELECT * FROM model WHERE metric = %(metric)s AND trained_at <= %(as_of)s
                 ORDER BY trained_at DESC, model_id DESC LIMIT 1) AS newest
         WHERE NOT EXISTS (SELECT FROM reign WHERE reign.metric = %(metric)s AND reign.model_id = newest.model_id
                              AND reign.since <= %(as_of)s)
        """,
        {"metric": metric, "as_of": as_of},
    ).fetchone()
    return StoredModel(*row) if row else None


def read_model(connection: Connection, model_id: int) -> StoredModel | None:
    """Return one model, None where there is none."""
    row = connection.execute(
        """
        SELECT metric, trained_at, history_start, history_end, rows, series, duration_s, card, code_version, seed,
               parameters, sha256, energy_kwh, co2e_g, why, model_id
          FROM model WHERE model_id = %s
        """,
        (model_id,),
    ).fetchone()
    return StoredModel(*row) if row else None


def read_models(connection: Connection, *, metric: str | None = None, limit: int = 1_000) -> list[StoredModel]:
    """Return models, the newest first: of one metric, or of all."""
    rows = connection.execute(
        """
        SELECT metric, trained_at, history_start, history_end, rows, series, duration_s, card, code_version, seed,
               parameters, sha256, energy_kwh, co2e_g, why, model_id
          FROM model WHERE %(metric)s::text IS NULL OR metric = %(metric)s
         ORDER BY trained_at DESC, model_id DESC LIMIT %(limit)s
        """,
        {"metric": metric, "limit": limit},
    )
    return [StoredModel(*row) for row in rows]


def read_newest_trainings(connection: Connection) -> dict[str, datetime]:
    """Return when the newest model of each metric was trained, whether it speaks or not; one without is absent."""
    rows = connection.execute("SELECT metric, max(trained_at) FROM model GROUP BY metric")
    return dict(rows)


def read_newest_reigns(connection: Connection) -> dict[str, datetime]:
    """Return since when the model of each metric speaks; a metric that none speaks for is absent."""
    rows = connection.execute("SELECT metric, max(since) FROM reign GROUP BY metric")
    return dict(rows)


def read_measured_metrics(connection: Connection) -> set[str]:
    """Return the metrics that there is a series of."""
    return {row[0] for row in connection.execute("SELECT DISTINCT metric FROM series")}


def read_artifact(connection: Connection, model_id: int) -> bytes | None:
    """Return the artifact of a model as it lies in the store, None where there is no such model."""
    row = connection.execute("SELECT artifact FROM model WHERE model_id = %s", (model_id,)).fetchone()
    return bytes(row[0]) if row else None


def read_reigns(connection: Connection, metric: str, *, as_of: datetime | None = None) -> list[Reign]:
    """Return who spoke for a metric since when, the earliest first."""
    rows = connection.execute(
        """
        SELECT metric, since, model_id, by, why FROM reign
         WHERE metric = %(metric)s AND (%(as_of)s::timestamptz IS NULL OR since <= %(as_of)s) ORDER BY since
        """,
        {"metric": metric, "as_of": as_of},
    )
    return [Reign(*row) for row in rows]


def promote(connection: Connection, reign: Reign) -> None:
    """Let a model speak from ``reign.since`` on, and put it on record as an act; nothing that was kept changes.

    The act is a roll back where the model has spoken before.

    Raises
    ------
    ValueError
        If the model is not of this metric, speaks already, or a later reign is written.
    """
    with connection.transaction():
        model = read_model(connection, reign.model_id)
        reigns = read_reigns(connection, reign.metric)
        if model is None or model.metric != reign.metric:
            raise ValueError(f"model {reign.model_id} is none of {reign.metric}")
        former = reigns[-1] if reigns else None
        if former is not None and (former.model_id == reign.model_id or former.since >= reign.since):
            raise ValueError(f"model {former.model_id} speaks for {reign.metric} since {format_instant(former.since)}")
        connection.execute(
            "INSERT INTO reign (metric, since, model_id, by, why) VALUES (%s, %s, %s, %s, %s)",
            (reign.metric, reign.since, reign.model_id, reign.by, reign.why),
        )
        what = What.MODEL_ROLLED_BACK if _has_spoken(reigns, reign.model_id) else What.MODEL_PROMOTED
        before = None if former is None else {"model_id": former.model_id}
        after = {"model_id": reign.model_id, "metric": reign.metric, "why": reign.why}
        record(connection, Act(what, f"model:{reign.model_id}", before=before, after=after))


def write_concern(connection: Connection, concern: Concern) -> int:
    """Keep what somebody says against a model, and put it on record; return its id."""
    with connection.transaction():
        row = connection.execute(
            "INSERT INTO model_concern (model_id, said_at, by, said) VALUES (%s, %s, %s, %s) RETURNING concern_id",
            (concern.model_id, concern.said_at, concern.by, concern.said),
        ).fetchone()
        assert row is not None, "an insert returns its row"
        record(connection, Act(What.MODEL_DOUBTED, f"model:{concern.model_id}", after={"said": concern.said}))
    return int(row[0])


def read_concerns(connection: Connection, model_id: int, *, limit: int = 1_000) -> list[Concern]:
    """Return what was said against a model, the newest first."""
    rows = connection.execute(
        """
        SELECT model_id, said_at, by, said, concern_id FROM model_concern
         WHERE model_id = %s ORDER BY said_at DESC, concern_id DESC LIMIT %s
        """,
        (model_id, limit),
    )
    return [Concern(*row) for row in rows]


def _has_spoken(reigns: Sequence[Reign], model_id: int) -> bool:
    return any(reign.model_id == model_id for reign in reigns)
