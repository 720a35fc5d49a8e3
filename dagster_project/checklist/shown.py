"""The checklist as rows: for a table (the command line, Dagster's metadata, the close report) and as JSON. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from dagster_project.checklist.step import Blocker, ChecklistStep, StepState

LATE = "late"


def row(step: ChecklistStep) -> dict[str, str]:
    """One line of the table of a legal entity and period."""
    return {
        "step": step.title,
        "state": step.state.value,
        "what": "; ".join(map(str, step.blockers or step.evidence)) or waited_for(step),
        "due": f"{step.due_at:%Y-%m-%d %H:%M %Z}" + (f" ({LATE})" if step.is_late else ""),
        "owner": step.owner,
    }


def waited_for(step: ChecklistStep) -> str:
    return f"waits for: {step.waits_for.replace('_', ' ')}" if step.waits_for else ""


def blocker_row(step: ChecklistStep, blocker: Blocker) -> dict[str, str]:
    """One line of what holds steps up, with the command to go on with."""
    return {
        "step": step.title,
        "what": blocker.what,
        "amount": ", ".join(map(str, blocker.amounts)),
        "command": blocker.command,
        "effect": blocker.effect.value.replace("_", " "),
    }


def blocker_rows(steps: Sequence[ChecklistStep]) -> list[dict[str, str]]:
    return [blocker_row(step, blocker) for step in steps for blocker in step.blockers]


def record(step: ChecklistStep) -> dict[str, Any]:
    """Everything of a step, as JSON has it."""
    return {
        "entity": step.entity,
        "period": step.period,
        "step": step.step,
        "title": step.title,
        "state": step.state.value,
        "owner": step.owner,
        "due_at": step.due_at.isoformat(),
        "late": step.is_late,
        "done_at": step.done_at.isoformat() if step.done_at else None,
        "waits_for": step.waits_for,
        "evidence": [{"name": one.name, "value": one.value} for one in step.evidence],
        "blockers": [
            {
                "what": one.what,
                "effect": one.effect.value,
                "count": one.count,
                "amounts": [{"currency": money.currency, "minor": money.minor, "exponent": money.exponent} for money in one.amounts],
                "command": one.command,
                "asset_key": one.asset_key,
            }
            for one in step.blockers
        ],
    }


def summary(steps: Sequence[ChecklistStep]) -> str:
    """``9 of 13 steps done, 1 blocked, 2 late``."""
    counts = [
        (sum(step.state is StepState.BLOCKED for step in steps), "blocked"),
        (sum(step.is_late for step in steps), LATE),
    ]
    done = sum(step.is_done for step in steps)
    return ", ".join([f"{done} of {len(steps)} steps done", *(f"{count} {word}" for count, word in counts if count)])


def digest(steps: Sequence[ChecklistStep]) -> str:
    """Changes when a state, a lateness, or what holds a step up does."""
    told = [(step.step, step.state.value, step.is_late, [str(blocker) for blocker in step.blockers], step.evidence) for step in steps]
    return hashlib.sha256(repr(told).encode()).hexdigest()
