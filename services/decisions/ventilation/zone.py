"""One well-mixed room: its mass balance, solved exactly forward and backward.

``V dC/dt = Q (C_out - C) + 1e6 G``; with Q and G held for a time, the exact solution decays to its steady state with
``exp(-Q t / V)`` (the step that CAiMIRA and EnergyPlus also take).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, expm1

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

HOUR_S = 3600.0
_STILL = 1e-9
"""Air changes below which the flow is taken for none."""


@dataclass(frozen=True, slots=True)
class Zone:
    """A room's air: ``volume_m3`` of it, above 0, and the CO2 of the air that replaces it."""

    volume_m3: float
    outdoor_ppm: float

    def kept(self, flow_m3_h: Floats, seconds: float | Floats) -> Floats:
        """Return the share of the CO2 above outdoors that is still there after so many seconds, 0 to 1."""
        share: Floats = np.exp(-np.asarray(flow_m3_h) / HOUR_S * seconds / self.volume_m3)
        return share

    def gained(self, flow_m3_h: Floats, seconds: float | Floats) -> Floats:
        """Return what a source of 1 m3/s adds in so many seconds, ppm."""
        flow = np.asarray(flow_m3_h, dtype=np.float64) / HOUR_S
        still = flow * seconds / self.volume_m3 < _STILL
        moving = -np.expm1(-flow * seconds / self.volume_m3) / np.where(still, 1.0, flow)
        ppm: Floats = 1e6 * np.where(still, seconds / self.volume_m3, moving)
        return ppm

    def after(self, co2_ppm: float, source_m3_s: float, flow_m3_h: float, seconds: float) -> float:
        """Return CO2 after so many seconds with this source and this flow, ppm."""
        flow = flow_m3_h / HOUR_S
        changed = flow * seconds / self.volume_m3
        gained = seconds / self.volume_m3 if changed < _STILL else -expm1(-changed) / flow
        return self.outdoor_ppm + (co2_ppm - self.outdoor_ppm) * exp(-changed) + 1e6 * source_m3_s * gained

    def source(self, co2_ppm: Floats, flow_m3_h: Floats, seconds: Floats) -> Floats:
        """Return the source between each two readings, m3/s of CO2: the exact step turned around.

        Parameters
        ----------
        co2_ppm
            Readings in time order, one more than the intervals between them.
        flow_m3_h, seconds
            Of each interval.
        """
        above = np.asarray(co2_ppm) - self.outdoor_ppm
        found: Floats = (above[1:] - above[:-1] * self.kept(flow_m3_h, seconds)) / self.gained(flow_m3_h, seconds)
        return found

    def needed_m3_h(self, co2_ppm: float, source_m3_s: float, limit_ppm: float, seconds: float) -> float:
        """Return the least flow that ends at or under the limit, m3/h, at most thirty air changes per hour.

        Raises
        ------
        ValueError
            If the limit is not above outdoor air.
        """
        if limit_ppm <= self.outdoor_ppm:
            raise ValueError(f"no flow brings {limit_ppm:g} ppm with {self.outdoor_ppm:g} ppm outdoors")
        low, high = 0.0, 30.0 * self.volume_m3
        if self.after(co2_ppm, source_m3_s, low, seconds) <= limit_ppm:
            return 0.0
        if self.after(co2_ppm, source_m3_s, high, seconds) > limit_ppm:
            return high
        for _ in range(30):
            middle = (low + high) / 2
            under = self.after(co2_ppm, source_m3_s, middle, seconds) <= limit_ppm
            low, high = (low, middle) if under else (middle, high)
        return high
