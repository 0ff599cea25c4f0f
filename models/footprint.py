"""Energy and CO2e of a computation, from the time it took: the method of Green Algorithms.

energy = (processor time x power of a core + time x memory x power of memory) x power usage effectiveness, and
CO2e = energy x carbon intensity of the electricity (Lannelongue, Grealey and Inouye 2021, Advanced Science 8, 2100707,
doi 10.1002/advs.202100707). Processor time stands for the cores' time and their usage.
"""

from __future__ import annotations

from dataclasses import dataclass

_HOUR_S = 3_600
_KILO = 1_000


@dataclass(frozen=True, slots=True)
class Machine:
    """What computes, and on which electricity.

    Parameters
    ----------
    core_w
        Power of a core at work.
    memory_gb, memory_w_per_gb
        Memory at the computation's disposal, used or not, and its power.
    pue
        Power usage effectiveness of the room, at least 1: what is drawn in all over what computes.
    co2e_g_per_kwh
        Carbon intensity of the electricity.
    """

    core_w: float
    memory_gb: float
    memory_w_per_gb: float
    pue: float
    co2e_g_per_kwh: float


@dataclass(frozen=True, slots=True)
class Footprint:
    """What a computation took."""

    energy_kwh: float
    co2e_g: float


def footprint(machine: Machine, processor_s: float, duration_s: float) -> Footprint:
    """Return what a computation took.

    Parameters
    ----------
    processor_s
        Processor time of all its threads.
    duration_s
        How long it took on the clock.

    Raises
    ------
    ValueError
        If a time is negative.
    """
    if processor_s < 0 or duration_s < 0:
        raise ValueError(f"{processor_s} s of processor in {duration_s} s: times are not negative")
    watt_seconds = processor_s * machine.core_w + duration_s * machine.memory_gb * machine.memory_w_per_gb
    energy_kwh = watt_seconds * machine.pue / _HOUR_S / _KILO
    return Footprint(energy_kwh, energy_kwh * machine.co2e_g_per_kwh)
