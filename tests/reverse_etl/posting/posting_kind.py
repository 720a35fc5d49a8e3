"""The destination of the posting specifications as a kind that an installation can have."""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from types import ModuleType

import pytest
from posting_system import SYSTEM, Books

from reverse_etl.systems.contract import Manifest

RESET = {"key_retention": 0.0, "look_up_lag": 0.0, "replays_errors": False}
"""What makes the destination a new one."""


def declare(monkeypatch: pytest.MonkeyPatch, url: str, manifest: Manifest) -> None:
    """Until the test ends, ``tieout.yaml`` may name the destination at ``url``, which promises what the manifest says."""
    name = f"reverse_etl.systems.{SYSTEM}"
    module = ModuleType(name)
    module.__spec__ = ModuleSpec(name, None)
    module.MANIFEST = manifest  # type: ignore[attr-defined]
    module.open_system = lambda settings, name: Books(url, manifest)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, name, module)
