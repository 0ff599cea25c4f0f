"""What a question may ask: the parameters of clauses 6.4, 6.5 and 6.18 that Vigie supports; any other is refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Final, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from services.api.ngsi_ld.contexts import attribute_term, type_named
from services.api.ngsi_ld.entity_types import ENTITY_TYPES, EntityType
from services.api.ngsi_ld.faults import Fault, Refused
from services.api.ngsi_ld.forms import Form
from services.api.ngsi_ld.geo import GeoQuery, parse_geo_query
from services.api.ngsi_ld.patterns import parse_pattern
from services.api.ngsi_ld.queries import Query, parse_query
from services.api.ngsi_ld.urns import parse_urn
from services.api.parameters import Instant

NAMES_MAX = 100
_MEMBER: Final = re.compile(r"[A-Za-z]\w*|[A-Za-z][A-Za-z0-9+.-]*:[^\s{}();]+")
_SYSTEM: Final = frozenset({"createdAt", "modifiedAt", "deletedAt"})
_SIMPLE: Final = {"keyValues": Form.SIMPLIFIED, "simplified": Form.SIMPLIFIED}
_FORMS: Final = {**_SIMPLE, "concise": Form.CONCISE, "normalized": Form.NORMALIZED}
TEMPORAL_FORMS: Final = frozenset({"temporalValues", "aggregatedValues"})


def _names(value: object) -> frozenset[str]:
    given = value if isinstance(value, list) else [value]
    names = frozenset(name.strip() for part in given for name in str(part).split(",") if name.strip())
    if not 1 <= len(names) <= NAMES_MAX:
        raise ValueError(f"1 to {NAMES_MAX} names are allowed, with commas between")
    return names


Names = Annotated[frozenset[str], BeforeValidator(_names)]
"""A list of names, with commas between; a parameter that is given several times is one list."""


def _members(value: object) -> frozenset[str]:
    names = re.split(r"[,|]", str(value))
    if strange := [name for name in names if not _MEMBER.fullmatch(name)]:
        raise ValueError(f"{strange[0]!r} is no name of a member; linked entities are not supported")
    return frozenset(names)


Members = Annotated[frozenset[str], BeforeValidator(_members)]
"""Members of an entity (clause 4.21): names with commas or bars between."""


class FormAsked(BaseModel):
    """How an entity is written, and what of it."""

    model_config = ConfigDict(extra="forbid")

    attrs: Names | None = None
    pick: Members | None = None
    omit: Members | None = None
    options: Names | None = None
    written: str | None = Field(default=None, alias="format")
    local: bool = True

    def said(self, allowed: frozenset[str]) -> frozenset[str]:
        """Return the options and the format, all of which must be allowed.

        Raises
        ------
        Refused
            If one is not.
        """
        said = (self.options or frozenset()) | (frozenset({self.written}) if self.written else frozenset())
        if strange := sorted(said - allowed):
            raise Refused(Fault.INVALID_REQUEST, f"{strange[0]!r} is none of {', '.join(sorted(allowed))}")
        return said

    @property
    def form(self) -> Form:
        """The form of the entities; a format counts more than an option (clause 6.3.7)."""
        said = self.said(frozenset({*_FORMS, "count", "sysAttrs"}))
        named = [self.written] if self.written in _FORMS else sorted(said & _FORMS.keys())
        if len(named) > 1:
            raise _wrong(f"{' and '.join(named)} go not together")
        return _FORMS[named[0]] if named else Form.NORMALIZED

    @model_validator(mode="after")
    def _projected_one_way(self) -> Self:
        if self.attrs and (self.pick or self.omit):
            raise ValueError("attrs goes with neither pick nor omit")
        if both := (self.pick or frozenset()) & (self.omit or frozenset()):
            raise ValueError(f"{min(both)} is picked and omitted")
        if own := (self.attrs or frozenset()) & {"id", "type", "scope"}:
            raise ValueError(f"attrs: {min(own)} is no attribute")
        return self

    @property
    def with_times(self) -> bool:
        """Whether the times of the system are asked for."""
        return "sysAttrs" in (self.options or ())

    @property
    def attributes(self) -> frozenset[str] | None:
        """The attributes of which an entity must have one, as terms; None for all."""
        return self.attrs and frozenset(attribute_term(name) for name in self.attrs)

    @property
    def picked(self) -> frozenset[str] | None:
        """The members to keep, as terms; None for all."""
        return self.pick and frozenset(attribute_term(name) for name in self.pick)

    @property
    def omitted(self) -> frozenset[str]:
        """The members to leave out, as terms."""
        return frozenset(attribute_term(name) for name in self.omit or ())


class Typed(FormAsked):
    """Of which types."""

    types: str | None = Field(default=None, alias="type")

    @property
    def entity_types(self) -> tuple[EntityType, ...]:
        """The types to look through, in the order of listing; a type that nobody knows has no entities."""
        if self.types in {None, "*"}:
            return tuple(ENTITY_TYPES.values())
        named = str(self.types)
        if any(mark in named for mark in ";()"):
            raise _wrong("type: names with a comma between are supported, not ; or parentheses")
        names = {one.name for name in named.replace("|", ",").split(",") if (one := type_named(name.strip()))}
        return tuple(one for one in ENTITY_TYPES.values() if one.name in names)


class OneAsked(Typed):
    """How one entity is written (clause 6.5.3.1)."""

    geometry_property: str | None = Field(default=None, alias="geometryProperty")


class Chosen(Typed):
    """Which entities, of the present or of history."""

    ids: Names | None = Field(default=None, alias="id")
    id_pattern: str | None = Field(default=None, alias="idPattern")
    georel: str | None = None
    geometry: str | None = None
    coordinates: str | None = None
    geoproperty: str = "location"
    count: bool = False
    offset: int = Field(default=0, ge=0, le=10_000_000)

    @property
    def counted(self) -> bool:
        """Whether the number of all results is asked for."""
        return self.count or "count" in (self.options or ())

    @property
    def named(self) -> Callable[[str], bool] | None:
        """The test of an entity's name; None for any."""
        return None if self.id_pattern in {None, "", ".*"} else parse_pattern(str(self.id_pattern))

    @property
    def geo_query(self) -> GeoQuery | None:
        """Where the entities are; None for anywhere."""
        if self.georel is None:
            if self.geometry or self.coordinates:
                raise _wrong("geometry and coordinates need georel")
            return None
        if attribute_term(self.geoproperty) != "location":
            raise _wrong("geoproperty: the only one is location")
        return parse_geo_query(self.georel, self.geometry, self.coordinates)

    @property
    def numbers(self) -> dict[str, list[int]] | None:
        """The numbers that are asked for, by type; None for all."""
        if self.ids is None:
            return None
        numbers: dict[str, list[int]] = {}
        for type_name, number in filter(None, map(parse_urn, sorted(self.ids))):
            numbers.setdefault(type_name, []).append(number)
        return numbers


class EntitiesAsked(Chosen):
    """Which entities of the present, and how they are written (clause 6.4.3.2)."""

    q: str | None = None
    geometry_property: str | None = Field(default=None, alias="geometryProperty")
    limit: int = Field(default=20, ge=0, le=1_000)

    @property
    def query(self) -> Query | None:
        """What their attributes must be; None for anything."""
        return None if self.q is None else parse_query(self.q)

    def check(self) -> None:
        """Check that something narrows the question (clause 5.7.2).

        Raises
        ------
        Refused
            If nothing does, or a limit of none is asked for without counting.
        """
        if not any((self.types, self.ids, (self.attrs or frozenset()) - _SYSTEM, self.q, self.georel)):
            raise _wrong("the query is too wide: give type, attrs, q, georel or id")
        if not self.limit and not self.counted:
            raise _wrong("limit=0 is for counting: add count=true")


class HistoryAsked(BaseModel):
    """Which part of history, and how it is summed up (clauses 4.11 and 4.5.19)."""

    model_config = ConfigDict(extra="forbid")

    timerel: str | None = None
    time_at: Instant | None = Field(default=None, alias="timeAt")
    end_time_at: Instant | None = Field(default=None, alias="endTimeAt")
    timeproperty: str = "observedAt"
    last_n: int | None = Field(default=None, ge=1, le=1_000_000, alias="lastN")
    aggr_methods: Names | None = Field(default=None, alias="aggrMethods")
    aggr_period: str = Field(default="PT0S", alias="aggrPeriodDuration")


class TemporalAsked(Chosen, HistoryAsked):
    """Which entities, and which part of their history (clause 6.18.3.2)."""

    limit: int = Field(default=20, ge=0, le=100)

    def check(self) -> None:
        """Check that something narrows the question (clause 5.7.4).

        Raises
        ------
        Refused
            If nothing does, there is no temporal query, or a limit of none is asked for without counting.
        """
        if self.timerel is None:
            raise _wrong("a temporal query is needed: timerel and timeAt")
        if not any((self.types, self.ids, (self.attrs or frozenset()) - _SYSTEM, self.georel)):
            raise _wrong("the query is too wide: give type, attrs, georel or id")
        if not self.limit and not self.counted:
            raise _wrong("limit=0 is for counting: add count=true")


class TemporalOneAsked(Typed, HistoryAsked):
    """Which part of the history of one entity (clause 6.19.3.1)."""


def _wrong(said: str) -> Refused:
    return Refused(Fault.BAD_REQUEST_DATA, said)
