"""The LoRaWAN network of the town: its gateways, whom they hear and how well, and when one of them is down.

Level falls with the logarithm of distance and scatters by some decibels from frame to frame: the form that is fitted to
measures (Petäjäjärvi et al. 2015, doi 10.1109/ITST.2015.7377400), here with a steeper fall, since these sensors lie
under lids. A frame that no gateway hears is lost, and its counter goes on.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from core.places import Sensor
from core.readings import Delivery, Heard, Reception
from models.simulation.days import DAY_S, HOUR_S, OPENED, SeededDay
from models.simulation.draws import draws

LEVEL_AT_100_M_DBM, LOSS_DB_PER_DECADE, SCATTER_DB = -80.0, 58.0, 3.0
NOISE_FLOOR_DBM = -117.0
"""Thermal noise of 125 kHz and a receiver's own 6 dB."""
SNR_LOST_DB, SNR_MOST_DB = -12.5, 11.0
"""What spreading factor 9 takes at least, and where receivers saturate."""
_METRES_PER_DEGREE = 111_320.0
_OPENED_S = int(datetime(OPENED.year, OPENED.month, OPENED.day, tzinfo=UTC).timestamp())


@dataclass(frozen=True, slots=True)
class Gateway:
    """A gateway on a roof.

    Parameters
    ----------
    down_chance, down_hours
        Share of days on which it is down, and for how long at most.
    """

    gateway_id: str
    longitude: float
    latitude: float
    down_chance: float = 0.0
    down_hours: float = 0.0

    def is_up(self, seed: int, instant_s: int) -> bool:
        """Whether it hears at an instant (seconds since 1970)."""
        day = SeededDay(seed, datetime.fromtimestamp(instant_s, UTC).toordinal())
        happens, length, place = draws(seed, self.gateway_id, "down", day.ordinal).random(3)
        if happens >= self.down_chance:
            return True
        length_s = self.down_hours * HOUR_S * (0.3 + 0.7 * length)
        start_s = day.start_s + place * (DAY_S - length_s)
        return not start_s <= instant_s < start_s + length_s


@dataclass(frozen=True, slots=True)
class Radio:
    """A network: its gateways, and the sensors that speak through it, by external id."""

    seed: int
    gateways: Sequence[Gateway]
    sensors: dict[str, Sensor]

    @classmethod
    def of(cls, seed: int, gateways: Sequence[Gateway], sensors: Iterable[Sensor]) -> Radio:
        """Return the network that these sensors speak through."""
        return cls(seed, gateways, {sensor.external_id: sensor for sensor in sensors})

    def heard(self, deliveries: Iterable[Delivery]) -> Iterator[Delivery]:
        """Yield those of deliveries that were heard, or go another way; of a lost frame nothing is left."""
        for delivery in deliveries:
            sensor = self.sensors.get(delivery.external_id)
            if sensor is None:
                yield delivery
            elif receptions := self._receptions(sensor, delivery.observed_at):
                yield replace(delivery, heard=Heard(self._session(), _counter(delivery.observed_at), receptions))

    def _receptions(self, sensor: Sensor, observed_at: datetime) -> tuple[Reception, ...]:
        """Return how each gateway that hears a frame hears it, the best first."""
        instant_s = int(observed_at.timestamp())
        scatter = draws(self.seed, sensor.external_id, "radio", instant_s).normal(0, SCATTER_DB, len(self.gateways))
        found: list[tuple[float, Reception]] = []
        for gateway, fading_db in zip(self.gateways, scatter.tolist(), strict=True):
            level = _level_dbm(sensor, gateway) + fading_db
            snr = min(level - NOISE_FLOOR_DBM, SNR_MOST_DB)
            if snr >= SNR_LOST_DB and gateway.is_up(self.seed, instant_s):
                place = gateway.longitude, gateway.latitude
                found.append((-level, Reception(gateway.gateway_id, round(level), round(snr, 1), *place)))
        return tuple(reception for _, reception in sorted(found))

    def _session(self) -> str:
        return f"simulated-{self.seed}"


def _counter(observed_at: datetime) -> int:
    """Return the frame's counter: its sensor speaks once an hour since the town was opened, heard or not."""
    return (int(observed_at.timestamp()) - _OPENED_S) // HOUR_S


def _level_dbm(sensor: Sensor, gateway: Gateway) -> float:
    assert sensor.site.longitude is not None, "sensors of the town stand somewhere"
    assert sensor.site.latitude is not None, "as above"
    north = (sensor.site.latitude - gateway.latitude) * _METRES_PER_DEGREE
    east = (sensor.site.longitude - gateway.longitude) * _METRES_PER_DEGREE * math.cos(math.radians(gateway.latitude))
    return LEVEL_AT_100_M_DBM - LOSS_DB_PER_DECADE * math.log10(max(math.hypot(north, east), 30.0) / 100)
