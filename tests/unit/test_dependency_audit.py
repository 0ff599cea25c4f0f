"""A vulnerable version fails the check by its name; a registry that does not tell stops nobody, and is not believed."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest
from audit_dependencies import SOUND_S, UNANSWERED_S, Unanswered, audited, said, told_of_npm, told_of_python

SKIPPED = {"name": "anyio", "skip_reason": "Dependency not found on PyPI and could not be audited"}
VULNERABLE = {
    "name": "starlette",
    "version": "0.1.0",
    "vulns": [{"id": "PYSEC-1", "aliases": ["CVE-2024-1", "PYSEC-1"], "fix_versions": ["0.40.0"]}],
}


def test_a_vulnerable_version_is_named_with_what_mends_it() -> None:
    told = {"dependencies": [{"name": "anyio", "version": "4.0", "vulns": []}, SKIPPED, VULNERABLE], "fixes": []}
    assert told_of_python(told) == ["starlette 0.1.0: PYSEC-1, CVE-2024-1; mended by 0.40.0"]


def test_a_registry_that_knows_no_package_has_not_answered() -> None:
    with pytest.raises(Unanswered):
        told_of_python({"dependencies": [SKIPPED, SKIPPED], "fixes": []})


def test_npm_names_packages_and_a_refusal_is_no_answer() -> None:
    via = [{"title": "Prototype pollution"}, "lodash"]
    told = {"vulnerabilities": {"echarts": {"severity": "high", "range": "<5.5", "via": via}}}
    assert told_of_npm(told) == ["echarts <5.5 (high): Prototype pollution; through lodash"]
    assert told_of_npm({"vulnerabilities": {}}) == []
    refusals: tuple[object, ...] = ({"message": "405 Method Not Allowed"}, [], None)
    for refusal in refusals:
        with pytest.raises(Unanswered):
            told_of_npm(refusal)


@pytest.mark.parametrize("program", ["print('{')", "import time; time.sleep(60)", "raise SystemExit(3)"])
def test_a_program_that_says_nothing_of_use_has_not_answered(program: str) -> None:
    with pytest.raises(Unanswered):
        said([sys.executable, "-c", program], 0.5)


def test_it_is_asked_again_when_a_lock_changes_or_after_a_while(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lock, cache, asked = tmp_path / "lock", tmp_path / "cache", [0]
    lock.write_text("a==1")

    def sound() -> list[str]:
        asked[0] += 1
        return []

    def unanswered() -> list[str]:
        asked[0] += 1
        raise Unanswered("no answer")

    def let_pass(seconds: float) -> None:
        for noted in cache.iterdir():
            os.utime(noted, (time.time() - seconds,) * 2)

    assert [audited("x", [lock], sound, cache) for _ in range(2)] == [True, True]
    assert asked == [1]
    lock.write_text("a==2")
    assert [audited("x", [lock], unanswered, cache) for _ in range(2)] == [True, True]
    assert asked == [2]
    assert "not audited" in capsys.readouterr().out
    let_pass(UNANSWERED_S + 1)
    assert audited("x", [lock], sound, cache)
    assert asked == [3]
    let_pass(UNANSWERED_S + 1)
    assert audited("x", [lock], sound, cache)
    assert asked == [3]
    let_pass(SOUND_S + 1)
    assert audited("x", [lock], sound, cache)
    assert asked == [4]


def test_what_is_vulnerable_fails_every_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lock = tmp_path / "lock"
    lock.write_text("a==1")
    for _ in range(2):
        assert not audited("x", [lock], lambda: ["a 1: CVE-1; mended by 2"], tmp_path / "cache")
    assert capsys.readouterr().out.count("a 1: CVE-1") == 2
