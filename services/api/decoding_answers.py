"""Messages taken apart, as the API tells them: sentences and figures in the reader's language."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from fastapi import Request
from pydantic import Field

from core.clock import PARIS
from core.decisions import Phrase
from core.decoding import Decode, Decoding, FieldValue, Figure, Registered, Step, StepName
from core.metrics import METRICS
from core.readings import Message
from core.store.pool import Connection
from core.store.sensors import read_former_devices, read_former_places, read_sensor
from core.store.uplink import read_stored_at
from services.api.answers import Answer
from services.api.problems import Code, Problem, said
from services.words import Catalogue

DECIMALS = 4
STEP_EXAMPLE = {
    "name": "decoder",
    "said": "1 valeur trouvée par adeunis-breath/1.",
    "fields": [["CO₂", "812 ppm"]],
}


class StepAnswer(Answer):
    """What one step of a message's way found."""

    name: StepName
    said: str
    fields: list[tuple[str, str]] = Field(description="Name and value, as the language writes them.")


def decoding_of(request: Request, store: Connection, message: Message, sensor_id: int | None) -> Decoding:
    """Return a message taken apart by the present decoders, as one of this sensor (None: nobody's that is seen).

    Raises
    ------
    Problem
        501 where this process was started without decoders.
    """
    decode: Decode | None = request.app.state.decode
    if decode is None:
        raise Problem(Code.NOT_IMPLEMENTED, said("no_decoders"))
    return decode(message, None if sensor_id is None else _registered(store, sensor_id))


def _registered(store: Connection, sensor_id: int) -> Registered | None:
    sensor = read_sensor(store, sensor_id)
    if sensor is None:
        return None
    devices = read_former_devices(store, sensor_id=sensor_id)
    return Registered(sensor, devices, read_former_places(store, sensor_id=sensor_id))


def outcome_step(store: Connection, sensor_id: int | None, decoding: Decoding, phrase: Phrase) -> Step:
    """Return the last step: what became of a message, with what is stored of it."""
    stored = [] if sensor_id is None else read_stored_at(store, sensor_id, decoding.instants)
    fields = tuple((one.metric, Figure(one.value, METRICS[one.metric].unit)) for one in stored)
    return Step(StepName.OUTCOME, phrase, fields)


def step_answers(steps: Sequence[Step], catalogue: Catalogue) -> list[StepAnswer]:
    """Return steps in words."""
    return [
        StepAnswer(
            name=step.name,
            said=catalogue.said(step.said),
            fields=[(_name(name, catalogue), _written(value, catalogue)) for name, value in step.fields],
        )
        for step in steps
    ]


def _name(name: str, catalogue: Catalogue) -> str:
    """Return a metric's or a field's name in words; a payload's own stands as it is."""
    for key in (f"metric.{name}", f"decoding.field.{name}"):
        if name.isidentifier() and catalogue.knows(key):
            return catalogue.text(key)
    return name


def _written(value: FieldValue, catalogue: Catalogue) -> str:
    match value:
        case None:
            return "–"
        case datetime():
            return value.astimezone(PARIS).isoformat(" ", "seconds")
        case Figure():
            told = _figure(value.value, value.unit, catalogue)
            return told if value.sent is None else f"{_figure(*value.sent, catalogue)} → {told}"
        case float():
            return catalogue.number(value, DECIMALS)
    return value


def _figure(value: float, unit: str, catalogue: Catalogue) -> str:
    return f"{catalogue.number(value, DECIMALS)} {unit}".strip()
