from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from vigie.commands.rejections import hex_lines, printable


@given(st.binary(max_size=100))
def test_every_byte_is_shown_once_at_its_offset(payload: bytes) -> None:
    lines = list(hex_lines(payload))
    assert bytes.fromhex("".join(line[8:55] for line in lines)) == payload
    assert [int(line[:6], 16) for line in lines] == list(range(0, len(payload), 16))
    assert all(re.fullmatch(r"[ -~]*", line) for line in lines)


@given(st.text())
def test_a_terminal_is_given_nothing_to_obey(text: str) -> None:
    assert printable(text).isprintable()


def test_letters_stay_as_they_are() -> None:
    assert printable("école\x1b[2J\n") == "école\\x1b[2J\\n"
