"""The flags of a reading by their names, as answers give them."""

from __future__ import annotations

from enum import StrEnum

from core.readings import Flag


class FlagName(StrEnum):
    """Why a reading is not simply good; `core.readings.Flag` says what each means."""

    BOUNDS = "bounds"
    STEP = "step"
    STUCK = "stuck"
    SPIKE = "spike"
    STALE = "stale"
    UNCALIBRATED = "uncalibrated"
    DUPLICATE_TIME = "duplicate_time"
    CLOCK = "clock"
    RESET = "reset"
    ROLL_OVER = "roll_over"
    BACK_STEP = "back_step"


def flag_names(flags: Flag) -> list[FlagName]:
    """Return the names of the flags that are set, in the order in which they are numbered."""
    return [FlagName[flag.name] for flag in flags if flag.name is not None]
