"""What decides about postings imports nothing that could do anything."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from reverse_etl.posting import protocol

MODULES = sorted(Path(protocol.__file__).parent.glob("*.py"))
PERFORMING = {"time", "threading", "queue", "concurrent", "asyncio", "os", "socket", "random", "uuid", "httpx", "sqlalchemy", "subprocess", "io"}
PURE_OF_OURS = (
    "reverse_etl.documents",
    "reverse_etl.errors",
    "reverse_etl.posting.notices",
    "reverse_etl.posting.protocol",
    "reverse_etl.register.contract",
    "reverse_etl.register.records",
    "reverse_etl.systems.contract",
)


@pytest.mark.parametrize("module", MODULES, ids=[module.stem for module in MODULES])
def test_the_protocol_imports_nothing_that_performs(module: Path) -> None:
    tree = ast.parse(module.read_text())
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}

    assert not {name.partition(".")[0] for name in imported} & PERFORMING
    ours = {name for name in imported if name.startswith("reverse_etl")}
    assert {name for name in ours if not name.startswith(PURE_OF_OURS)} <= {"reverse_etl.posting"}
    clocks = [node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr in ("now", "utcnow", "today")]
    assert clocks == []
