"""Limits that no linter here checks: modules under 400 lines, functions under 40 (style rule 2)."""

import ast
from pathlib import Path

import pytest

FLOORS = ("rigs", "core_inference", "addon")
MODULE_LINES, FUNCTION_LINES = 400, 40


def modules(repository_dir: Path) -> list[Path]:
    found = [path for floor in FLOORS for path in sorted((repository_dir / floor).rglob("*.py"))]
    assert len(found) > 50
    return found


@pytest.fixture(scope="module")
def lines(repository_dir: Path) -> dict[str, int]:
    """How long each module and each function is, without a function's docstring."""
    lengths: dict[str, int] = {}
    for path in modules(repository_dir):
        text = path.read_text(encoding="utf-8")
        name = str(path.relative_to(repository_dir))
        lengths[name] = len(text.splitlines())
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                lengths[f"{name}:{node.name}"] = _length(node)
    return lengths


def _length(node: ast.FunctionDef) -> int:
    total = (node.end_lineno or node.lineno) - node.lineno + 1
    first = node.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        total -= (first.end_lineno or first.lineno) - first.lineno + 1
    return total


def test_modules_stay_short(lines: dict[str, int]) -> None:
    long = {name: count for name, count in lines.items() if ":" not in name}
    assert {name: count for name, count in long.items() if count >= MODULE_LINES} == {}


def test_functions_stay_short(lines: dict[str, int]) -> None:
    long = {name: count for name, count in lines.items() if ":" in name and count > FUNCTION_LINES}
    assert long == {}
