"""Destinations by name: the settings give the kind, the kind is the name of a module of this package."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from types import ModuleType
from typing import TYPE_CHECKING, cast

from reverse_etl.errors import ConfigurationError

if TYPE_CHECKING:
    from reverse_etl.settings import Settings
    from reverse_etl.systems.contract import DocumentUrl, Manifest, System

PACKAGE = "reverse_etl.systems"
KIND_PATTERN = re.compile(r"[a-z][a-z0-9_]*")


def open_system(settings: Settings, name: str, *, as_claimed: bool = False) -> System:
    """The destination of that name; nothing is sent before it is used.

    What a conformance report disproved of its manifest counts as absent, unless it is wanted ``as_claimed``, to be probed.

    Raises:
        ConfigurationError: there is no such destination or kind, a secret is missing, or an option is not what the kind allows.
    """
    from reverse_etl.conformance import recorded, reduced

    kind = settings.kind(name)
    module = _module(kind)
    if module is None:
        raise ConfigurationError(f"destination {name}: no kind {kind!r}; set its 'kind' in tieout.yaml to one of {', '.join(kinds())}")
    open_named = cast("Callable[[Settings, str], System]", module.open_system)
    system = open_named(settings, name)
    report = None if as_claimed else recorded(settings, name)
    if report is not None:
        system.manifest = reduced(system.manifest, report)
    return system


def kinds() -> tuple[str, ...]:
    """The kinds of destinations there are, by name. Imports every one."""
    package = importlib.import_module(PACKAGE)
    return tuple(sorted(info.name for info in pkgutil.iter_modules(package.__path__) if _module(info.name) is not None))


def manifest_of(kind: str) -> Manifest | None:
    """What a kind declares before any settings; None if there is no such kind."""
    module = _module(kind)
    return None if module is None else cast("Manifest", module.MANIFEST)


def check(settings: Settings, name: str) -> tuple[str, ...]:
    """What a destination as it is set up amounts to, in lines for people; nothing is sent.

    Raises:
        ConfigurationError: as ``open_system``.
    """
    system = open_system(settings, name)
    manifest = system.manifest
    rate = "no declared rate" if manifest.requests_per_second is None else f"{manifest.requests_per_second:g} requests a second"
    day = "" if manifest.requests_per_day is None else f", {manifest.requests_per_day} a day"
    lines = [f"{name}: kind {settings.kind(name)} at {settings.destination(name).url}; {rate}{day}, {manifest.concurrency} at once"]
    for document_type in manifest.document_types:
        own = manifest.of(document_type)
        lines.append(f"{document_type}: class {own.capability_class}; after a lost answer it is {_resolution(own)}")
        if own.look_up_lag is None:
            lines.append(f"{document_type}: cannot be looked up, so only reconciliation can say whether it is there")
    described = getattr(_module(settings.kind(name)), "check", None)
    return (*lines, *(described(settings, name) if described else ()))


def document_url_of(settings: Settings, name: str) -> DocumentUrl:
    """The pages of a destination's documents; there are none where it is not set up, or its kind has none. Needs no secret, sends nothing."""
    try:
        offered = getattr(_module(settings.kind(name)), "document_url", None)
        return _no_page if offered is None else cast("Callable[[Settings, str], DocumentUrl]", offered)(settings, name)
    except ConfigurationError:
        return _no_page


def _no_page(entity: str, document_type: str, remote_id: str) -> str | None:
    return None


def adjusted(manifest: Manifest, settings: Settings, name: str) -> Manifest:
    """The manifest of a kind as a destination of that name has it: its name and the limits of its settings."""
    chosen = settings.destination(name)
    return replace(
        manifest,
        system=name,
        requests_per_second=chosen.requests_per_second or manifest.requests_per_second,
        requests_per_day=chosen.requests_per_day or manifest.requests_per_day,
        concurrency=chosen.concurrency or manifest.concurrency,
        batch_size=chosen.batch_size or manifest.batch_size,
        send_deadline=timedelta(seconds=chosen.send_deadline_seconds) if chosen.send_deadline_seconds else manifest.send_deadline,
    )


def _resolution(manifest: Manifest) -> str:
    from reverse_etl.systems.contract import FOREVER

    waited = manifest.send_deadline + manifest.in_flight_bound + (manifest.look_up_lag or timedelta(0))
    looked_up = f"looked up after {_told(waited)}"
    again = "" if manifest.key_retention == FOREVER else f" within {_told(manifest.key_retention)}"
    return {
        "U": "sent again",
        "A": f"sent again{again}, then {'parked for a person' if manifest.look_up_lag is None else looked_up}",
        "B": f"{looked_up}, and sent again if it is not there",
        "C": "parked for a person",
    }[manifest.capability_class]


def _told(span: timedelta) -> str:
    """``7 d``, ``1 h 30 min``, ``40 s``."""
    minutes, seconds = divmod(int(span.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = ((days, "d"), (hours, "h"), (minutes, "min"), (seconds, "s"))
    return " ".join(f"{count} {unit}" for count, unit in parts if count) or "0 s"


def _module(kind: str) -> ModuleType | None:
    """The module of a kind, None if there is none or it is not one of a destination."""
    if not KIND_PATTERN.fullmatch(kind) or importlib.util.find_spec(f"{PACKAGE}.{kind}") is None:
        return None
    module = importlib.import_module(f"{PACKAGE}.{kind}")
    return module if hasattr(module, "MANIFEST") and hasattr(module, "open_system") else None
