"""The exceptions a push leaves for a person: what happened, and what to do."""

from __future__ import annotations

from collections.abc import Sequence

from reverse_etl.documents import SealedDocument
from reverse_etl.register import NewException
from reverse_etl.register.contract import JOURNAL_ENTRY
from reverse_etl.register.records.exceptions import LOST

REJECTED, PARKED = "document_rejected", "document_parked"
DIFFERENCE, DEPENDENCY, PERIOD = "verification_difference", "dependency_not_posted", "posting_period_closed"
UNAVAILABLE = "destination_unavailable"
ENDED_BY_VERIFICATION = (REJECTED, PARKED, DIFFERENCE, DEPENDENCY, PERIOD, LOST)
SHOWN_DIFFERENCES = 5


def rejected(document: SealedDocument, reason: str) -> NewException:
    name = document.system
    cause = f"correct what {name} refuses (in the source data, its mapping or {name}'s set-up)"
    action = f"{cause}, then 'tieout exceptions retry' it, or seal the corrected one"
    return _about(document, REJECTED, reason, action)


def parked(document: SealedDocument, reason: str) -> NewException:
    looked = f"look for reference {document.reference} at {document.system}, remove what is there too often or incomplete"
    action = f"{looked}, then 'tieout exceptions retry' it"
    return _about(document, PARKED, reason, action)


def differs(document: SealedDocument, differences: Sequence[str]) -> NewException:
    more = f"; and {len(differences) - SHOWN_DIFFERENCES} more" if len(differences) > SHOWN_DIFFERENCES else ""
    action = f"find out who changed it at {document.system}; restore what was sealed there, or correct it by a new document, then 'tieout replay' it"
    return _about(document, DIFFERENCE, "; ".join(differences[:SHOWN_DIFFERENCES]) + more, action)


def vanished(document: SealedDocument, remote_id: str | None) -> NewException:
    """It was verified, and is not there any more. It is never sent again by itself: somebody has taken it away, and knows why."""
    name, reference = document.system, document.reference
    again = f"; or have it posted once more with 'tieout repost {reference} --absent'" if document.document_type == JOURNAL_ENTRY else ""
    action = f"find out who removed it at {name} and restore it there, then 'tieout replay {reference}'{again}"
    return _about(document, DIFFERENCE, f"{remote_id} was verified and is not found by its reference {reference} any more", action)


def waits(document: SealedDocument, reason: str) -> NewException:
    return _about(document, DEPENDENCY, f"not sent: {reason}", "settle that document first, then push again; this one follows by itself")


def closed(document: SealedDocument) -> NewException:
    reason = f"not sent: {document.period} of {document.entity} is hard closed"
    return _about(
        document, PERIOD, reason, "cancel it ('tieout exceptions resolve --cancel'), so that it is proposed again for the first open period"
    )


def unavailable(system: str, entity: str, reason: str) -> NewException:
    return NewException(
        kind=UNAVAILABLE,
        subject=f"{system}/{entity}",
        reason=reason,
        action=f"check that {system} is up and that its url and credentials are right, then push again; nothing is lost",
        entity=entity,
    )


def _about(document: SealedDocument, kind: str, reason: str, action: str) -> NewException:
    return NewException(
        kind=kind,
        subject=document.business_key,
        reason=reason,
        action=action,
        entity=document.entity,
        period=document.period,
        document_position=document.position,
    )
