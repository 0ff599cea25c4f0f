"""Settings of what training a model takes in energy and emits in CO2e."""

from __future__ import annotations

from pydantic import Field

from core.environment import Environment


class FootprintSettings(Environment):
    """The machine that models are trained on, as `models.footprint` counts it.

    The defaults are those of Green Algorithms 2.2 (Lannelongue, Grealey and Inouye 2021) for a machine of which nothing
    is known, in France: where more is known, say it.

    Parameters
    ----------
    footprint_core_w
        Power of a processor core at work: 12 W is the mean over processors.
    footprint_memory_gb, footprint_memory_w_per_gb
        Memory that the worker is given, whether it uses it or not, and its power: 0.3725 W/GB.
    footprint_pue
        Power usage effectiveness of the machine room: 1.67 is the mean of 2019 (Uptime Institute), 1 a machine that
        nothing cools.
    footprint_co2e_g_per_kwh
        Carbon intensity of the electricity: 51.28 g/kWh for France (production of 2020, Association of Issuing Bodies
        2021). RTE's annual review gives 21.7 for the production of 2024: the default errs on the high side.
    """

    footprint_core_w: float = Field(default=12, gt=0, le=1_000)
    footprint_memory_gb: float = Field(default=4, gt=0, le=10_000)
    footprint_memory_w_per_gb: float = Field(default=0.3725, ge=0, le=100)
    footprint_pue: float = Field(default=1.67, ge=1, le=10)
    footprint_co2e_g_per_kwh: float = Field(default=51.28, ge=0, le=2_000)
