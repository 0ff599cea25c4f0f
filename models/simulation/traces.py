"""What a simulated sensor reads in one day, as arrays, before it is delivered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from core.metrics import METRICS
from core.places import Sensor
from core.readings import Delivery
from models.simulation.days import SeededDay

DECIMALS = {
    "co2_ppm": 0,
    "temperature_c": 1,
    "humidity_ratio": 3,
    "no2_ugm3": 1,
    "o3_ugm3": 1,
    "pm25_ugm3": 1,
    "pm10_ugm3": 1,
    "fill_ratio": 2,
    "battery_v": 2,
    "occupied": 0,
    "power_kw": 2,
    "electricity_kwh": 2,
    "bikes_count": 0,
}
"""Resolution of the sensors, in decimals of the stored unit."""


@dataclass(frozen=True, slots=True)
class Trace:
    """One metric of one sensor over one UTC day.

    Parameters
    ----------
    observed_s, delay_s, values
        One element for each delivery: when it was true (seconds since 1970), how long after that it is
        published (never negative), and the value in the stored unit, at the sensor's resolution.
    """

    external_id: str
    metric: str
    observed_s: NDArray[np.int64]
    delay_s: NDArray[np.int64]
    values: NDArray[np.float64]

    @classmethod
    def of(cls, sensor: Sensor, metric: str, observed_s: NDArray[np.int64], values: NDArray[np.float64]) -> Trace:
        """Return the trace of a sensor that publishes at once, with values at its resolution and within bounds."""
        return cls(sensor.external_id, metric, observed_s, np.zeros_like(observed_s), resolved(metric, values))

    def deliveries(self) -> Iterator[Delivery]:
        """Yield what is published, in order of observation."""
        columns = (self.observed_s.tolist(), self.delay_s.tolist(), self.values.tolist())
        for observed_s, delay_s, value in zip(*columns, strict=True):
            yield Delivery(
                deliver_at=datetime.fromtimestamp(observed_s + delay_s, tz=UTC),
                external_id=self.external_id,
                metric=self.metric,
                observed_at=datetime.fromtimestamp(observed_s, tz=UTC),
                value=value,
            )


class Simulated(Protocol):
    """A sensor together with the piece of town that it reads."""

    @property
    def sensor(self) -> Sensor:
        """The sensor, as it would be registered."""
        ...

    def traces(self, day: SeededDay) -> Sequence[Trace]:
        """Return what the sensor reads on this day; the same whatever was asked before."""
        ...


def resolved(metric: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ``values`` rounded to the sensor's resolution and cut to what the metric admits."""
    row = METRICS[metric]
    # Adding zero turns -0.0 into 0.0.
    rounded: NDArray[np.float64] = np.clip(np.round(values, DECIMALS[metric]), row.low, row.high) + 0.0
    return rounded
