"""All checks, one after the other. One that stumbles is itself a finding, and keeps no other from being made."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from dagster_project.doctor import home_folder, machine, orchestration, outside, register, warehouse
from dagster_project.doctor.finding import Check, Examined, Finding, ok, problem
from reverse_etl.errors import ConfigurationError, TieoutError
from reverse_etl.settings import Settings, load_settings

CHECKS: Mapping[str, Check] = {
    "python": machine.python,
    "packages": machine.packages,
    "disk": machine.disk,
    "time zone": machine.time_zones,
    "home": home_folder.home,
    "secrets": home_folder.secrets,
    "master data": home_folder.master_data,
    "inbox": home_folder.inbox,
    "register": register.register,
    "warehouse": warehouse.warehouse,
    "published copy": warehouse.published,
    "dbt project": orchestration.models,
    "dbt profile": orchestration.profile,
    "dagster home": orchestration.instance,
    "dagster runs": orchestration.runs,
    "destinations": outside.destinations,
    "alert channels": outside.alert_channels,
    "lineage events": outside.lineage_events,
}
# What needs to know neither destinations nor entities is looked at with defaults where the settings cannot be read.
WITHOUT_HOME = ("python", "packages", "disk", "time zone", "home")
WITHOUT_SETTINGS = ("python", "packages", "disk", "time zone", "home", "register", "warehouse", "published copy", "dbt profile", "dagster home")


def examine(home: Path, thorough: bool = False, asks: bool = True, only: Collection[str] = ()) -> Iterator[Finding]:
    """Every finding about the installation in a folder, as it is made. ``only``: some of ``CHECKS``; the settings are read in any case."""
    folder = home.resolve()
    path = folder / "tieout.yaml"
    try:
        settings, readable = load_settings(folder), True
    except ConfigurationError as error:
        settings, readable = Settings(home=folder), False
        yield problem("settings", str(error), path, f"correct {path}")
    else:
        told = "valid" if path.is_file() else "there is none: every setting has its default"
        yield ok("settings", told, path)
    examined = Examined(folder, settings, thorough, asks)
    for name, check in CHECKS.items():
        if only and name not in only:
            continue
        if (readable or name in WITHOUT_SETTINGS) and (folder.is_dir() or name in WITHOUT_HOME):
            yield from _guarded(name, check, examined)


def _guarded(name: str, check: Check, examined: Examined) -> Iterator[Finding]:
    try:
        yield from check(examined)
    except (TieoutError, OSError) as error:
        yield problem(name, str(error), examined.home, "see what it says")
    except Exception as error:
        yield problem(name, f"could not be looked at: {type(error).__name__}: {error}", examined.home, "report it: this is a defect of Tieout")
