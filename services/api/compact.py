"""Answers of many thousand items: written from columns, without a model per item; the model says their form.

Measured on 52,000 latest readings: 0.8 s of CPU through models of Pydantic, 0.2 s so, and the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from starlette.responses import Response

_ENCODER = msgspec.json.Encoder()


class CompactAnswer(msgspec.Struct, frozen=True, gc=False):
    """What is answered as an object of its fields, in their order."""


class CompactItems(CompactAnswer, frozen=True, gc=False):
    """A page of a list, as `services.api.answers.Items`."""

    items: Sequence[CompactAnswer]
    next: int | None


def compact_response(answer: CompactAnswer) -> Response:
    """Return the answer as JSON; instants are RFC 3339 in UTC, with Z."""
    return Response(_ENCODER.encode(answer), media_type="application/json")
