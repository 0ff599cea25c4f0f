"""The life of a sensor after it was adopted: who changed what, and what a change may not do. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from core.clock import format_instant
from core.errors import SensorConflict, UnknownModel
from core.places import Sensor, SensorKind


class Change(StrEnum):
    """What a person did with a sensor."""

    ADOPTED = "adopted"
    EDITED = "edited"
    MOVED = "moved"
    RETIRED = "retired"
    RESTORED = "restored"
    """Its retirement was taken back."""
    REPLACED = "replaced"
    """Another device took its place; the sensor and its series stay."""


@dataclass(frozen=True, slots=True)
class Signature:
    """Who did it, as the person says, and when."""

    author: str
    at: datetime


@dataclass(frozen=True, slots=True)
class SensorChange:
    """One entry of a sensor's history.

    Parameters
    ----------
    what
        A `Change`, or a word of another part that keeps its history here.
    before, after
        The fields that changed, as JSON; ``before`` is empty at an adoption.
    """

    sensor_id: int
    what: str
    before: dict[str, Any]
    after: dict[str, Any]
    signed: Signature
    change_id: int | None = None


@dataclass(frozen=True, slots=True)
class Device:
    """A device as its network names it: what is replaced when a sensor's hardware is.

    Parameters
    ----------
    external_id
        Lower case.
    model
        Its device model, None where the network's codec decodes.
    """

    external_id: str
    model: str | None = None


@dataclass(frozen=True, slots=True)
class FormerDevice:
    """A device that was a sensor's until ``removed_at``."""

    device: Device
    sensor_id: int
    removed_at: datetime


@dataclass(frozen=True, slots=True)
class FormerPlace:
    """A commune that a sensor stood in until ``left_at``."""

    sensor_id: int
    commune_insee: str
    left_at: datetime


@dataclass(frozen=True, slots=True)
class DeviceModel:
    """A device that Vigie decodes: its maker, its title for people, and the kinds of sensor that it can be."""

    model: str
    maker: str
    title: str
    kinds: tuple[SensorKind, ...]


def described(sensor: Sensor) -> dict[str, Any]:
    """Return what a history says of a sensor: its fields that a person sets, as JSON."""
    return {
        "external_id": sensor.external_id,
        "kind": sensor.kind.value,
        "name": sensor.name,
        "model": sensor.model,
        "interval_s": sensor.interval_s,
        "retired_at": format_instant(sensor.retired_at) if sensor.retired_at else None,
        "commune_insee": sensor.site.commune_insee,
        "site": sensor.site.code,
        "site_name": sensor.site.name,
        "longitude": sensor.site.longitude,
        "latitude": sensor.site.latitude,
    }


def difference(before: dict[str, Any], after: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the fields of both that differ, as they were and as they are; a field that was not there counts too."""
    changed = [name for name in after if name not in before or before[name] != after[name]]
    return {name: before[name] for name in changed if name in before}, {name: after[name] for name in changed}


def check_instant(name: str, instant: datetime, not_before: datetime | None, now: datetime) -> None:
    """Check the instant from which a change holds.

    Raises
    ------
    SensorConflict
        If it is in the future, or before the change of its kind that came last.
    """
    if instant > now:
        raise SensorConflict(f"{name} {format_instant(instant)} is in the future")
    if not_before is not None and instant <= not_before:
        raise SensorConflict(
            f"{name} {format_instant(instant)} is not after {format_instant(not_before)}, the last one"
        )


def check_in_service(sensor: Sensor) -> None:
    """Check that a sensor was not retired.

    Raises
    ------
    SensorConflict
        If it was.
    """
    if sensor.retired_at is not None:
        raise SensorConflict(f"the sensor {sensor.external_id!r} is retired since {format_instant(sensor.retired_at)}")


def check_model(model: str | None, kind: SensorKind, models: dict[str, DeviceModel]) -> None:
    """Check that Vigie decodes this model, and that a sensor of this kind can be one.

    Raises
    ------
    UnknownModel
        If either does not hold; the message says which.
    """
    if model is None:
        return
    known = models.get(model)
    if known is None:
        raise UnknownModel(f"no device model is named {model!r}")
    if kind not in known.kinds:
        raise UnknownModel(f"a {model!r} is {' or '.join(known.kinds)}, not {kind}")
