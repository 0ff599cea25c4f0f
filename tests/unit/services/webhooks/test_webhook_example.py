"""The receiver's check, as the integrator's page shows it, on what we sign."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from core.clock import now
from services.webhooks.signing import new_signing_secret, signed_headers

PAGE = Path(__file__).resolve().parents[4] / "docs" / "integrator.md"


def test_the_example_of_the_page_takes_ours_and_refuses_the_rest() -> None:
    examples = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    [example] = [one for one in examples if "def is_from_vigie" in one]
    scope: dict[str, Any] = {}
    exec(example, scope)  # noqa: S102 - our own page
    is_from_vigie: Callable[[str, dict[str, str], bytes], bool] = scope["is_from_vigie"]
    old, secret, body = new_signing_secret(), new_signing_secret(), b'{"type": "alarm.backup_overdue"}'
    headers = signed_headers("0b2f", now(), body, [old, secret])
    assert is_from_vigie(secret, headers, body)
    assert is_from_vigie(old, headers, body)
    assert not is_from_vigie(new_signing_secret(), headers, body)
    assert not is_from_vigie(secret, headers, body + b" ")
    assert not is_from_vigie(secret, headers | {"webhook-id": "0b30"}, body)
    late = signed_headers("0b2f", now() - timedelta(minutes=6), body, [secret])
    assert not is_from_vigie(secret, late, body)
