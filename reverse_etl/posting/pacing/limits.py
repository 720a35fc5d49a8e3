"""What one destination allows. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from reverse_etl.maintenance import MaintenanceWindow
from reverse_etl.request_windows import RequestWindow
from reverse_etl.settings import Destination
from reverse_etl.systems.contract import Manifest


@dataclass(frozen=True, slots=True)
class Limits:
    """``requests_per_second``: None = nothing is declared, so the rate adapts to what the destination takes."""

    requests_per_second: float | None
    concurrency: int
    windows: tuple[RequestWindow, ...] = ()
    maintenance: tuple[MaintenanceWindow, ...] = ()

    def throttled(self, fraction: float) -> Limits:
        """A fraction of everything; of each at least what lets one request through."""
        return replace(
            self,
            requests_per_second=None if self.requests_per_second is None else self.requests_per_second * fraction,
            concurrency=max(1, int(self.concurrency * fraction)),
            windows=tuple(window.model_copy(update={"requests": max(1, int(window.requests * fraction))}) for window in self.windows),
        )


def limits_of(manifest: Manifest, destination: Destination | None = None) -> Limits:
    """The limits of one destination: what the installation says of it, else what its manifest declares.

    The manifest of an opened system carries the installation's rate and concurrency already.
    """
    per_day = (destination.requests_per_day if destination else None) or manifest.requests_per_day
    windows = destination.request_windows if destination else ()
    daily = (RequestWindow(requests=per_day),) if per_day and not any(window.resets_at for window in windows) else ()
    return Limits(manifest.requests_per_second, manifest.concurrency, (*daily, *windows), destination.maintenance if destination else ())
