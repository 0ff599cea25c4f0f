"""One browser for all journeys: each visitor has a context of their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from page_browser import chromium
from playwright.sync_api import Browser


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Give Debian's Chromium."""
    with chromium() as found:
        yield found
