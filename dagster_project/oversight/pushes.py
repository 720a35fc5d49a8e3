"""Which destinations a command is for, what they declare, and what pushes to them would do now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dagster_project.close.installation import Installation
from reverse_etl.errors import ConfigurationError

if TYPE_CHECKING:
    from reverse_etl.posting.plans import Plan
    from reverse_etl.register import Register
    from reverse_etl.systems.contract import Manifest


def plan_pushes(installation: Installation, register: Register, systems: Sequence[str], entities: Sequence[str], period: str | None) -> Plan:
    """What pushes of these destinations and entities would do now. Reads the register and the state of the pacing; asks no destination."""
    from reverse_etl.posting.plans import plan, situation_of
    from reverse_etl.posting.push import open_pace

    situations = []
    for system in systems:
        manifest = manifest_of(installation, system)
        with open_pace(installation.settings, manifest) as pace:
            situations += [situation_of(manifest, entity, pace) for entity in entities]
    return plan(register, situations, period)


def manifest_of(installation: Installation, system: str) -> Manifest:
    """What a destination declares, whether or not it can be opened (a secret may be missing).

    Raises:
        ConfigurationError: there is no such destination or kind.
    """
    from reverse_etl.systems import adjusted
    from reverse_etl.systems.registry import manifest_of as declared

    try:
        return installation.open_system(system).manifest
    except ConfigurationError:
        settings = installation.settings
        manifest = declared(settings.kind(system))
        if manifest is None:
            raise
        return adjusted(manifest, settings, system)


def destinations_of(installation: Installation, system: str | None) -> list[str]:
    """One destination, or all. Raises ``ConfigurationError`` where there is no such one."""
    if system is None:
        return sorted(installation.settings.destinations)
    installation.settings.destination(system)
    return [system]
