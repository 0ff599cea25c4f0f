"""Which code trained a model."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.code_version import code_version, commit_of, digest_of

COMMIT = "131721c19f89d62b963d5f39bb4f8777dcef18e8"


def test_it_names_the_version_and_the_sources() -> None:
    assert " models:" in code_version()


def test_any_change_of_a_source_shows_and_that_of_a_simulation_does_not(tmp_path: Path) -> None:
    (tmp_path / "simulation").mkdir()
    for name in ("train.py", "simulation/town.py"):
        (tmp_path / name).write_text("x = 1\n")
    before = digest_of(tmp_path)
    (tmp_path / "simulation" / "town.py").write_text("x = 2\n")
    assert digest_of(tmp_path) == before
    (tmp_path / "train.py").write_text("x = 2\n")
    assert digest_of(tmp_path) != before


@pytest.mark.parametrize("place", ["refs/heads/main", "packed-refs", "detached"])
def test_the_commit_is_found_wherever_git_keeps_it(tmp_path: Path, place: str) -> None:
    git = tmp_path / ".git"
    (git / "refs" / "heads").mkdir(parents=True)
    (git / "HEAD").write_text(f"{COMMIT}\n" if place == "detached" else "ref: refs/heads/main\n")
    if place == "packed-refs":
        (git / place).write_text(f"# pack-refs\n{COMMIT} refs/heads/main\n")
    elif place != "detached":
        (git / place).write_text(f"{COMMIT}\n")
    assert commit_of(tmp_path) == COMMIT[:12]


def test_an_installed_package_stands_on_no_commit(tmp_path: Path) -> None:
    assert commit_of(tmp_path) is None
