"""A sensor's quality at a glance: a strip of states, its flags, and what was refused, missing or came twice."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import Query
from pydantic import Field

from core.clock import Window, floor_to_step, now
from core.quality.completeness import HOUR
from services.api.answers import Answer, History, api_router, documented
from services.api.flags import FlagName, flag_names
from services.api.parameters import SensorId, Step
from services.api.problems import ParameterInvalid
from services.api.routes.uplink import Days, whole_sensor
from services.quality_strip import Stripe, read_strip

router = api_router("readings")

STRIPES_MAX = 744
_FLAG = {"flag": "stuck", "readings": 12, "last_at": "2026-03-01T10:10:00Z"}
_STRIP = {
    "strip": [{"from": "2026-03-02T08:00:00Z", "state": "good"}],
    "step_s": 7200,
    "flags": [_FLAG],
    "refused": 1,
    "refused_last_at": "2026-02-26T15:30:00Z",
    "missing": 21,
    "duplicates": 38,
    "duplicates_last_at": "2026-03-02T08:50:00Z",
}


class StripeAnswer(Answer):
    """What a step was like."""

    start: datetime = Field(alias="from")
    state: Stripe


class FlagAnswer(Answer):
    """How many readings carry a flag."""

    flag: FlagName
    readings: int
    last_at: datetime = Field(description="When the newest of them was observed.")


class StripAnswer(Answer):
    """A sensor's quality over the last days."""

    model_config = documented(_STRIP)

    strip: list[StripeAnswer] = Field(description="Oldest first; the last step may not be over.")
    step_s: int
    flags: list[FlagAnswer] = Field(description="The most frequent first.")
    refused: int = Field(description="Messages refused, and refused still.")
    refused_last_at: datetime | None
    missing: int = Field(description="Readings that were due and did not come, of the series that lacks most.")
    duplicates: int = Field(description="Messages that came a second time: of no effect.")
    duplicates_last_at: datetime | None


@router.get("/sensors/{sensor_id}/quality", operation_id="read_quality")
def read_quality(
    sensor_id: SensorId,
    store: History,
    days: Days = 7,
    step: Annotated[Step, Query(description="Whole hours as an ISO 8601 duration, PT1H to P1D.")] = 2 * HOUR,
) -> StripAnswer:
    """Return what a sensor's last days were like, step by step, and what lies behind it.

    A step is `refused` where a message was, else `missing` where fewer than three quarters of what was due came, else
    `suspect` where a reading is not of good quality; `none` where nothing was due.
    """
    if step % HOUR or timedelta(days=days) / step > STRIPES_MAX:
        raise ParameterInvalid("step", f"whole hours, and at most {STRIPES_MAX} steps")
    sensor, series = whole_sensor(store, sensor_id)
    at = now()
    start = floor_to_step(at, step) + step - timedelta(days=days)
    strip = read_strip(store, sensor, series, Window(start, at), step)
    return StripAnswer(
        strip=[StripeAnswer.model_validate({"from": start, "state": state}) for start, state in strip.stripes],
        step_s=int(step.total_seconds()),
        flags=[
            FlagAnswer(flag=flag_names(one.flag)[0], readings=one.readings, last_at=one.last_at) for one in strip.flags
        ],
        refused=strip.refused[0],
        refused_last_at=strip.refused[1],
        missing=strip.missing,
        duplicates=strip.duplicates[0],
        duplicates_last_at=strip.duplicates[1],
    )
