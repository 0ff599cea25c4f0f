"""Figures that a test measured, on the terminal whether it passes or not."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import pytest


def tell(capsys: pytest.CaptureFixture[str], title: str, rows: Sequence[str]) -> None:
    """Write a title and rows past pytest's capture."""
    with capsys.disabled():
        sys.stdout.write("\n".join(["", title, *(f"  {row}" for row in rows), ""]))
