"""What of the API is deprecated: since when, until when it is taken at least, and what to do instead.

An answer to a request that uses it says so: ``Deprecation`` (RFC 9745), ``Sunset`` (RFC 8594) and a link to the words.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

from core.clock import parse_instant


@dataclass(frozen=True, slots=True)
class Deprecation:
    """A field of request bodies, or a parameter, that is deprecated.

    Parameters
    ----------
    place
        ``body`` or ``query``.
    operations
        By their ids in the OpenAPI document.
    since, until
        Deprecated since; taken until then at least.
    """

    place: str
    field: str
    operations: frozenset[str]
    since: datetime
    until: datetime

    def headers(self) -> dict[str, str]:
        """Return what an answer to a request that uses it says."""
        return {
            "Deprecation": f"@{int(self.since.timestamp())}",
            "Sunset": format_datetime(self.until, usegmt=True),
            "Link": '</api/v1/openapi.json>; rel="deprecation"; type="application/json"',
        }


_SIGNED = parse_instant("2026-11-22T00:00:00Z"), parse_instant("2027-11-22T00:00:00Z")
DEPRECATED = (
    # Who acts is who is signed in.
    Deprecation(
        "body",
        "by",
        frozenset(
            {
                "adopt_sensor",
                "write_sensor",
                "write_sensor_move",
                "write_sensor_retirement",
                "write_sensor_replacement",
                "write_calibration",
                "write_answer",
                "ask_intake",
            }
        ),
        *_SIGNED,
    ),
    Deprecation("query", "by", frozenset({"write_sensors"}), *_SIGNED),
)


def deprecated_in(operation: str, query: Mapping[str, str], body: bytes) -> Iterator[Deprecation]:
    """Yield what a request uses that is deprecated."""
    for one in DEPRECATED:
        if operation in one.operations and one.field in (query if one.place == "query" else _fields_of(body)):
            yield one


def _fields_of(body: bytes) -> Mapping[str, object]:
    """Return the fields of a body of JSON that was accepted, none of any other."""
    try:
        fields = json.loads(body)
    except ValueError:
        return {}
    return fields if isinstance(fields, dict) else {}
