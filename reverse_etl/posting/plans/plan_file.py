"""A plan as a file: canonical JSON with its own hash, so that what a push holds itself to is what somebody has looked at."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reverse_etl.documents import canonical_json, sha256_hex
from reverse_etl.errors import PlanError
from reverse_etl.posting.plans.amounts import AccountAmount, RevenueAmount
from reverse_etl.posting.plans.plan import LanePlan, Plan, PlannedDocument, Total
from reverse_etl.whole_files import write_whole

FORMAT, VERSION = "tieout-plan", 1


def plan_bytes(plan: Plan) -> bytes:
    """The file's content: one line of canonical JSON. The same register gives the same bytes."""
    headed = {"format": FORMAT, "version": VERSION, **plan.content}
    return canonical_json({**headed, "hash": sha256_hex(canonical_json(headed))}) + b"\n"


def write_plan(plan: Plan, path: Path) -> str:
    """Write the file whole or not at all; returns its hash."""
    content = plan_bytes(plan)
    write_whole(path, content)
    return str(json.loads(content)["hash"])


def read_plan(path: Path) -> Plan:
    """Raises ``PlanError``: it is no plan, of another version, or was changed since it was written."""
    try:
        content: Any = json.loads(path.read_bytes())
    except OSError as error:
        raise PlanError(f"{path} cannot be read ({error.strerror}); write a plan with 'tieout plan PERIOD --out {path}'") from error
    except (ValueError, RecursionError) as error:
        raise PlanError(f"{path} is no plan: {error}; write one with 'tieout plan PERIOD --out {path}'") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise PlanError(f"{path} is no plan; write one with 'tieout plan PERIOD --out {path}'")
    if content.get("version") != VERSION:
        raise PlanError(f"{path} is a plan of version {content.get('version')}, this Tieout writes version {VERSION}; plan anew")
    try:
        told = content.pop("hash")
        if sha256_hex(canonical_json(content)) != told:
            raise PlanError(f"{path} was changed since it was written: its content does not hash to {str(told)[:12]}; plan anew")
        return _plan(content)
    except PlanError:
        raise
    except Exception as error:
        raise PlanError(f"{path} is no whole plan ({type(error).__name__}: {error}); plan anew") from error


def _plan(content: Mapping[str, Any]) -> Plan:
    register = content["register"]
    return Plan(str(register["incarnation"]), int(register["position"]), content["period"], tuple(_lane(lane) for lane in content["lanes"]))


def _lane(content: Mapping[str, Any]) -> LanePlan:
    return LanePlan(
        system=content["system"],
        entity=content["entity"],
        documents=tuple(PlannedDocument(**document) for document in content["documents"]),
        unchanged=tuple(Total(**total) for total in content["unchanged"]),
        accounts=tuple(AccountAmount(**amount) for amount in content["accounts"]),
        revenue=tuple(RevenueAmount(**amount) for amount in content["revenue"]),
        withheld=content["withheld"],
    )
