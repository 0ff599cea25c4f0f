"""What Schemathesis does before each request: the idempotency key is a new one, or all but the first were refused."""

from __future__ import annotations

import re
import uuid
from typing import Any

import schemathesis

_KEY = "Idempotency-Key"


@schemathesis.hook
def before_call(_context: schemathesis.HookContext, case: schemathesis.Case[Any], _kwargs: dict[str, Any]) -> None:
    """Give the request a key of its own."""
    if case.headers and re.fullmatch(r"[\x21-\x7e]{1,255}", str(case.headers.get(_KEY, ""))):
        case.headers[_KEY] = uuid.uuid4().hex
