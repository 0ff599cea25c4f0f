"""What the lines of a file would do to the registry of sensors: adopt, edit, nothing, or what is wrong. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum

from core.errors import UnknownModel
from core.places import Sensor, Site, site_code
from core.registry_csv import Asked, Fault, Line, LineFault
from core.sensor_life import DeviceModel, check_model


class Step(StrEnum):
    """What a line does."""

    ADOPT = "adopt"
    EDIT = "edit"
    UNCHANGED = "unchanged"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Registered:
    """The registry as it is: the sensors and sites that a file may name, and the device models.

    Parameters
    ----------
    sensors
        By external id.
    sites
        By commune and code, and by commune and the code that their name would give.
    """

    sensors: dict[str, Sensor]
    sites: dict[tuple[str, str], Site]
    models: dict[str, DeviceModel]

    @classmethod
    def of(cls, sensors: Iterable[Sensor], sites: Iterable[Site], models: dict[str, DeviceModel]) -> Registered:
        """Return the registry that these make."""
        by_name, by_code = {}, {}
        for site in sites:
            by_name[site.commune_insee, site_code(site.name)] = site
            by_code[site.commune_insee, site.code] = site
        return cls({sensor.external_id: sensor for sensor in sensors}, by_name | by_code, models)


@dataclass(frozen=True, slots=True)
class PlannedLine:
    """What one line does.

    Parameters
    ----------
    sensor
        As it will be; None for a line with errors.
    before
        As it is; None for one to adopt.
    """

    number: int
    external_id: str
    step: Step
    sensor: Sensor | None = None
    before: Sensor | None = None
    faults: tuple[LineFault, ...] = ()


@dataclass(slots=True)
class Plan:
    """What a file does, in the order of its lines; nothing of it is done while a line has an error."""

    lines: list[PlannedLine] = field(default_factory=list)

    @property
    def counts(self) -> dict[Step, int]:
        """How many lines do what."""
        found = Counter(line.step for line in self.lines)
        return {step: found[step] for step in Step}

    @property
    def faults(self) -> list[LineFault]:
        """All that is wrong, in the order of the lines."""
        return [fault for line in self.lines for fault in line.faults]

    def doing(self, step: Step) -> list[PlannedLine]:
        """Return the lines that do this."""
        return [line for line in self.lines if line.step is step]


def plan_lines(asked: Asked, registered: Registered) -> Plan:
    """Return what a file that was read would do to the registry."""
    points: dict[tuple[str, str], Line] = {}
    planned = [_plan_line(line, registered, points) for line in asked.lines]
    faulty: dict[int, list[LineFault]] = {}
    for fault in asked.faults:
        faulty.setdefault(fault.number, []).append(fault)
    planned += [PlannedLine(number, "", Step.ERROR, faults=tuple(faults)) for number, faults in faulty.items()]
    return Plan(sorted(planned, key=lambda line: line.number))


def _plan_line(line: Line, registered: Registered, points: dict[tuple[str, str], Line]) -> PlannedLine:
    before = registered.sensors.get(line.external_id)
    faults = _missing(line) if before is None else _misplaced(line, before)
    if not faults:
        sensor = _adopted(line, registered) if before is None else _edited(line, before)
        faults = [*_wrong_point(line, sensor, points), *_wrong_model(line, sensor, before, registered)]
    if faults:
        return PlannedLine(line.number, line.external_id, Step.ERROR, faults=tuple(faults))
    if before is None:
        return PlannedLine(line.number, line.external_id, Step.ADOPT, sensor)
    step = Step.UNCHANGED if sensor == before else Step.EDIT
    return PlannedLine(line.number, line.external_id, step, sensor, before)


def _missing(line: Line) -> list[LineFault]:
    needed = {"kind": line.kind, "name": line.name, "commune": line.commune_insee, "site": line.site}
    return [
        LineFault(line.number, column, Fault.MISSING, f"a new sensor needs its {column}")
        for column, value in needed.items()
        if value is None
    ]


def _misplaced(line: Line, before: Sensor) -> list[LineFault]:
    """Return how a line contradicts where its sensor stands: a move has an instant, which no column gives."""
    known = before.site
    here = line.commune_insee in {None, known.commune_insee}
    if here and (line.site is None or site_code(line.site) in {known.code, site_code(known.name)}):
        return []
    detail = f"the sensor stands on {known.name} in {known.commune_insee}: move it, with the instant"
    return [LineFault(line.number, "site", Fault.PLACE, detail)]


def _adopted(line: Line, registered: Registered) -> Sensor:
    assert line.kind is not None, "checked"
    assert line.name is not None, "checked"
    assert line.commune_insee is not None, "checked"
    assert line.site is not None, "checked"
    code = site_code(line.site) or "site"
    site = registered.sites.get((line.commune_insee, code), Site(line.commune_insee, code, line.site))
    sensor = Sensor(line.external_id, line.kind, line.name, site, model=line.model, interval_s=line.interval_s)
    return _with_point(sensor, line)


def _edited(line: Line, before: Sensor) -> Sensor:
    sensor = replace(
        before,
        kind=line.kind or before.kind,
        name=line.name or before.name,
        model=line.model or before.model,
        interval_s=line.interval_s or before.interval_s,
    )
    return _with_point(sensor, line)


def _with_point(sensor: Sensor, line: Line) -> Sensor:
    if line.longitude is None:
        return sensor
    return replace(sensor, site=replace(sensor.site, longitude=line.longitude, latitude=line.latitude))


def _wrong_point(line: Line, sensor: Sensor, points: dict[tuple[str, str], Line]) -> list[LineFault]:
    if line.longitude is None:
        return []
    first = points.setdefault((sensor.site.commune_insee, sensor.site.code), line)
    if (first.longitude, first.latitude) == (line.longitude, line.latitude):
        return []
    detail = f"line {first.number} gives the site {sensor.site.name!r} another point"
    return [LineFault(line.number, "longitude", Fault.TWICE, detail)]


def _wrong_model(line: Line, sensor: Sensor, before: Sensor | None, registered: Registered) -> list[LineFault]:
    if before is not None and (sensor.model, sensor.kind) == (before.model, before.kind):
        return []
    try:
        check_model(sensor.model, sensor.kind, registered.models)
    except UnknownModel as error:
        return [LineFault(line.number, "model", Fault.UNKNOWN_MODEL, str(error))]
    return []
