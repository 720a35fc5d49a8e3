"""The controls beside dbt's tests and the checkpoints, and what enforces those that are no check. docs/controls.md names the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warn"]


@dataclass(frozen=True, slots=True)
class Control:
    """``name``: of its check. ``documented``: what docs/controls.md calls it. ``sla_hours``: within which a break is cleared.
    ``break_list``: where all of it is listed; the check shows the first rows."""

    name: str
    documented: str
    title: str
    owner: str
    severity: Severity
    sla_hours: int
    break_list: str


HELD_LINES = Control(
    "held_lines",
    "holds",
    "Every line of the period can be billed rightly, or it is held with its reason.",
    "finance-operations",
    "warn",
    48,
    "invoicing.held_lines",
)
RUN_GATES = Control(
    "run_gates",
    "run gates, J13",
    "What is large, many or far above its norm waits for a second person, and nobody keeps it waiting.",
    "accounting",
    "warn",
    48,
    "approvals.run_gates",
)
APPROVALS = Control(
    "approvals",
    "approvals",
    "What people were asked to decide is decided in time.",
    "accounting",
    "warn",
    48,
    "tieout approvals",
)
QUARANTINE = Control(
    "quarantine",
    "quarantine",
    "Every event that landed in the period can be counted once and rightly, or it is set aside with its reason.",
    "data-engineering",
    "warn",
    48,
    "usage.quarantined_usage_events",
)
SEALING = Control(
    "sealing",
    "sealing",
    "What is proposed keeps contract, head, incarnation, period and approval when it is sealed.",
    "finance-operations",
    "error",
    24,
    "tieout exceptions",
)
CLOSE_CONTROLS = (HELD_LINES, RUN_GATES, APPROVALS, QUARANTINE, SEALING)

STOPPED_DOCUMENTS = Control(
    "stopped_documents",
    "delivery",
    "Every document that was sent is at its destination: none is rejected, parked, held or in doubt.",
    "finance-operations",
    "error",
    24,
    "tieout exceptions",
)
DELIVERED_IN_TIME = Control(
    "delivered_in_time",
    "age of the register",
    "No sealed document is older than it may be before it is verified at its destination.",
    "finance-operations",
    "error",
    24,
    "tieout status",
)
DESTINATION = Control(
    "destination_is_open",
    "destinations",
    "The destination is asked as usual: no mode, window, quota, pause or circuit holds it back.",
    "finance-operations",
    "warn",
    24,
    "tieout destinations",
)
DELIVERY_CONTROLS = (STOPPED_DOCUMENTS, DELIVERED_IN_TIME, DESTINATION)

AUDIT_CHAIN = Control(
    "audit_chain",
    "audit chain",
    "Every fact of the register hashes to what was chained, and deliveries and numbers follow from the facts.",
    "data-engineering",
    "error",
    4,
    "tieout audit verify",
)
PERIOD_SEALS = Control(
    "period_seals",
    "J12",
    "A closed period is what it was closed with: documents, totals, accounts, landed files.",
    "accounting",
    "error",
    24,
    "tieout periods verify",
)
ANCHORS = Control(
    "anchors",
    "anchors",
    "The register is the one that was anchored day by day, grown since.",
    "data-engineering",
    "error",
    4,
    "tieout audit verify",
)
REGISTER_CONTROLS = (AUDIT_CHAIN, PERIOD_SEALS, ANCHORS)

REPERFORMANCE = Control(
    "reperformance",
    "re-performance",
    "A second program comes from the delivered files to every line of the general ledger.",
    "accounting",
    "error",
    48,
    "tieout reperform",
)

CONTROLS = (REPERFORMANCE, *CLOSE_CONTROLS, *DELIVERY_CONTROLS, *REGISTER_CONTROLS)

ENFORCED_BY_A_STEP = {
    "refused reference rows": "landing names them on the asset raw/usage_events, and C13 warns of them in each build",
}
"""Controls that are no check of their own: what makes them hold."""
