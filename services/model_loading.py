"""From the store to a model that speaks: checked by its checksum, unpacked once a process, refused where damaged."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from threading import Lock

import structlog

from core.metrics import Metric
from core.model_life import StoredModel, line_of
from core.store.models import read_artifact, read_challenger, read_model, read_models, read_reigns
from core.store.pool import Connection
from models.artifacts import ArtifactUnreadable, loads
from models.features.table import FEATURE_NAMES
from models.train import TrainedModel

log = structlog.get_logger(__name__)

SHELF_MAX = 24
"""Most models that a process keeps unpacked: champion and challenger of a dozen metrics; some 10 to 50 MB each."""


@dataclass(frozen=True, slots=True, eq=False)
class LoadedModel:
    """A model with what is known of it."""

    stored: StoredModel
    model: TrainedModel

    @property
    def model_id(self) -> int:
        """Its id in the store."""
        return self.stored.model_id


class Shelf:
    """Unpacked models, those used last, by the checksum of their artifacts; safe between threads."""

    def __init__(self, size: int) -> None:
        self._size, self._lock = size, Lock()
        self._models: OrderedDict[str, TrainedModel] = OrderedDict()

    def get(self, sha256: str) -> TrainedModel | None:
        """Return a model that is there."""
        with self._lock:
            model = self._models.get(sha256)
            if model is not None:
                self._models.move_to_end(sha256)
            return model

    def put(self, sha256: str, model: TrainedModel) -> None:
        """Keep a model, and let go of the one that was not used for longest where there are too many."""
        with self._lock:
            self._models[sha256] = model
            self._models.move_to_end(sha256)
            while len(self._models) > self._size:
                self._models.popitem(last=False)


_SHELF = Shelf(SHELF_MAX)
# By the checksum of what it was made of, a model never changes: whoever asks, of whichever database, gets the same.


def load_model(connection: Connection, stored: StoredModel) -> TrainedModel:
    """Return the model itself.

    Raises
    ------
    ArtifactUnreadable
        If its artifact is not the one that was written, or this version cannot read it.
    """
    kept = _SHELF.get(stored.sha256) if stored.sha256 else None
    if kept is not None:
        return kept
    artifact = read_artifact(connection, stored.model_id) or b""
    sha256 = hashlib.sha256(artifact).hexdigest()
    if stored.sha256 is not None and sha256 != stored.sha256:
        raise ArtifactUnreadable(f"artifact has the checksum {sha256}, {stored.sha256} was written")
    model = _SHELF.get(sha256) or loads(artifact)
    _SHELF.put(sha256, model)
    return model


def load_champion(connection: Connection, metric: str, *, as_of: datetime) -> LoadedModel | None:
    """Return the model that speaks for a metric as of an instant; None: the naive forecast speaks.

    One that is damaged is told in the log and refused: the one that spoke before it speaks again.
    """
    for model_id in reversed(line_of(read_reigns(connection, metric, as_of=as_of))):
        loaded = _told(connection, read_model(connection, model_id))
        if loaded is not None:
            return loaded
    return None


def load_challenger(connection: Connection, metric: str, *, as_of: datetime) -> LoadedModel | None:
    """Return the newest model of a metric that has never spoken, None where there is none that can be read."""
    return _told(connection, read_challenger(connection, metric, as_of=as_of))


def champion_can_speak(connection: Connection, metric: Metric, *, as_of: datetime) -> bool:
    """Whether there is a champion that this version can read, trained on its features, and better than the naive."""
    champion = load_champion(connection, metric.name, as_of=as_of)
    return champion is not None and _can_speak(champion.model, metric) and not champion.model.loses_to_naive


def newest_can_speak(connection: Connection, metric: Metric) -> bool:
    """Whether the newest model of a metric could speak, were it the champion."""
    loaded = [_told(connection, one) for one in read_models(connection, metric=metric.name, limit=1)]
    return any(one is not None and _can_speak(one.model, metric) for one in loaded)


def _can_speak(model: TrainedModel, metric: Metric) -> bool:
    step = metric.plan.step if metric.plan is not None else None
    return (model.metric, model.step, model.features) == (metric.name, step, FEATURE_NAMES)


def damaged_models(connection: Connection, stored: list[StoredModel]) -> Iterator[tuple[StoredModel, str]]:
    """Yield the models whose artifacts lie otherwise in the store than they were written, or cannot be read, with why.

    Every artifact is read anew, and none is kept.
    """
    for one in stored:
        artifact = read_artifact(connection, one.model_id) or b""
        sha256 = hashlib.sha256(artifact).hexdigest()
        if one.sha256 is not None and sha256 != one.sha256:
            yield one, f"its checksum is {sha256}, {one.sha256} was written"
            continue
        try:
            loads(artifact)
        except ArtifactUnreadable as error:
            yield one, str(error)


def _told(connection: Connection, stored: StoredModel | None) -> LoadedModel | None:
    if stored is None:
        return None
    try:
        return LoadedModel(stored, load_model(connection, stored))
    except ArtifactUnreadable as error:
        log.warning("model_unreadable", metric=stored.metric, model_id=stored.model_id, reason=str(error))
        return None
