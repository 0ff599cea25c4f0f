"""The path of a request below the service root (OGC 18-088, 9.2.2): its steps, each looked up."""

from __future__ import annotations

import re
from dataclasses import dataclass

from services.api.parameters import ID_MAX
from services.api.sensor_things.refusals import Malformed, NotThere
from services.api.sensor_things.schema import ENTITY_SETS, EntitySet, Kind, target_of

STEPS_MAX = 8
# A slash inside an id's quotes is the id's.
_WORD = re.compile(r"(?:'(?:[^']|'')*'|[^/'])+")
_STEP = re.compile(r"(?P<name>[A-Za-z$][A-Za-z.]*)(?:\((?P<key>.*)\))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Step:
    """One step from entity to entity.

    Parameters
    ----------
    link
        The name of the link that was followed, empty at the start.
    key
        The id in brackets, None where there is none.
    """

    of: EntitySet
    link: str
    key: int | str | None


@dataclass(frozen=True, slots=True)
class Resource:
    """What a path addresses.

    Parameters
    ----------
    inside
        The property that is asked for, and the names of what is in it; empty: the entity or the set.
    raw
        Whether its bare value is asked for (``$value``).
    reference
        Whether only the addresses of entities are (``$ref``).
    """

    steps: tuple[Step, ...]
    inside: tuple[str, ...] = ()
    raw: bool = False
    reference: bool = False

    @property
    def of(self) -> EntitySet:
        """The set that the last step leads to."""
        return self.steps[-1].of

    @property
    def is_one(self) -> bool:
        """Whether it is one entity."""
        last = self.steps[-1]
        if last.key is not None or not last.link:
            return last.key is not None
        return not self.steps[-2].of.links[last.link].many


def parse_path(path: str) -> Resource:
    """Parse a path such as ``Things(1)/Datastreams(2)/Observations``.

    Raises
    ------
    NotThere
        If it leads nowhere.
    Malformed
        If an id is none, or the path is longer than eight steps.
    """
    words = _WORD.findall(path)
    if len(words) > STEPS_MAX:
        raise Malformed(f"a path has at most {STEPS_MAX} steps")
    steps: list[Step] = []
    for place, word in enumerate(words):
        found = _STEP.fullmatch(word)
        step = None if found is None else _step(steps, found["name"], found["key"])
        if step is None:
            return _ending(tuple(steps), words[place:])
        steps.append(step)
    if not steps:
        raise NotThere("there is nothing of an empty name")
    return Resource(tuple(steps))


def _step(before: list[Step], name: str, key: str | None) -> Step | None:
    """Return the step that a word means, None where it is no step from entity to entity."""
    if not before:
        of = ENTITY_SETS.get(name)
        return None if of is None else Step(of, "", _key(of, key))
    if not Resource(tuple(before)).is_one:
        return None
    link = before[-1].of.links.get(name)
    if link is None or (key is not None and not link.many):
        return None
    return Step(target_of(link), name, _key(target_of(link), key))


def _ending(steps: tuple[Step, ...], words: list[str]) -> Resource:
    if not steps:
        raise NotThere(f"there is no entity set {words[0][:80]!r}: {', '.join(ENTITY_SETS)}")
    resource = Resource(steps)
    if words == ["$ref"]:
        return Resource(steps, reference=True)
    raw = words[-1] == "$value"
    inside = tuple(words[:-1] if raw else words)
    if not resource.is_one or not inside or not _is_property(resource.of, inside):
        raise NotThere(f"{'/'.join(words)[:80]!r} is nothing of {resource.of.name}")
    return Resource(steps, inside, raw)


def _is_property(of: EntitySet, inside: tuple[str, ...]) -> bool:
    return inside in {("id",), ("@iot.id",), ("@iot.selfLink",)} or of.property_named(inside[0]) is not None


def _key(of: EntitySet, key: str | None) -> int | str | None:
    if key is None:
        return None
    if of.identity is Kind.TEXT:
        if len(key) < 2 or key[0] != "'" or key[-1] != "'" or "\x00" in key:
            raise Malformed(f"an id of {of.name} is text in quotes: {of.name}('…')")
        return key[1:-1].replace("''", "'")
    if not (key.isascii() and key.isdecimal()):
        raise Malformed(f"an id of {of.name} is a whole number, not {key[:40]!r}")
    if len(key) > 10 or int(key) > ID_MAX:
        raise NotThere(f"there is no {of.entity} {key[:40]}")
    return int(key)
