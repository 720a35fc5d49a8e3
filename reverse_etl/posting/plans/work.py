"""What there is to deliver for one destination and entity."""

from __future__ import annotations

from collections.abc import Collection

from reverse_etl.documents import State
from reverse_etl.posting.lane_delivery import WORK_STATES, Work
from reverse_etl.posting.protocol import OPEN_STATES
from reverse_etl.posting.protocol.dependencies import keys_of
from reverse_etl.register import Register

STOPPED_STATES = (State.HELD, State.REJECTED, State.PARKED)
WAITING_STATES = (*OPEN_STATES, *STOPPED_STATES)


def work_of(register: Register, system: str, entity: str, period: str | None, document_types: Collection[str] | None = None) -> Work:
    """What is not yet verified, of the period and types asked for and of what it depends on, by position."""
    every = register.deliveries(system=system, entity=entity, states=WORK_STATES)
    if period is None and document_types is None:
        return every
    by_key: dict[str, list[int]] = {}
    for document, _ in every:
        by_key.setdefault(document.business_key, []).append(document.position)
    documents = {document.position: document for document, _ in every}
    wanted: set[int] = set()
    found = [
        document.position
        for document, _ in every
        if period in (None, document.period) and (document_types is None or document.document_type in document_types)
    ]
    while found:
        position = found.pop()
        if position not in wanted:
            wanted.add(position)
            found.extend(other for key in keys_of(documents[position]) for other in by_key.get(key, ()))
    return [(document, delivery) for document, delivery in every if document.position in wanted]
