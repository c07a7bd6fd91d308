"""Files of one subject, functions of one screen. The exceptions below may only shrink."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 70
EXCEPTIONS: dict[str, int] = {}
"""`path` or `path:function` and the lines it may have; an entry that is no longer needed fails."""

FILES = sorted(
    path
    for folder in ("src", "tests", "benchmarks")
    for path in (ROOT / folder).rglob("*.py")
    if "node_modules" not in path.parts
)


def measure(path: Path) -> dict[str, int]:
    """Lines of the file and of every function in it, by name."""
    text = path.read_text("utf-8")
    name = str(path.relative_to(ROOT))
    sizes = {name: len(text.splitlines())}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            sizes[f"{name}:{node.name}"] = (node.end_lineno or node.lineno) - node.lineno + 1
    return sizes


def find_too_long() -> dict[str, int]:
    return {
        name: lines
        for path in FILES
        for name, lines in measure(path).items()
        if lines > (FUNCTION_LINES_MAX if ":" in name else FILE_LINES_MAX)
    }


def test_nothing_is_too_long() -> None:
    found = {name: lines for name, lines in find_too_long().items() if lines > EXCEPTIONS.get(name, 0)}
    assert not found, "split these"


def test_exceptions_only_shrink() -> None:
    found = find_too_long()
    assert {name: lines for name, lines in EXCEPTIONS.items() if found.get(name) != lines} == {}, "lower or remove these"


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock", "requirements-synapse.lock"])
def test_locks_name_no_place(name: str) -> None:
    text = (ROOT / name).read_text()
    assert "://" not in text
    assert "--index-url" not in text
    assert "--hash=sha256:" in text


def test_node_locks_name_no_place() -> None:
    for path in (ROOT / "tests").rglob("package-lock.json"):
        if "node_modules" not in path.parts:
            assert '"resolved"' not in path.read_text(), path
