"""The last messages of a sensor as they came, and any message taken apart step by step by the present decoders."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import Path, Query, Request
from pydantic import Field

from core.decisions import Phrase
from core.readings import Message
from core.store.devices import read_device_owner
from core.store.pool import Connection
from core.store.raw_frames import KeptFrame, read_raw_frame, read_raw_frames
from core.store.rejections import KeptRejection, read_rejection
from services.api.answers import Answer, Items, Store, api_router, documented, problem_responses
from services.api.decoding_answers import STEP_EXAMPLE, StepAnswer, decoding_of, outcome_step, step_answers
from services.api.parameters import LONG_ID_MAX, Language, SensorId
from services.api.problems import Code, Problem
from services.api.routes.sensors import sensor_named

router = api_router("reception")

SLOT_MAX = 999
PAYLOAD_CHARACTERS_MAX = 32_768
Said = Annotated[Language, Query()]
_FRAME = {
    "slot": 3,
    "received_at": "2026-03-02T08:10:01.250000Z",
    "observed_at": "2026-03-02T08:10:00Z",
    "topic": "v3/ecoles@commune/devices/eui-0004a30b001c0530/up",
    "size_bytes": 1437,
    "outcome": "stored",
}
_WHOLE = {
    **_FRAME,
    "payload_text": '{"end_device_ids":{"device_id":"eui-0004a30b001c0530"}}',
    "payload_hex": None,
    "kept_bytes": 1437,
    "properties": {},
    "steps": [STEP_EXAMPLE],
}
_DECODING = {"rejection_id": 5, "steps": [STEP_EXAMPLE]}


class FrameAnswer(Answer):
    """A message of a sensor as it came."""

    model_config = documented(_FRAME)

    slot: int = Field(description="Names it until a newer message takes its place.")
    received_at: datetime
    observed_at: datetime | None = Field(description="Null where the message does not say.")
    topic: str
    size_bytes: int
    outcome: Literal["stored", "duplicate", "rejected", "quarantined", "aside"] = Field(
        description="What became of it."
    )


class Frames(Items[FrameAnswer]):
    """The last messages of a sensor, the newest first."""

    model_config = documented({"items": [_FRAME], "next": None})


class WholeFrame(FrameAnswer):
    """A message of a sensor with its payload, taken apart."""

    model_config = documented(_WHOLE)

    payload_text: str | None = Field(description="The payload as text, null where it is none; or else as hex.")
    payload_hex: str | None
    kept_bytes: int = Field(description="How much of the payload is kept.")
    properties: dict[str, str] = Field(description="MQTT user properties.")
    steps: list[StepAnswer] = Field(description="What the present decoders find in it, in the order of its way.")


class RejectionDecoding(Answer):
    """A refused message taken apart."""

    model_config = documented(_DECODING)

    rejection_id: int
    steps: list[StepAnswer]


@router.get("/sensors/{sensor_id}/frames", operation_id="read_frames")
def read_frames(sensor_id: SensorId, store: Store) -> Frames:
    """List the last messages of a sensor that came live, whatever became of them, the newest first."""
    sensor_named(store, sensor_id)
    return Frames(items=[FrameAnswer.model_validate(_told(one)) for one in read_raw_frames(store, sensor_id)])


@router.get("/sensors/{sensor_id}/frames/{slot}", operation_id="read_frame", responses=problem_responses(501))
def read_frame(
    sensor_id: SensorId,
    slot: Annotated[int, Path(ge=0, le=SLOT_MAX)],
    request: Request,
    store: Store,
    language: Said = "fr",
) -> WholeFrame:
    """One message of a sensor with its payload, taken apart step by step by the present decoders."""
    sensor_named(store, sensor_id)
    kept = read_raw_frame(store, sensor_id, slot)
    if kept is None:
        raise Problem(Code.NOT_FOUND, f"the sensor {sensor_id} has no message in slot {slot}")
    phrase = Phrase(f"decoding.outcome.{kept.frame.outcome}")
    steps = _steps(request, store, (kept.frame.message, sensor_id), phrase, language)
    message = kept.frame.message
    text = _text(message.payload)
    return WholeFrame.model_validate(
        _told(kept)
        | {
            "payload_text": text,
            "payload_hex": message.payload.hex() if text is None else None,
            "kept_bytes": len(message.payload),
            "properties": message.properties,
            "steps": steps,
        }
    )


@router.get(
    "/rejections/{rejection_id}/decoding", operation_id="read_rejection_decoding", responses=problem_responses(501)
)
def read_rejection_decoding(
    rejection_id: Annotated[int, Path(ge=1, le=LONG_ID_MAX)], request: Request, store: Store, language: Said = "fr"
) -> RejectionDecoding:
    """Take a refused message apart step by step by the present decoders: what a replay would find."""
    kept = read_rejection(store, rejection_id)
    if kept is None:
        raise Problem(Code.NOT_FOUND, f"there is no rejection {rejection_id}")
    refused = kept.rejection
    sensor_id = read_device_owner(store, refused.external_id) if refused.external_id else None
    steps = _steps(request, store, (refused.message, sensor_id), _became(kept), language)
    return RejectionDecoding(rejection_id=rejection_id, steps=steps)


def _steps(
    request: Request, store: Connection, whose: tuple[Message, int | None], phrase: Phrase, language: str
) -> list[StepAnswer]:
    message, sensor_id = whose
    decoding = decoding_of(request, store, message, sensor_id)
    last = outcome_step(store, sensor_id, decoding, phrase)
    return step_answers([*decoding.steps, last], request.app.state.pages.catalogues[language])


def _became(kept: KeptRejection) -> Phrase:
    """Return what became of a refused message, in a sentence."""
    if kept.settled_as is None:
        return Phrase("decoding.outcome.refused", {"reason_key": f"reason.{kept.rejection.reason}"})
    return Phrase(f"decoding.outcome.settled_{kept.settled_as}")


def _told(kept: KeptFrame) -> dict[str, object]:
    message = kept.frame.message
    return {
        "slot": kept.slot,
        "received_at": message.received_at,
        "observed_at": kept.frame.observed_at,
        "topic": message.topic,
        "size_bytes": message.size_bytes,
        "outcome": kept.frame.outcome,
    }


def _text(payload: bytes) -> str | None:
    """Return a payload as text, None where it is none."""
    try:
        text = payload.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return text if all(one.isprintable() or one in "\r\n\t" for one in text) else None
