"""What of the live feed a visitor sees: whole communes, and of others what stands on their sites.

The hub reads the feed once for everybody, so this is where one visitor's events are told from another's.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from core.roles import RIGHTS, Grant, Right
from core.store.live import LiveEvent

Place = int | tuple[str, str]
"""What an item of an event is about: a series, or the kind and the code of a decision's subject."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What somebody sees.

    Parameters
    ----------
    all
        Everything.
    communes
        Of these communes (INSEE codes) everything.
    sites
        Of these other communes what stands on these sites.
    """

    all: bool = False
    communes: frozenset[str] = frozenset()
    sites: Mapping[str, frozenset[int]] = field(default_factory=dict)

    @classmethod
    def of(cls, grants: Iterable[Grant]) -> Sight:
        """Return what a visitor sees by their grants."""
        seen = [grant for grant in grants if Right.SEE in RIGHTS[grant.role]]
        communes = {one.commune_insee for one in seen if one.commune_insee and one.site_id is None}
        sites: dict[str, frozenset[int]] = {}
        for one in seen:
            if one.commune_insee and one.site_id is not None and one.commune_insee not in communes:
                sites[one.commune_insee] = sites.get(one.commune_insee, frozenset()) | {one.site_id}
        return cls(any(one.commune_insee is None for one in seen), frozenset(communes), sites)

    def within(self, commune: str | None) -> Sight:
        """Return what is left of it where only one commune is asked for; None asks for all."""
        if commune is None:
            return self
        whole = self.all or commune in self.communes
        sites = {} if whole or commune not in self.sites else {commune: self.sites[commune]}
        return Sight(communes=frozenset({commune} if whole else ()), sites=sites)

    def covers(self, other: Sight) -> bool:
        """Whether who sees this sees all that the other does."""
        if self.all or other.all:
            return self.all
        return other.communes <= self.communes and all(
            commune in self.communes or sites <= self.sites.get(commune, frozenset())
            for commune, sites in other.sites.items()
        )

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to see."""
        return not (self.all or self.communes or self.sites)

    @property
    def asked(self) -> list[str] | None:
        """The communes whose events may hold something to see, None for all of them."""
        return None if self.all else sorted(self.communes | self.sites.keys())

    def needs_places(self, event: LiveEvent) -> bool:
        """Whether it takes the sites of an event's items to say what of it is seen."""
        return not self.all and event.commune_insee in self.sites

    def shown(self, event: LiveEvent, places: Mapping[Place, int | None]) -> LiveEvent | None:
        """Return what is seen of an event, None where that is nothing; ``places`` gives the site of each item."""
        if self.all or event.commune_insee in self.communes:
            return event
        sites = self.sites.get(event.commune_insee, frozenset())
        items = [item for item in event.items if _site_of(item, places) in sites]
        return replace(event, text=json.dumps(items)) if items else None


def _site_of(item: Mapping[str, Any], places: Mapping[Place, int | None]) -> int | None:
    """Return the site of an item: an alarm says its own, since a sensor that moved leaves it behind."""
    return item["site_id"] if "alarm_id" in item else places.get(place_of(item))


def place_of(item: Mapping[str, Any]) -> Place:
    """Return what an item of a live event is about that is no alarm."""
    return int(item["series_id"]) if "series_id" in item else (str(item["kind"]), str(item["subject"]))


def places_in(events: Iterable[LiveEvent]) -> set[Place]:
    """Return what all items of these events are about, alarms aside."""
    return {place_of(item) for event in events for item in event.items if "alarm_id" not in item}
