"""What a room can do with each quarter-hour: a fan level, with or without an airing of ten minutes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from services.decisions.ventilation.policy import Room
from services.decisions.ventilation.situation import STEP
from services.decisions.ventilation.zone import Floats, Zone

AIRING_S = 600.0
STEP_S = STEP.total_seconds()
HEAT_KWH_M3_K = 0.34e-3
"""Heat that a cubic metre of air takes along per degree."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One way to spend a quarter: the fan's level, and whether the windows are open for its first ten minutes."""

    level_m3_h: float
    airs: bool


def choices_of(room: Room) -> tuple[Choice, ...]:
    """Return the choices of a room, the one that moves least air first."""
    airings = (False, True) if room.airing_m3_h else (False,)
    found = [Choice(level, airs) for level in room.levels_m3_h for airs in airings]
    return tuple(sorted(found, key=lambda choice: moved_m3(room, choice)))


def moved_m3(room: Room, choice: Choice) -> float:
    """Return the air that a choice brings in a quarter beside the leaks, m3."""
    return (choice.level_m3_h * STEP_S + choice.airs * room.airing_m3_h * AIRING_S) / 3600


def heat_kwh(room: Room, choice: Choice, colder_k: float) -> float:
    """Return the heat that a choice takes out of the room in a quarter when outdoors is so many degrees colder."""
    fan = choice.level_m3_h * STEP_S * (1 - room.heat_recovery_ratio)
    return HEAT_KWH_M3_K * max(0.0, colder_k) * (fan + choice.airs * room.airing_m3_h * AIRING_S) / 3600


@dataclass(frozen=True, slots=True)
class Steps:
    """A quarter of each choice as a linear step: ``above' = kept * above + gained * source``, above outdoor CO2.

    ``airing_*`` are the same for the end of the airing, ten minutes in (for any choice: there CO2 may turn).
    """

    outdoor_ppm: float
    kept: Floats
    gained: Floats
    airing_kept: Floats
    airing_gained: Floats

    @classmethod
    def of(cls, room: Room, zone: Zone) -> Steps:
        """Return the steps of a room's choices, in their order."""
        choices = choices_of(room)
        after = np.array([room.leak_m3_h + choice.level_m3_h for choice in choices])
        during = after + np.array([choice.airs * room.airing_m3_h for choice in choices])
        rest = STEP_S - AIRING_S
        kept, gained = zone.kept(during, AIRING_S), zone.gained(during, AIRING_S)
        still = zone.kept(after, rest)
        return cls(zone.outdoor_ppm, kept * still, gained * still + zone.gained(after, rest), kept, gained)

    def ends(self, co2_ppm: Floats, source_m3_s: float) -> Floats:
        """Return CO2 at the end of a quarter, by choice (rows) and starting CO2 (columns)."""
        above = np.asarray(co2_ppm) - self.outdoor_ppm
        ends: Floats = self.outdoor_ppm + np.multiply.outer(self.kept, above) + self.gained[:, None] * source_m3_s
        return ends

    def peaks(self, co2_ppm: Floats, source_m3_s: float) -> Floats:
        """Return the highest CO2 of a quarter, by choice and starting CO2.

        Within each part the flow and the source hold, so CO2 goes one way: the ends of the parts bound it.
        """
        above = np.asarray(co2_ppm) - self.outdoor_ppm
        turn = np.multiply.outer(self.airing_kept, above) + self.airing_gained[:, None] * source_m3_s
        peaks: Floats = np.maximum(
            np.maximum(self.outdoor_ppm + turn, self.ends(co2_ppm, source_m3_s)), np.asarray(co2_ppm)[None, :]
        )
        return peaks


@dataclass(frozen=True, slots=True)
class Path:
    """CO2 along the window: ``ppm`` at the 25 ends of the quarters, ``peaks_ppm`` within each of the 24."""

    ppm: Floats
    peaks_ppm: Floats


def march(steps: Steps, start_ppm: float, sources: Floats, picks: list[int]) -> Path:
    """Return the CO2 that a source gives with one choice picked for each quarter."""
    ppm, peaks = [start_ppm], []
    for source, pick in zip(sources.tolist(), picks, strict=True):
        above = ppm[-1] - steps.outdoor_ppm
        turn = steps.outdoor_ppm + steps.airing_kept[pick] * above + steps.airing_gained[pick] * source
        end = steps.outdoor_ppm + steps.kept[pick] * above + steps.gained[pick] * source
        peaks.append(max(ppm[-1], turn, end))
        ppm.append(float(end))
    return Path(np.array(ppm), np.array(peaks))
