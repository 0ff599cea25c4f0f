"""Linear programs and their solution by HiGHS: the only door to it."""

from __future__ import annotations

from dataclasses import dataclass, field

import highspy
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Places = NDArray[np.intp]
Term = tuple[int, float]

INFINITE = float("inf")
TIME_LIMIT_S = 10.0


@dataclass(frozen=True, slots=True)
class Solution:
    """The best values of the columns, and what one more of each row's right side would cost."""

    values: Floats
    row_duals: Floats
    objective: float


@dataclass(slots=True)
class Program:
    """A linear program that is being written: minimise cost over bounded columns and bounded rows."""

    lows: list[float] = field(default_factory=list)
    highs: list[float] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)
    row_lows: list[float] = field(default_factory=list)
    row_highs: list[float] = field(default_factory=list)
    starts: list[int] = field(default_factory=lambda: [0])
    places: list[int] = field(default_factory=list)
    factors: list[float] = field(default_factory=list)

    def column(self, low: float, high: float, cost: float = 0.0) -> int:
        """Add a column; return its place."""
        self.lows.append(low)
        self.highs.append(high)
        self.costs.append(cost)
        return len(self.lows) - 1

    def row(self, low: float, high: float, *terms: Term) -> int:
        """Add ``low <= sum of factor * column <= high``; return its place."""
        self.places.extend(place for place, _ in terms)
        self.factors.extend(factor for _, factor in terms)
        self.starts.append(len(self.places))
        self.row_lows.append(low)
        self.row_highs.append(high)
        return len(self.row_lows) - 1

    def equal(self, value: float, *terms: Term) -> int:
        """Add an equation; return its row's place."""
        return self.row(value, value, *terms)

    def solve(self) -> Solution | None:
        """Return the best solution; None where none exists or none was found within the time limit."""
        lp = highspy.HighsLp()
        lp.num_col_, lp.num_row_ = len(self.lows), len(self.row_lows)
        lp.col_lower_, lp.col_upper_, lp.col_cost_ = (
            np.array(column) for column in (self.lows, self.highs, self.costs)
        )
        lp.row_lower_, lp.row_upper_ = np.array(self.row_lows), np.array(self.row_highs)
        lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        lp.a_matrix_.start_ = np.array(self.starts)
        lp.a_matrix_.index_ = np.array(self.places)
        lp.a_matrix_.value_ = np.array(self.factors)
        highs = highspy.Highs()  # type: ignore[no-untyped-call] # its stub leaves the constructor bare
        # One thread and the simplex method: the same program always gives the same vertex.
        for name, value in (
            ("output_flag", False),
            ("threads", 1),
            ("random_seed", 0),
            ("solver", "simplex"),
            ("parallel", "off"),
            ("time_limit", TIME_LIMIT_S),
        ):
            highs.setOptionValue(name, value)
        highs.passModel(lp)
        highs.run()
        if highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            return None
        found = highs.getSolution()
        return Solution(np.array(found.col_value), np.array(found.row_dual), highs.getInfo().objective_function_value)
