"""The embedded database lives in any folder, and keeps what it holds."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from vigie.embedded import EmbeddedDatabase

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("name", ["plain", "a folder with spaces and an é"])
def test_it_lives_in_any_folder_and_keeps_what_it_holds(tmp_path: Path, name: str) -> None:
    server = EmbeddedDatabase(tmp_path / name)
    with psycopg.connect(server.create("kept")) as connection:
        connection.execute("CREATE TABLE note AS SELECT 42 AS value")
    server.stop()
    again = EmbeddedDatabase(tmp_path / name)
    with psycopg.connect(again.address("kept")) as connection:
        assert connection.execute("SELECT value FROM note").fetchone() == (42,)
    again.stop()
