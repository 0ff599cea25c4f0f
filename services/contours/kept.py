"""The communes' map of a process: made once, and again when the contours in the store are others."""

from __future__ import annotations

from datetime import datetime
from threading import Lock

from core.clock import now
from core.commune_points import commune_points
from core.store.contours import read_contours, read_contours_state
from core.store.places import read_communes
from core.store.pool import Connection
from services.contours.coverage import Coverage


class KeptCoverage:
    """Making it takes some 50 ms; knowing that it still holds, one small question to the store."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._made: tuple[tuple[int, datetime | None], Coverage] | None = None

    def of(self, connection: Connection) -> Coverage:
        """Return the communes of today as a map draws them."""
        state = read_contours_state(connection)
        with self._lock:
            if self._made is None or self._made[0] != state:
                communes = [commune for commune, _ in read_communes(connection, on=now())]
                coverage = Coverage(communes, read_contours(connection), commune_points())
                self._made = state, coverage
            return self._made[1]
