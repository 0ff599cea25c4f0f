"""Tries to break every envelope and device decoder, led by the branches it reaches: ./run fuzz [SECONDS].

An input is one byte that chooses the decoder, one for the port, eight for the seconds of the network's clock, and the
payload. It starts from the captures and from what earlier runs found (``.cache/fuzz/corpus``). What breaks a decoder,
takes longer than two seconds or half a gigabyte is written to ``.cache/fuzz/`` as ``crash-...`` or ``timeout-...``, and
its decoder, port and bytes are told: mend the decoder, and keep the frame as a capture.
"""

from __future__ import annotations

import inspect
import json
import math
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import atheris

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache" / "fuzz"
CAPTURES = ROOT / "tests" / "captures"
DECODERS_FOLDER = str(ROOT / "ingestors" / "decoders")
SECONDS = 600
INPUT_BYTES_MAX = 4_096
HEAD_BYTES = 10
GUIDED = "--guided" in sys.argv

LINES: dict[str, set[int]] = {}


def trace(frame: FrameType, _event: str, _argument: Any) -> Any:
    """Note each line of a decoder that runs."""
    name = frame.f_code.co_filename
    if not name.startswith(DECODERS_FOLDER):
        return None
    LINES.setdefault(name, set()).add(frame.f_lineno)
    return trace


# What runs at the import counts as reached.
sys.settrace(None if GUIDED else trace)
sys.path.insert(0, str(ROOT))
with atheris.instrument_imports(include=["ingestors"]) if GUIDED else nullcontext():
    from core.metrics import METRICS
    from ingestors.decoders import DECODERS
    from ingestors.decoders.devices import DEVICES
    from ingestors.decoders.frame import Decoded, Refusal
    from ingestors.topics import Network
sys.settrace(None)

Target = Callable[[int, bytes, datetime], Decoded | Refusal]
FIRST = datetime(1, 1, 1, tzinfo=UTC)
SPAN_S = int((datetime(9999, 12, 31, tzinfo=UTC) - FIRST).total_seconds())


def _envelope(network: Network) -> Target:
    return lambda _, payload, at: DECODERS[network](payload, at)


TARGETS: dict[str, Target] = {network: _envelope(network) for network in sorted(DECODERS)}
TARGETS |= {model: DEVICES[model].decode for model in sorted(DEVICES)}
NAMES = list(TARGETS)


class Unsound(Exception):
    """A decoder gave back what no caller can take."""


def head(name: str, f_port: int, at: datetime) -> bytes:
    """Return how an input for this decoder opens."""
    return bytes([NAMES.index(name), f_port]) + int((at - FIRST).total_seconds()).to_bytes(8, "big")


def told(data: bytes) -> tuple[str, int, datetime, bytes]:
    """Return the decoder, the port, the instant and the payload of an input."""
    at = FIRST + timedelta(seconds=int.from_bytes(data[2:HEAD_BYTES], "big") % SPAN_S)
    return NAMES[data[0] % len(NAMES)], data[1], at, data[HEAD_BYTES:]


def try_one(data: bytes) -> None:
    """Decode one input, twice.

    Raises
    ------
    Unsound
        If the answer is none that a decoder may give. Whatever the decoder raises itself passes.
    """
    if len(data) < HEAD_BYTES:
        return
    name, f_port, at, payload = told(data)
    decoded = TARGETS[name](f_port, payload, at)
    if TARGETS[name](f_port, payload, at) != decoded:
        raise Unsound("the same bytes gave something else")
    if isinstance(decoded, Refusal):
        return
    for one in decoded.observations:
        if METRICS.get(one.metric.name) is not one.metric or not math.isfinite(one.value):
            raise Unsound(f"{one.metric.name} {one.value}")
        if one.observed_at.tzinfo is not UTC:
            raise Unsound(f"{one.observed_at} is not in UTC")


def seeds() -> Iterator[bytes]:
    """Yield the captures as inputs."""
    at = datetime(2026, 3, 2, 9, tzinfo=UTC)
    for path in CAPTURES.glob("*/*.json"):
        if path.parent.name == "devices":
            capture = json.loads(path.read_text(encoding="utf-8"))
            for frame in capture["frames"]:
                yield head(capture["model"], frame["f_port"], at) + bytes.fromhex(frame["hex"])
        else:
            network = Network.NATIVE if path.parent.name == "senml" else Network(path.parent.name)
            yield head(network, 0, at) + path.read_bytes()


def lines_of(code: CodeType) -> set[int]:
    """Return the lines of all functions in this code; a module's and a class's own run at the import."""
    own = {line for _, _, line in code.co_lines() if line} if code.co_flags & inspect.CO_OPTIMIZED else set()
    return own.union(*(lines_of(const) for const in code.co_consts if isinstance(const, CodeType)))


def reached(inputs: list[Path]) -> dict[str, tuple[int, int]]:
    """Return, per decoder file, how many lines of its functions the inputs reach, and how many there are."""
    sys.settrace(trace)
    try:
        for path in inputs:
            try_one(path.read_bytes())
    finally:
        sys.settrace(None)
    found = {}
    for name, hit in sorted(LINES.items()):
        has = lines_of(compile(Path(name).read_text(encoding="utf-8"), name, "exec"))
        found[Path(name).relative_to(DECODERS_FOLDER).as_posix()] = (len(hit & has), len(has))
    return found


def lead(seconds: int) -> int:
    """Run the guided fuzzer for so long in a process of its own, then tell what it did. Return its exit code."""
    corpus, captured = CACHE / "corpus", CACHE / "captured"
    for folder in (corpus, captured):
        folder.mkdir(parents=True, exist_ok=True)
    for position, seed in enumerate(seeds()):
        (captured / f"{position:04}").write_bytes(seed)
    options = [f"-max_total_time={seconds}", f"-max_len={INPUT_BYTES_MAX}", "-timeout=2", "-rss_limit_mb=512"]
    options += [f"-artifact_prefix={CACHE}/", "-print_final_stats=1", "-verbosity=1"]
    done = subprocess.run(
        [sys.executable, __file__, "--guided", *options, str(corpus), str(captured)],
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    say = sys.stdout.write
    stats = dict(re.findall(r"stat::(\w+):\s+(\d+)", done.stderr))
    ends = re.findall(r"cov: (\d+) ft: (\d+) corp: (\d+)", done.stderr)
    say(f"{stats.get('number_of_executed_units', '?')} executions in {seconds} s at most, {len(TARGETS)} decoders\n")
    if ends:
        say(f"{ends[-1][0]} branches, {ends[-1][1]} features, {ends[-1][2]} inputs kept\n")
    if done.returncode:
        say(done.stderr[-4_000:])
        for artifact in [path for kind in ("crash", "timeout", "oom") for path in CACHE.glob(f"{kind}-*")]:
            name, f_port, at, payload = told(artifact.read_bytes())
            say(f"{artifact.name}: {name}, port {f_port}, at {at.isoformat()}: {payload.hex()}\n")
        return done.returncode
    for name, (hit, has) in reached([*corpus.iterdir(), *captured.iterdir()]).items():
        say(f"{name:32} {hit:4} of {has:4} lines in functions reached\n")
    return 0


def main() -> int:
    """Be the guided fuzzer, or lead it."""
    if GUIDED:
        atheris.Setup([argument for argument in sys.argv if argument != "--guided"], try_one)
        atheris.Fuzz()
        return 0
    return lead(int(sys.argv[1]) if len(sys.argv) > 1 else SECONDS)


if __name__ == "__main__":
    sys.exit(main())
