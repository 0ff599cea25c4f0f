"""Reads what a query asks and what it expands: one statement for each link and level, however many entities."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from core.store.criteria import Link
from core.store.observations import read_frames_heard
from core.store.pool import Connection
from core.store.things import Ask, Key, Row, count_entities, read_entities, read_linked
from services.api.sensor_things.observation_reading import read_of_each, read_page
from services.api.sensor_things.queries import Query
from services.api.sensor_things.refusals import Malformed

ENTITIES_MAX = 20_000
"""Entities in one answer, with all that is expanded."""


@dataclass(slots=True)
class Entity:
    """An entity as it was read, and what was expanded of it, by the name of the link."""

    row: Row
    expanded: dict[str, Found] = field(default_factory=dict)


@dataclass(slots=True)
class Found:
    """Entities of a set.

    Parameters
    ----------
    count
        How many there are in all, where that was asked.
    more
        Whether there are more than these.
    token
        Where the next page starts; None: ``$skip`` says so.
    """

    entities: list[Entity]
    count: int | None = None
    more: bool = False
    token: str | None = None


@dataclass(slots=True)
class Reader:
    """Reads for one request.

    Parameters
    ----------
    left
        How many entities the answer may still hold.
    """

    connection: Connection
    left: int = ENTITIES_MAX

    def page(self, query: Query) -> Found:
        """Return a page of what is asked for, with what it expands.

        Raises
        ------
        Malformed
            If it is too much.
        """
        found = self._observations(query) if query.of.is_observations else self._entities(query)
        self._expand(query, found.entities)
        return found

    def _entities(self, query: Query) -> Found:
        options = query.options
        rows = read_entities(self.connection, _ask(query, options.top + 1))
        count = count_entities(self.connection, query.of.relation, query.condition) if options.count else None
        return Found(self._taken(rows[: options.top]), count, len(rows) > options.top > 0)

    def _observations(self, query: Query) -> Found:
        page = read_page(self.connection, query)
        self._trace(query, page.rows)
        return Found(self._taken(page.rows), page.count, page.more, page.token)

    def _trace(self, query: Query, rows: Sequence[Row]) -> None:
        """Lay beside observations the frames that brought them, where that is shown."""
        if _shows(query, "parameters"):
            frames = read_frames_heard(self.connection, rows)
            for row in rows:
                row["frame"] = frames.get((row["sensor_id"], row["phenomenon_time"]))

    def _expand(self, query: Query, entities: Sequence[Entity]) -> None:
        for name, inner in query.expand.items():
            link = query.of.links[name]
            keys = sorted({entity.row[link.source_column] for entity in entities})
            groups = self._linked(inner, link, keys)
            for entity in entities:
                entity.expanded[name] = groups.get(entity.row[link.source_column]) or Found([], _none(inner))
            self._expand(inner, [one for found in groups.values() for one in found.entities])

    def _linked(self, query: Query, link: Link, keys: Sequence[Key]) -> dict[Key, Found]:
        if not keys:
            return {}
        options = query.options
        if query.of.is_observations:
            pages = read_of_each(self.connection, query, link.target_column, keys, self.left + 1)
            self._trace(query, [row for page in pages.values() for row in page.rows])
            return {key: Found(self._taken(page.rows), page.count, page.more) for key, page in pages.items()}
        ask = _ask(query, options.top if link.many else 1)
        linked = read_linked(self.connection, ask, link.target_column, keys, self.left + 1)
        return {
            key: Found(
                self._taken(one.rows), one.total if options.count else None, one.total > options.skip + options.top > 0
            )
            for key, one in linked.items()
        }

    def _taken(self, rows: Iterable[Row]) -> list[Entity]:
        entities = [Entity(row) for row in rows]
        self.left -= len(entities)
        if self.left < 0:
            raise Malformed(f"the answer would hold more than {ENTITIES_MAX} entities: lower $top, or expand less")
        return entities


def _ask(query: Query, limit: int) -> Ask:
    of = query.of
    columns = {*of.shown, *(link.source_column for link in of.links.values())}
    if not _shows(query, "phenomenonTime"):
        columns -= {"oldest_at", "newest_at"}
    return Ask(of.relation, tuple(sorted(columns)), query.condition, query.order, limit, query.options.skip)


def _shows(query: Query, name: str) -> bool:
    return query.options.select is None or name in query.options.select


def _none(query: Query) -> int | None:
    return 0 if query.options.count else None
