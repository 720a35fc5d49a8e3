"""How every destination stands: what it allows, what of that is used, and whether it may be asked now. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from reverse_etl.errors import ConfigurationError
from reverse_etl.posting.pacing.limits import limits_of
from reverse_etl.posting.pacing.pace import Pace
from reverse_etl.posting.pacing.state import CLOSED
from reverse_etl.settings import Settings
from reverse_etl.systems.contract import Manifest
from reverse_etl.systems.registry import adjusted, manifest_of, open_system


@dataclass(frozen=True, slots=True)
class DestinationState:
    """``requests_per_second``: the rate that holds now; ``adapts``: nothing is declared, so it is what was found out.

    ``quota``: window -> (used, allowed). ``mode_fraction``: of the limits, in the mode throttled. ``withheld``: why nothing is sent now
    (``withheld_by``: maintenance, hold, verify_only, quota or circuit), ``withheld_until`` when that ends by itself. ``paused_seconds``: what the
    destination asked for. ``problem``: why its manifest is not known; everything after ``kind`` is then empty.
    """

    name: str
    kind: str
    capability_class: str | None = None
    requests_per_second: float | None = None
    adapts: bool = False
    concurrency: int | None = None
    batch_size: int | None = None
    quota: dict[str, tuple[int, int]] | None = None
    mode: str | None = None
    mode_set_by: str | None = None
    mode_reason: str | None = None
    mode_set_at: datetime | None = None
    mode_fraction: float = 1.0
    circuit: str | None = None
    unavailable_since: datetime | None = None
    paused_seconds: float = 0.0
    maintenance_windows: int = 0
    withheld_by: str | None = None
    withheld: str | None = None
    withheld_until: datetime | None = None
    problem: str | None = None


def destination_states(settings: Settings) -> list[DestinationState]:
    """Every destination of the installation, by name."""
    return [_state(settings, name) for name in sorted(settings.destinations)]


def _state(settings: Settings, name: str) -> DestinationState:
    kind = settings.kind(name)
    try:
        manifest = _manifest(settings, name, kind)
    except ConfigurationError as error:
        return DestinationState(name, kind, problem=str(error))
    pace = Pace(settings.pacing_folder, name, limits_of(manifest, settings.destination(name)))
    try:
        limits, mode, withheld, circuit = pace.limits, pace.mode, pace.withheld(), pace.circuit
        return DestinationState(
            name=name,
            kind=kind,
            capability_class=manifest.capability_class,
            requests_per_second=pace.requests_per_second,
            adapts=pace.adapts,
            concurrency=limits.concurrency,
            batch_size=manifest.batch_size,
            quota={window.name: (pace.used()[window.name], window.requests) for window in limits.windows},
            mode=mode.mode,
            mode_set_by=mode.actor,
            mode_reason=mode.reason,
            mode_set_at=mode.at,
            mode_fraction=mode.fraction,
            circuit=circuit.state,
            unavailable_since=None if circuit.state == CLOSED else circuit.opened,
            paused_seconds=round(pace.asked_pause(), 1),
            maintenance_windows=len(limits.maintenance),
            withheld_by=withheld.kind if withheld else None,
            withheld=withheld.reason if withheld else None,
            withheld_until=withheld.until if withheld else None,
        )
    finally:
        pace.close()


def _manifest(settings: Settings, name: str, kind: str) -> Manifest:
    """As the destination is opened; where it cannot be (a secret is missing), what its kind declares."""
    try:
        return open_system(settings, name).manifest
    except ConfigurationError:
        declared = manifest_of(kind)
        if declared is None:
            raise
        return adjusted(declared, settings, name)
