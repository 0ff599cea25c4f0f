"""Alarms of sensors that the flood gate holds back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from core.decisions import Value
from core.events import EventName, PlatformAlarm, Severity
from core.places import communes, current_commune
from core.readings import Reason, Rejection

ALARMS_MAX = 20
"""Sensors that one batch raises alarms of, those that sent most; the others follow with the next batches."""


def flood_alarms(rejections: Iterable[Rejection], at: datetime) -> list[PlatformAlarm]:
    """Return an alarm for each sensor of whose messages some were quarantined."""
    flooded = Counter(
        (one.external_id, one.commune_insee)
        for one in rejections
        if one.reason is Reason.FLOODED and one.external_id is not None
    )
    return [_alarm(external_id, insee, count, at) for (external_id, insee), count in flooded.most_common(ALARMS_MAX)]


def _alarm(external_id: str, insee: str | None, count: int, at: datetime) -> PlatformAlarm:
    commune = current_commune(insee).insee if insee in communes() else None
    values: dict[str, Value] = {"sensor": external_id, "n": count}
    return PlatformAlarm(EventName.ALARM_SENSOR_FLOODED, Severity.WARNING, at, f"sensor:{external_id}", commune, values)
