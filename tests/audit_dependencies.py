"""Ask the registries whether a version that the locks name is known to be vulnerable: a step of ``./run check``.

A registry that does not answer, or does not tell of vulnerabilities, stops nobody: it is said in one line, and asked
again in an hour. What was found sound is asked for again when a lock changes, or after a day.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SOUND_S, UNANSWERED_S = 86_400, 3_600
ASKED_S_MAX = 120
PROBE_S_MAX = 20


class Unanswered(Exception):
    """A registry does not tell; the message says why in some words."""


def python_packages() -> list[str]:
    """Return what is known of the packages of the Python locks, a line each.

    Raises
    ------
    Unanswered
        If the registry tells of none of them.
    """
    locks = [ROOT / "requirements.lock", ROOT / "requirements-node.lock"]
    # One package first: a registry that does not tell of it is not asked for all the others.
    probe = ROOT / ".cache" / "audit-probe.txt"
    probe.parent.mkdir(exist_ok=True)
    first = next(line.split(" ")[0] for line in locks[0].read_text(encoding="utf-8").splitlines() if "==" in line)
    probe.write_text(first + "\n", encoding="utf-8")
    told_of_python(said(_pip_audit([probe], "--no-deps"), PROBE_S_MAX))
    return told_of_python(said(_pip_audit(locks, "--require-hashes"), ASKED_S_MAX))


def _pip_audit(locks: Sequence[Path], how: str) -> list[str]:
    asked = [argument for lock in locks for argument in ("--requirement", str(lock))]
    quietly = ["--disable-pip", "--progress-spinner=off", "--timeout=5", "--format=json", "--desc=off"]
    return [sys.executable, "-m", "pip_audit", *asked, how, *quietly]


def npm_packages() -> list[str]:
    """Return what is known of the packages of npm's lock, a line each.

    Raises
    ------
    Unanswered
        If there is no npm, or its registry does not tell.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise Unanswered("there is no npm here")
    return told_of_npm(said([npm, "audit", "--package-lock-only", "--json"], PROBE_S_MAX))


def said(command: Sequence[str], s_max: float) -> Any:
    """Return what a program said in JSON.

    Raises
    ------
    Unanswered
        If it said something else, or nothing in time.
    """
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=s_max)
        return json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        raise Unanswered(f"no answer within {s_max:g} s") from None
    except (OSError, ValueError):
        raise Unanswered("no answer") from None


def told_of_python(told: Any) -> list[str]:
    """Return the vulnerable versions of pip-audit's report."""
    packages = told.get("dependencies", []) if isinstance(told, dict) else []
    if not any("version" in package for package in packages):
        raise Unanswered("it tells of no package")
    found = []
    for package in packages:
        for one in package.get("vulns", ()):
            names = ", ".join(dict.fromkeys((one["id"], *one.get("aliases", ()))))
            mended = ", ".join(one.get("fix_versions", ())) or "no version"
            found.append(f"{package['name']} {package['version']}: {names}; mended by {mended}")
    return found


def told_of_npm(told: Any) -> list[str]:
    """Return the vulnerable packages of npm's report."""
    if not isinstance(told, dict) or "vulnerabilities" not in told:
        raise Unanswered("it does not tell of vulnerabilities")
    found = []
    for name, one in sorted(told["vulnerabilities"].items()):
        why = "; ".join(via["title"] if isinstance(via, dict) else f"through {via}" for via in one["via"])
        found.append(f"{name} {one['range']} ({one['severity']}): {why}")
    return found


def audited(what: str, locks: Sequence[Path], ask: Callable[[], list[str]], cache: Path) -> bool:
    """Say how the packages of a registry stand; return False where one is vulnerable."""
    stamp = hashlib.sha256(b"".join(lock.read_bytes() for lock in locks)).hexdigest()[:16]
    noted = cache / f"audit-{what.split(maxsplit=1)[0].lower()}-{stamp}"
    if noted.is_file():
        state = noted.read_text(encoding="utf-8")
        if time.time() - noted.stat().st_mtime < (UNANSWERED_S if state else SOUND_S):
            tell(f"{what}: {state or 'no known vulnerability'} (asked before)")
            return True
    try:
        found = ask()
    except Unanswered as unanswered:
        state = f"not audited, the registry does not answer this: {unanswered}"
    else:
        state = ""
        if found:
            tell("\n  ".join((f"{what}: {len(found)} known vulnerabilities", *found)))
            return False
    cache.mkdir(exist_ok=True)
    noted.write_text(state, encoding="utf-8")
    tell(f"{what}: {state or 'no known vulnerability'}")
    return True


def tell(line: str) -> None:
    """Tell the person who asked."""
    sys.stdout.write(line + "\n")


def main() -> int:
    """Ask of all locks; return the exit code."""
    python = [ROOT / "requirements.lock", ROOT / "requirements-node.lock"]
    sound = [
        audited("Python packages", python, python_packages, ROOT / ".cache"),
        audited("npm packages", [ROOT / "package-lock.json"], npm_packages, ROOT / ".cache"),
    ]
    return 0 if all(sound) else 1


if __name__ == "__main__":
    raise SystemExit(main())
