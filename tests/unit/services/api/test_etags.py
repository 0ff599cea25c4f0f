"""Tags: what names an answer, compressed or not, and what a change may be made on."""

from __future__ import annotations

import pytest

from services.api.answers import Answer
from services.api.etags import check_match, names, tag_of
from services.api.problems import Problem

TAG = tag_of(b"{}")


class Town(Answer):
    """Something that has a version."""

    name: str


@pytest.mark.parametrize("asked", [TAG, f"W/{TAG}", f'"other", {TAG}', f'{TAG[:-1]}.zstd"', "*"])
def test_a_tag_is_named(asked: str) -> None:
    assert names(asked, TAG)


@pytest.mark.parametrize("asked", ["", '""', '"other"', TAG.strip('"'), f'"x{TAG[1:]}', '"' * 40])
def test_another_is_not(asked: str) -> None:
    assert names(asked, TAG) is None


def test_the_tag_is_told_as_it_was_asked() -> None:
    compressed = f'{TAG[:-1]}.br"'
    assert names(f'"other",{compressed}', TAG) == compressed


def test_a_change_is_made_on_what_was_read_only() -> None:
    read = Town(name="Noisy")
    tag = tag_of(read.model_dump_json().encode())
    check_match(tag, read)
    check_match(None, Town(name="Gagny"))
    with pytest.raises(Problem):
        check_match(tag, Town(name="Gagny"))
