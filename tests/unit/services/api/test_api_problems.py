from __future__ import annotations

import asyncio
import json
from pathlib import Path

import httpx
import pytest
from api_process import api_settings

from core.errors import SettingInvalid
from core.settings import ApiSettings
from services.api.app import create_app
from services.api.problem_answers import preferred_language
from services.api.problems import Code, read_problem_words

WORDS = ApiSettings.model_fields["dashboards_dir"].default / "words"


@pytest.mark.parametrize(
    ("accept", "language"),
    [
        ("", "fr"),
        ("*", "fr"),
        ("de, it", "fr"),
        ("en", "en"),
        ("en-US,en;q=0.9", "en"),
        ("fr;q=0.4, en;q=0.5", "en"),
        ("fr;q=0.5, en;q=0.5", "fr"),
        ("en;q=nonsense", "fr"),
    ],
)
def test_the_language_is_the_preferred_one_of_ours(accept: str, language: str) -> None:
    assert preferred_language(accept) == language


def test_every_code_has_its_title_in_both_languages() -> None:
    titles = read_problem_words(WORDS).titles
    for code in Code:
        assert titles["fr"][code] != titles["en"][code]


def test_a_missing_title_stops_the_process_with_the_file_that_lacks_it(tmp_path: Path) -> None:
    for language in ("fr", "en"):
        words = {code: "x" for code in Code if (language, code) != ("en", Code.NOT_FOUND)}
        (tmp_path / f"{language}.json").write_text(json.dumps({"problem": words, "problem_detail": {}}))
    with pytest.raises(SettingInvalid, match=r"en\.json lacks .*not_found"):
        read_problem_words(tmp_path)


def test_a_mistake_of_ours_is_a_problem_too_and_tells_nothing_of_itself() -> None:
    # Without its lifespan the application has no pool: any use of it is a mistake.
    app = create_app(api_settings("postgresql://127.0.0.1:1/none"))

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
            return await client.get("/api/v1/communes")

    answer = asyncio.run(ask())
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.json()["code"] == "internal_error"
    assert "pool" not in answer.text
