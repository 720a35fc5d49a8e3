"""One round: what holds now, told to every channel that does not know it yet."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dagster_project.alerting.gathering import holding
from reverse_etl.alerting.policy import Holding
from reverse_etl.alerting.sending import ChannelReport, send

if TYPE_CHECKING:
    from dagster import DagsterInstance

    from dagster_project.close.installation import Installation

logger = logging.getLogger("tieout.alerts")


def tell(installation: Installation, *, instance: DagsterInstance | None = None, audit: bool = False) -> tuple[Holding, tuple[ChannelReport, ...]]:
    """``instance`` and ``audit``: as for ``holding``."""
    now = datetime.now(UTC)
    found = holding(installation, now, instance=instance, audit=audit)
    return found, send(installation.settings, found, now)


def told_after(installation: Installation) -> tuple[str, ...]:
    """The same for whoever has just done something else, which it must not spoil: what was told, in a line per channel that there is news of."""
    if not installation.settings.alerts.channels:
        return ()
    try:
        _, reports = tell(installation)
    except Exception as error:
        logger.exception("alerts could not be sent")
        return (f"alerts could not be sent: {type(error).__name__}: {error}",)
    return tuple(f"alerts: {report}" for report in reports if report.outcome != "up_to_date")
