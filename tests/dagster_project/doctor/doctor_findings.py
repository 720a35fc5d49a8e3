"""What the doctor finds of one check."""

from __future__ import annotations

from pathlib import Path

from dagster_project.doctor import Finding, State, examine

# Which check makes a finding of another name.
MADE_BY = {"anchors": "register", "audit chain": "register", "dagster daemon": "dagster runs", "dagster storage": "dagster runs"}


def findings(home: Path, check: str, asks: bool = False) -> list[Finding]:
    made_by = "destinations" if check.startswith("destination ") else "alert channels" if check.startswith("alert ") else MADE_BY.get(check, check)
    return [finding for finding in examine(home, asks=asks, only=[made_by]) if finding.check == check and finding.state is not State.OK]


def the_only(home: Path, check: str, asks: bool = False) -> Finding:
    [finding] = findings(home, check, asks)
    assert finding.fix
    return finding


def settings_of(home: Path, text: str) -> None:
    (home / "tieout.yaml").write_text(text)
