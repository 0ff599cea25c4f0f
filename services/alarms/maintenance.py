"""Maintenance: what is raised while somebody works at its place is kept, shown as muted, and told to nobody. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from core.store.episodes import NewAlarm
from core.store.maintenance import Maintenance


@dataclass(frozen=True, slots=True)
class Muting:
    """The windows that last at an instant."""

    windows: Sequence[Maintenance]

    @classmethod
    def at(cls, windows: Sequence[Maintenance], at: datetime) -> Muting:
        """Return those of some windows that last at an instant, and were not cancelled."""
        return cls([one for one in windows if one.start_at <= at < one.end_at and one.cancelled_at is None])

    def covers(self, commune: str | None, site_id: int | None, sensor_id: int | None) -> bool:
        """Whether somebody works at a place: in all of the commune, on the site, or at the sensor."""
        return any(
            one.commune_insee == commune and one.site_id in {None, site_id} and one.sensor_id in {None, sensor_id}
            for one in self.windows
        )

    def laid_on(self, new: NewAlarm) -> NewAlarm:
        """Return an alarm as it is raised: muted where somebody works."""
        return replace(new, muted=True) if self.covers(new.commune_insee, new.site_id, new.sensor_id) else new
