"""What is said of each series beside its figures, laid out so that a batch of lines takes it by arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from core.store.history import SeriesLabel


class Labels:
    """The series of an export, in order of their ids.

    Parameters
    ----------
    told
        One label per series; it must not be empty.
    """

    def __init__(self, told: Sequence[SeriesLabel]) -> None:
        self.told = tuple(sorted(told, key=lambda one: one.series_id))
        self.series_ids = tuple(one.series_id for one in self.told)
        self._ids = np.array(self.series_ids)

    @property
    def unit(self) -> str:
        """The unit of all figures, empty where they have none or not the same."""
        units = {one.unit for one in self.told}
        return units.pop() if len(units) == 1 else ""

    @property
    def origins(self) -> list[str]:
        """Where the readings come from, each origin once."""
        return sorted({str(one.origin) for one in self.told})

    def places(self, series_ids: Any) -> Any:
        """Return the place of each line's series among the labels.

        Raises
        ------
        ValueError
            If a line is of a series that has no label.
        """
        asked = series_ids.to_numpy(zero_copy_only=False)
        found = np.searchsorted(self._ids, asked)
        if len(asked) and not np.array_equal(self._ids[np.minimum(found, len(self._ids) - 1)], asked):
            raise ValueError("a line is of a series without a label")
        return pa.array(found, pa.int32())

    def texts(self, told: Callable[[SeriesLabel], str]) -> Any:
        """Return what ``told`` says of each series, as an array of text to take from."""
        return pa.array([str(told(one)) for one in self.told], pa.string())
