"""What an unknown sensor may be, from what it published: a proposal for whoever adopts it, never taken for granted.

Read from the first message that is kept of it, as its network wrote it: the topic of our own messages names the kind
and the commune; ChirpStack names the device and its profile, The Things Stack the brand and model; decoded fields tell
what is measured. Pure.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from core.places import SensorKind
from core.sensor_life import DeviceModel

_OWN_TOPIC = re.compile(r"^vigie/v1/(?P<commune>[0-9AB]{5})/(?P<kind>[a-z_]+)/")
_WORD = re.compile(r"[a-z0-9]+")
# Words of decoded fields, the most telling first: a bin has a battery and a temperature, too.
_TELLING: tuple[tuple[SensorKind, tuple[str, ...]], ...] = (
    (SensorKind.BIN, ("fill", "filllevel", "distance", "remplissage", "niveau")),
    (SensorKind.BAY, ("occupied", "parking", "occupancystatus")),
    (SensorKind.COUNTER, ("people", "pedestrian", "bikes", "cyclists", "counterin", "countin")),
    (SensorKind.OUTDOOR_AIR, ("pm10", "no2", "o3", "rain", "wind")),
    (SensorKind.METER, ("power", "energy", "kwh", "wh", "index", "pulse", "pulses")),
    (SensorKind.INDOOR_AIR, ("co2", "tvoc", "illumination", "pir")),
)
DEPTH_MAX = 6
"""Deeper fields say nothing of the device."""
NAME_MAX = 120


@dataclass(frozen=True, slots=True)
class Guess:
    """What an unknown sensor may be; None where nothing tells.

    Parameters
    ----------
    model
        A device model that is decoded (`DeviceModel.model`).
    name
        What its network calls it.
    told_by
        What the network says that led to the model or the kind, to be shown beside the proposal.
    """

    kind: SensorKind | None = None
    model: str | None = None
    name: str | None = None
    commune_insee: str | None = None
    told_by: str | None = None


def guess(topic: str, payload: bytes, models: Iterable[DeviceModel]) -> Guess:
    """Return what a sensor may be, by one of its messages; whatever bytes these are."""
    own = _OWN_TOPIC.match(topic)
    if own:
        kind = SensorKind(own["kind"]) if own["kind"] in set(SensorKind) else None
        return Guess(kind=kind, commune_insee=own["commune"], told_by=None)
    try:
        body = json.loads(payload)
    except (ValueError, RecursionError):
        return Guess()
    if not isinstance(body, dict):
        return Guess()
    profile, name = _profile(body), _text(_at(body, "deviceInfo", "deviceName"))
    model = _model(profile, name, models)
    if model is not None:
        # Of a model with several uses, what it measures tells which one.
        kind = model.kinds[0] if len(model.kinds) == 1 else _kind(body, model.kinds)
        return Guess(kind=kind, model=model.model, name=name, told_by=profile or name)
    return Guess(kind=_kind(body, tuple(SensorKind)), name=name, told_by=profile)


def _profile(body: Mapping[str, Any]) -> str | None:
    """Return what the network calls this make of device: a profile's name, or brand and model."""
    version = _at(body, "uplink_message", "version_ids")
    if isinstance(version, dict):
        words = [_text(version.get(name)) for name in ("brand_id", "model_id")]
        return " ".join(word for word in words if word) or None
    return _text(_at(body, "deviceInfo", "deviceProfileName"))


def _model(profile: str | None, name: str | None, models: Iterable[DeviceModel]) -> DeviceModel | None:
    """Return the one model whose whole title stands in what the network says; none where two or more would do."""
    for said in (profile, name):
        if said is None:
            continue
        joined = "".join(_words(said))
        found = [one for one in models if "".join(_words(one.title)) in joined]
        # EM500 stands in EM500-UDL, too: what stands in another's title says less than that one.
        whole = [one for one in found if not any(_stands_in(one.title, other.title) for other in found)]
        if len(whole) == 1:
            return whole[0]
    return None


def _stands_in(title: str, other: str) -> bool:
    return title != other and "".join(_words(title)) in "".join(_words(other))


def _kind(body: Mapping[str, Any], among: tuple[SensorKind, ...]) -> SensorKind | None:
    decoded = body.get("object") or _at(body, "uplink_message", "decoded_payload")
    decoded = decoded or _at(body, "uplink_message", "normalized_payload")
    words = {word for name in _names(decoded) for word in ("".join(_words(name)), *_words(name))}
    return next((kind for kind, telling in _TELLING if kind in among and words & set(telling)), None)


def _names(value: Any, depth: int = 0) -> Iterator[str]:
    if depth > DEPTH_MAX:
        return
    if isinstance(value, dict):
        for name, inner in value.items():
            yield str(name)
            yield from _names(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            yield from _names(inner, depth + 1)


def _words(text: str) -> list[str]:
    """Return the words of a name, small and without accents; camel case is taken apart."""
    plain = unicodedata.normalize("NFKD", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", text))
    return _WORD.findall("".join(sign for sign in plain if not unicodedata.combining(sign)).lower())


def _at(body: Mapping[str, Any], *path: str) -> Any:
    value: Any = body
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _text(value: Any) -> str | None:
    return value.strip()[:NAME_MAX] or None if isinstance(value, str) else None
