"""The steps of a close for plans that the billing platform rates: report usage to it, and read back what it issued."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from dagster_project.close.installation import Installation
from dagster_project.close.outbox import USAGE_RELATIONS, proposed
from dagster_project.close.read_backs import ReadBack, append_snapshot
from dagster_project.close.steps import deliver, seal_documents
from reverse_etl.documents import State
from reverse_etl.systems.contract import UsageWindow

if TYPE_CHECKING:
    from reverse_etl.posting import PushReport
    from reverse_etl.register import Register, SealReport

PLATFORM = "stripe"
SNAPSHOT = "stripe_platform"
USAGE_REPORT = "usage_report"
POSTED = (State.POSTED, State.VERIFIED)


def seal_usage(installation: Installation, entity: str, period: str, correlation_id: str) -> SealReport | None:
    """Seal the usage reports of the period, with the customers they need; None where nothing is to be reported."""
    if not proposed(installation.warehouse, [USAGE_RELATIONS[-1]], entity, period):
        return None
    return seal_documents(installation, USAGE_RELATIONS, entity, period, correlation_id)


def deliver_usage(installation: Installation, entity: str, period: str, correlation_id: str) -> PushReport:
    """Post the usage reports that are sealed, and the customers they need."""
    return deliver(installation, PLATFORM, entity, period, correlation_id, document_types=(USAGE_REPORT,))


def read_platform(installation: Installation, entity: str, period: str) -> ReadBack | None:
    """Read back what the platform issued by itself and what it counted; None where it rates nothing of the entity.

    Raises:
        DestinationError: it could not be read to its end; nothing is appended.
    """
    [rated] = installation.warehouse.read("select count(*) as lines from platform.platform_rated_lines where entity = ?", [entity]).to_pylist()
    if not rated["lines"]:
        return None
    with closing(installation.open_register()) as register:
        windows = usage_windows(register, entity, period)
    return append_snapshot(installation.warehouse, SNAPSHOT, installation.open_billing_platform().read_platform(period, windows), entity, period)


def usage_windows(register: Register, entity: str, period: str) -> list[UsageWindow]:
    """What of which customer was reported for the period, each once."""
    customers = {
        document.natural_id: delivery.remote_id
        for document, delivery in register.deliveries(system=PLATFORM, entity=entity, document_type="customer", states=POSTED)
    }
    windows = set()
    for document, _ in register.deliveries(system=PLATFORM, entity=entity, period=period, document_type=USAGE_REPORT, states=POSTED):
        payload = document.payload
        remote_id = customers.get(payload["customer_id"])
        if remote_id is not None:
            windows.add(UsageWindow(remote_id, payload["event_name"], int(payload["window_start"]), int(payload["window_end"])))
    return sorted(windows, key=lambda window: (window.customer_remote_id, window.event_name, window.start))
