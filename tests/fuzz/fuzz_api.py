"""Ask the API everything that its document says, as each role, for as long as one likes: ``./run fuzz api 600``."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from itertools import cycle, takewhile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "integration")]

from fuzzed_api import ROLES, Fuzzing, fuzz, fuzzed_town  # noqa: E402 - found by the path above

from vigie.embedded import EmbeddedDatabase  # noqa: E402 - as above

TURN_S = 60
EXAMPLES = 100


def main(seconds: int) -> int:
    """Ask as one role after the other, so long each; return how many times something was found."""
    ends_s = time.monotonic() + seconds
    found = 0
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedDatabase(Path(folder) / "postgres")
        try:
            with fuzzed_town(server, "fuzzed") as town:
                for number, role in enumerate(takewhile(lambda _: time.monotonic() < ends_s, cycle(ROLES))):
                    turn_s = max(int(min(TURN_S, ends_s - time.monotonic())), 1)
                    fuzzing = Fuzzing(EXAMPLES, seed=os.getpid() + number, seconds=turn_s)
                    nothing_found, told = fuzz(*town, role, fuzzing, Path(folder))
                    found += not nothing_found
                    sys.stdout.write(f"{role}: {'nothing found' if nothing_found else told}\n")
                    sys.stdout.flush()
        finally:
            server.stop()
    return found


if __name__ == "__main__":
    sys.exit(min(main(int(sys.argv[1]) if len(sys.argv) > 1 else 600), 1))
