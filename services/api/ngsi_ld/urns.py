"""Entities' names: ``urn:ngsi-ld:<type>:vigie:<number>``, the number that of the sensor, series or site in Vigie.

A name stays when a device is replaced or moved: what it names is the sensor, not the device.
"""

from __future__ import annotations

import re

from services.api.ngsi_ld.faults import Fault, Refused
from services.api.parameters import ID_MAX

_NAME = re.compile(r"urn:ngsi-ld:([A-Za-z]{1,64}):vigie:([1-9][0-9]{0,9})")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+")


def format_urn(type_name: str, number: int) -> str:
    """Return the name of the entity of this type and number."""
    return f"urn:ngsi-ld:{type_name}:vigie:{number}"


def parse_urn(urn: str) -> tuple[str, int] | None:
    """Return an entity's type and number; None for a URI that is no name of ours.

    Raises
    ------
    Refused
        If it is no URI at all.
    """
    if not _URI.fullmatch(urn):
        raise Refused(Fault.BAD_REQUEST_DATA, f"{urn[:200]!r} is not a URI")
    found = _NAME.fullmatch(urn)
    if found is None or int(found[2]) > ID_MAX:
        return None
    return found[1], int(found[2])
