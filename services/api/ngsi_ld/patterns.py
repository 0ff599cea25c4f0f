"""Regular expressions that a stranger may send: a subset whose cost grows no faster than the text.

Understood: letters and figures as they are, ``.`` for any character, ``.*`` and ``.+``, ``^`` and ``$`` at the ends, a
backslash before any other sign. What else a regular expression may hold is refused by name.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from services.api.ngsi_ld.faults import Fault, Refused

LENGTH_MAX = 200
_PIECE = re.compile(r"\\(?P<escaped>[^A-Za-z0-9])|(?P<any>\.)(?P<many>[*+])?|(?P<plain>[^\\.*+?()\[\]{}|^$])")


def parse_pattern(text: str) -> Callable[[str], bool]:
    """Return the test of whether a text holds what a pattern says.

    Raises
    ------
    Refused
        If it is too long, or holds what is not understood.
    """
    if len(text) > LENGTH_MAX:
        raise Refused(Fault.TOO_COMPLEX_QUERY, f"a pattern is longer than {LENGTH_MAX} characters")
    starts, ends = text.startswith("^"), text.endswith("$") and not text.endswith(r"\$")
    runs = _runs(text[starts : len(text) - ends])
    return lambda found: _holds(found, runs, starts=starts, ends=ends)


def _runs(text: str) -> list[re.Pattern[str]]:
    """Return what stands between the stars: expressions that each match texts of one length."""
    runs, place = [""], 0
    while place < len(text):
        piece = _PIECE.match(text, place)
        if piece is None:
            said = f"a pattern has letters, figures, . .* .+ ^ $ and signs after \\: {text[place]!r} is none of them"
            raise Refused(Fault.BAD_REQUEST_DATA, said)
        place = piece.end()
        if piece["many"] != "*":
            runs[-1] += "." if piece["any"] else re.escape(piece["escaped"] or piece["plain"])
        if piece["many"]:
            runs.append("")
    return [re.compile(run, re.DOTALL) for run in runs]


def _holds(found: str, runs: list[re.Pattern[str]], *, starts: bool, ends: bool) -> bool:
    """Whether a text holds the runs one after the other; the leftmost place of each leaves most room to the next."""
    place = 0
    for number, run in enumerate(runs):
        last = ends and number == len(runs) - 1
        at = run.search(found, place) if not (starts and number == 0) else run.match(found)
        if at is None:
            return False
        if last:
            length = at.end() - at.start()
            return at.end() == len(found) if starts and number == 0 else _at_end(found, run, place, length)
        place = at.end()
    return True


def _at_end(found: str, run: re.Pattern[str], place: int, length: int) -> bool:
    return len(found) - length >= place and run.match(found, len(found) - length) is not None
