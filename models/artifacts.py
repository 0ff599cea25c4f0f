"""A trained model as bytes and back: compressed JSON with the boosters as text. No code travels in it."""

from __future__ import annotations

import json
import zlib
from datetime import timedelta

import numpy as np

from core.clock import parse_instant
from core.errors import VigieError
from core.forecasts import QUANTILES
from models.anchor import Anchor
from models.blend import Blend
from models.boosting import MedianBooster, QuantileBoosters
from models.calibration import LEAD_BUCKETS_H, Calibration
from models.local import Correction, LocalCorrections
from models.train import TrainedModel

FORMAT = 2
"""Raised when the layout below changes; another format is refused, and the next training writes this one."""
SIZE_MAX_BYTES = 256 * 1024 * 1024
"""Most bytes an artifact may unpack to."""


class ArtifactUnreadable(VigieError):
    """The artifact is not a model of this version: train again; forecasts fall back to naive meanwhile."""


def dumps(model: TrainedModel) -> bytes:
    """Return the model as compressed JSON."""
    layout = {
        "format": FORMAT,
        "metric": model.metric,
        "step_s": int(model.step.total_seconds()),
        "features": model.features,
        "levels": QUANTILES,
        "lead_buckets_h": LEAD_BUCKETS_H,
        "boosters": model.blend.boosters.texts,
        "mean_booster": model.blend.boosters.mean_text,
        "anchor": None if model.blend.anchor is None else model.blend.anchor.as_json(),
        "corrections": [
            (series_id, correction.weight, correction.booster.text)
            for series_id, correction in model.blend.local.of_series.items()
        ],
        "shifts": model.calibration.shifts.tolist(),
        "history_start": model.history_start.isoformat(),
        "history_end": model.history_end.isoformat(),
        "rows": model.rows,
        "series": model.series,
        "duration_s": model.duration_s,
        "card": model.card,
    }
    return zlib.compress(json.dumps(layout, allow_nan=False).encode())


def loads(artifact: bytes) -> TrainedModel:
    """Return the model that `dumps` wrote; its predictions are the same to the last bit.

    Raises
    ------
    ArtifactUnreadable
        If it is damaged, of another format, or of other quantiles or lead buckets.
    """
    try:
        unpacking = zlib.decompressobj()
        text = unpacking.decompress(artifact, SIZE_MAX_BYTES)
        if not unpacking.eof:
            raise ArtifactUnreadable(f"artifact is cut short or unpacks to more than {SIZE_MAX_BYTES} bytes")
        layout = json.loads(text)
    except (zlib.error, ValueError) as error:
        raise ArtifactUnreadable(f"artifact is damaged: {error}") from error
    expected = {"format": FORMAT, "levels": list(QUANTILES), "lead_buckets_h": list(LEAD_BUCKETS_H)}
    for name, value in expected.items():
        if layout.get(name) != value:
            raise ArtifactUnreadable(f"artifact has {name} {layout.get(name)!r}, {value!r} expected")
    return TrainedModel(
        metric=layout["metric"],
        step=timedelta(seconds=layout["step_s"]),
        features=tuple(layout["features"]),
        blend=Blend(
            QuantileBoosters(tuple(layout["boosters"]), layout["mean_booster"]),
            None if layout["anchor"] is None else Anchor.from_json(layout["anchor"]),
            LocalCorrections(
                {
                    series_id: Correction(weight, MedianBooster(text))
                    for series_id, weight, text in layout["corrections"]
                }
            ),
        ),
        calibration=Calibration(np.array(layout["shifts"])),
        history_start=parse_instant(layout["history_start"]),
        history_end=parse_instant(layout["history_end"]),
        rows=layout["rows"],
        series=layout["series"],
        duration_s=layout["duration_s"],
        card=layout["card"],
    )
