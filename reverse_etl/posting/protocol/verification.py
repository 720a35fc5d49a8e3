"""Whether the destination holds what was sealed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from reverse_etl.documents import SealedDocument, State
from reverse_etl.posting import notices
from reverse_etl.posting.protocol.delivery import verified
from reverse_etl.posting.protocol.facts import Change
from reverse_etl.register.records.deliveries import Delivery
from reverse_etl.systems.contract import RemoteDocument


def compare(document: SealedDocument, delivery: Delivery, remote: RemoteDocument | None, differences: Sequence[str]) -> Change:
    """The delivery as verified, or unchanged with an exception. ``differences``: between the document and ``remote``."""
    if remote is None and delivery.state is State.VERIFIED:
        return Change(document, delivery, delivery, exceptions=(notices.vanished(document, delivery.remote_id),))
    if remote is None:
        found: tuple[str, ...] = (f"{delivery.remote_id} is not found by its reference {document.reference}",)
    else:
        others = (f"posted more than once: also {', '.join(remote.duplicates)}",) if remote.duplicates else ()
        found = (*others, *differences)
    if remote is None or found:
        return Change(document, delivery, delivery, exceptions=(notices.differs(document, found),))
    return Change(document, delivery, verified(delivery, remote))


def may_be_early(change: Change, asked: datetime, lag: timedelta) -> bool:
    """What agrees can be believed at once; what does not may just not be visible yet."""
    posted_at = change.before.posted_at
    return bool(change.exceptions) and posted_at is not None and asked < posted_at + lag
