"""What the platform's health is judged from, read at one instant under the pass of whoever asks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509

from core.store.care import read_care, read_growth
from core.store.health import read_paces, read_platform_care, read_refused, read_taught
from core.store.lanes import read_lane_beats
from core.store.pool import Connection
from services.health import Seen

_GB = 1e9


@dataclass(frozen=True, slots=True)
class HealthLimits:
    """What the settings say that is judged beside the database.

    Parameters
    ----------
    database_gb_max
        How large the database may become, thousands of millions of bytes; None: nobody said.
    certificates
        The file of the certificate that the api serves with (PEM), None where it serves without one.
    """

    database_gb_max: float | None
    certificates: Path | None


def read_seen(connection: Connection, limits: HealthLimits, at: datetime) -> Seen:
    """Return what there is to judge, for a pass that operates: figures that are kept anyway, and counts."""
    care, growth = read_platform_care(connection), read_growth(connection)
    assert care is not None, "the right to operate was asked for"
    return Seen(
        at=at,
        care=care,
        server=read_care(connection).server,
        beats=read_lane_beats(connection),
        paces=read_paces(connection, at),
        refused=read_refused(connection, at),
        taught=read_taught(connection),
        bytes_per_day=sum(one.bytes_per_day for one in growth.values()) if growth else None,
        bytes_max=limits.database_gb_max * _GB if limits.database_gb_max else None,
        certificate_ends_at=_certificate_end(limits.certificates),
    )


def _certificate_end(certificates: Path | None) -> datetime | None:
    """Return when the first certificate of a file ends: the server's own. A process that serves TLS has read it."""
    if certificates is None:
        return None
    return x509.load_pem_x509_certificate(certificates.read_bytes()).not_valid_after_utc
