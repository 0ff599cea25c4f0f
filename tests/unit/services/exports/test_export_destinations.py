"""Places for files: whole or not at all, in the folders that are allowed and in no other."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.errors import SettingInvalid
from core.export_settings import ExportSettings
from services.exports.destinations import (
    DestinationAbsent,
    DestinationInvalid,
    Folder,
    Put,
    check_destination,
    destination_of,
)


def test_a_file_is_put_with_its_size_and_checksum(tmp_path: Path) -> None:
    put = Folder(tmp_path / "new").put("air/2026/a.csv", [b"one", b"", b"two"])
    assert put == Put(6, hashlib.sha256(b"onetwo").hexdigest())
    assert (tmp_path / "new/air/2026/a.csv").read_bytes() == b"onetwo"


def test_a_file_that_breaks_off_leaves_the_one_before(tmp_path: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield b"half"
        raise ValueError("broke off")

    folder = Folder(tmp_path)
    folder.put("a.csv", [b"whole"])
    with pytest.raises(ValueError, match="broke off"):
        folder.put("a.csv", broken())
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]
    assert (tmp_path / "a.csv").read_bytes() == b"whole"


def test_what_a_killed_one_left_is_no_hindrance(tmp_path: Path) -> None:
    (tmp_path / ".a.csv.part").write_bytes(b"what a killed one had written, and more than the next")
    Folder(tmp_path).put("a.csv", [b"whole"])
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]
    assert (tmp_path / "a.csv").read_bytes() == b"whole"


def test_a_place_that_takes_nothing_is_absent(tmp_path: Path) -> None:
    (tmp_path / "air").write_text("a file where a folder should be")
    with pytest.raises(DestinationAbsent, match="cannot be written"):
        Folder(tmp_path).put("air/a.csv", [b"x"])


@pytest.mark.parametrize("told", ["archives", "archives/air", "a/b-c/2026"])
def test_a_folder_lies_below_the_one_that_is_set(told: str, tmp_path: Path) -> None:
    assert destination_of(told, ExportSettings(exports_dir=tmp_path)) == Folder(tmp_path / told)


@pytest.mark.parametrize(
    "told",
    ["", "/etc", "..", "a/../b", "~/a", ".ssh", "a//../../b", "file:///etc", "s3://", "http://x/y", "a b", "s3://../x"],
)
def test_no_other_place_is_a_destination(told: str) -> None:
    with pytest.raises(DestinationInvalid):
        check_destination(told)


def test_without_a_folder_there_is_none() -> None:
    with pytest.raises(SettingInvalid, match="VIGIE_EXPORTS_DIR"):
        destination_of("archives", ExportSettings())


def test_the_secret_is_not_shown() -> None:
    settings = ExportSettings.model_validate({"exports_s3_key": "the-key", "exports_s3_secret": "the-secret"})
    assert "the-" not in repr(settings)
