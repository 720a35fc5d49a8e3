"""A crash point is registered, passed by the product, and killed at by the crash matrix; what is not fails here."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from crash_cases import PASSAGES

from reverse_etl.crash_points import CrashPoint

ROOT = Path(__file__).resolve().parents[3]
PRODUCT = ("reverse_etl", "dagster_project")


def passages() -> Iterator[tuple[str, str]]:
    """(where, the argument as written) of every call of ``crash_point`` in the product."""
    for file in (file for folder in PRODUCT for file in sorted((ROOT / folder).rglob("*.py"))):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "crash_point":
                yield f"{file.relative_to(ROOT)}:{node.lineno}", ", ".join(ast.unparse(argument) for argument in node.args)


def test_every_passage_names_a_registered_crash_point() -> None:
    registered = {f"CrashPoint.{point.name}" for point in CrashPoint}

    assert {where: argument for where, argument in passages() if argument not in registered} == {}


def test_every_registered_crash_point_is_passed_somewhere() -> None:
    passed = {argument.removeprefix("CrashPoint.") for _, argument in passages()}

    assert [point.name for point in CrashPoint if point.name not in passed] == []


def test_every_registered_crash_point_is_in_the_crash_matrix() -> None:
    assert [point.name for point in CrashPoint if not PASSAGES.get(point)] == [], "say in tests/proof/crash_matrix/crash_cases.py when to kill there"
