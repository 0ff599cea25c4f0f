"""The series that an ingest process knows, looked up by whole arrays."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from core.columns import Ints
from core.metrics import METRICS
from core.places import Series
from core.store.places import write_missing_series
from core.store.pool import Connection

METRIC_NAMES: tuple[str, ...] = tuple(METRICS)
METRIC_NUMBERS: dict[str, int] = {name: number for number, name in enumerate(METRIC_NAMES)}


class KnownSeries:
    """Ids of series by sensor and metric, as last read from the store and as written since."""

    def __init__(self, series: Iterable[Series] = ()) -> None:
        # One number for each sensor and metric, in order; the id of the series at the same place.
        self._keys = np.zeros(0, np.int64)
        self._ids = np.zeros(0, np.int64)
        self._learn(series)

    def __len__(self) -> int:
        return len(self._keys)

    def ids_of(self, connection: Connection, sensor_id: Ints, metric: Ints) -> Ints:
        """Return the series of each sensor and metric (numbers in `METRIC_NAMES`), writing those that are new."""
        keys = sensor_id * len(METRIC_NAMES) + metric
        missing = np.unique(keys[~np.isin(keys, self._keys)])
        if len(missing):
            sensors, metrics = np.divmod(missing, len(METRIC_NAMES))
            names = [METRIC_NAMES[number] for number in metrics.tolist()]
            self._learn(write_missing_series(connection, sensors.tolist(), names))
        return self._ids[np.searchsorted(self._keys, keys)]

    def _learn(self, series: Iterable[Series]) -> None:
        # A metric that the code knows no longer has no number, and takes no reading.
        known = [one for one in series if one.metric in METRIC_NUMBERS]
        keys = [one.sensor_id * len(METRIC_NAMES) + METRIC_NUMBERS[one.metric] for one in known]
        keys_then = np.concatenate((self._keys, np.array(keys, np.int64)))
        ids_then = np.concatenate((self._ids, np.array([one.series_id for one in known], np.int64)))
        self._keys, places = np.unique(keys_then, return_index=True)
        self._ids = ids_then[places]
