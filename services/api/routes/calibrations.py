"""Calibrations of a series: what was set, and setting one."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Query
from pydantic import Field

from core.clock import now
from core.quality.calibrations import GAIN_MAX, SHIFT_MAX, Calibration
from core.roles import Right
from core.store import calibrations
from core.store.sensors import read_sensor
from services.api.acting import Acting, demand
from services.api.answers import Answer, Items, Store, api_router, documented, problem_responses
from services.api.decision_answers import FormerPerson, Note
from services.api.doors.visiting import Visiting
from services.api.parameters import AsOf, Instant, SeriesId
from services.api.problems import BodyInvalid
from services.api.routes.sensors import series_named

router = api_router("readings")

_BODY = {
    "valid_from": "2026-03-02T08:00:00Z",
    "gain": 1.0,
    "shift": -32.0,
    "note": "comparée à une bouteille étalon",
}
_CALIBRATION = {"series_id": 41, "set_at": "2026-03-02T09:10:00Z", "by": "Nadia", **_BODY}
_HOLDS = "From when on it holds, for readings of the past too, until the next `valid_from`."


class CalibrationBody(Answer):
    """A calibration to set: `measured = raw * gain + shift`, in the unit of the series."""

    model_config = documented(_BODY)

    valid_from: Instant = Field(description=_HOLDS)
    gain: float = Field(default=1.0, strict=True, ge=-GAIN_MAX, le=GAIN_MAX, allow_inf_nan=False, description="Not 0.")
    shift: float = Field(default=0.0, strict=True, ge=-SHIFT_MAX, le=SHIFT_MAX, allow_inf_nan=False)
    by: FormerPerson = None
    note: Note = Field(default="", description="What it was compared with.")


class CalibrationAnswer(Answer):
    """A calibration as it was set. Of several with one `valid_from` the newest `set_at` counts."""

    model_config = documented(_CALIBRATION)

    series_id: int
    valid_from: datetime = Field(description=_HOLDS)
    set_at: datetime
    gain: float
    shift: float
    by: str
    note: str


class Calibrations(Items[CalibrationAnswer]):
    """All calibrations that were set for a series, the newest `valid_from` first."""

    model_config = documented({"items": [_CALIBRATION], "next": None})


class CalibrationsQuery(Answer):
    """As of when."""

    as_of: AsOf = None


@router.get("/series/{series_id}/calibrations", operation_id="read_calibrations")
def read_calibrations(series_id: SeriesId, asked: Annotated[CalibrationsQuery, Query()], store: Store) -> Calibrations:
    """List what was ever set for a series; nothing is overwritten."""
    series_named(store, series_id)
    found = calibrations.read_calibrations(store, series_id, as_of=asked.as_of)
    return Calibrations(items=[_answer(one) for one in found])


@router.post(
    "/series/{series_id}/calibrations",
    operation_id="write_calibration",
    status_code=201,
    responses=problem_responses(413),
)
def write_calibration(
    series_id: SeriesId, body: CalibrationBody, store: Acting, visitor: Visiting
) -> CalibrationAnswer:
    """Set a calibration. Raw values stay as they came; every answer is calibrated from now on.

    Flags and roll-ups of the readings that it moves follow within minutes. It is kept in the sensor's history.
    """
    sensor = read_sensor(store, series_named(store, series_id).sensor_id)
    assert sensor is not None, "whoever sees a series sees its sensor"
    demand(visitor, Right.TEND, sensor.site.commune_insee, sensor.site.site_id)
    try:
        calibration = Calibration(series_id, body.valid_from, now(), body.gain, body.shift, visitor.name, body.note)
    except ValueError as error:
        raise BodyInvalid("gain", str(error)) from None
    calibrations.write_calibration(store, calibration)
    return _answer(calibration)


def _answer(calibration: Calibration) -> CalibrationAnswer:
    return CalibrationAnswer(
        series_id=calibration.series_id,
        valid_from=calibration.valid_from,
        set_at=calibration.set_at,
        gain=calibration.gain,
        shift=calibration.shift,
        by=calibration.author,
        note=calibration.note,
    )
