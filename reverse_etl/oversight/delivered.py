"""What is at a destination: documents with their ids and numbers there, and where a person sees them."""

from __future__ import annotations

from dataclasses import dataclass

from reverse_etl.documents import State
from reverse_etl.register import Register
from reverse_etl.systems.document_links import DocumentLinks

AT_DESTINATION = (State.POSTED, State.VERIFIED)


@dataclass(frozen=True, slots=True)
class DeliveredDocument:
    """Amounts in minor units. ``number`` is ours, ``remote_number`` theirs; ``url`` None: the destination has no page for it."""

    system: str
    entity: str
    period: str
    document_type: str
    business_key: str
    reference: str
    number: str | None
    remote_id: str
    remote_number: str | None
    state: str
    total_minor: int
    currency: str
    url: str | None


@dataclass(frozen=True, slots=True)
class Delivered:
    """``documents``: the last of them, by the order of their sealing; ``total``: how many there are."""

    documents: tuple[DeliveredDocument, ...]
    total: int


def delivered_documents(
    register: Register, links: DocumentLinks, system: str, entity: str, period: str, at_most: int, document_type: str | None = None
) -> Delivered:
    """What a destination was sent for an entity and a period, of one type or of all, and holds as far as is known."""
    positions = register.positions(system=system, entity=entity, period=period, document_type=document_type, states=AT_DESTINATION)
    found = register.deliveries(positions=sorted(positions)[-at_most:]) if positions and at_most else []
    return Delivered(
        tuple(
            DeliveredDocument(
                system=document.system,
                entity=document.entity,
                period=document.period,
                document_type=document.document_type,
                business_key=document.business_key,
                reference=document.reference,
                number=document.number,
                remote_id=delivery.remote_id,
                remote_number=delivery.remote_number,
                state=delivery.state.value,
                total_minor=document.total_minor,
                currency=document.currency,
                url=links.url(document.system, document.entity, document.document_type, delivery.remote_id),
            )
            for document, delivery in found
            if delivery.remote_id
        ),
        len(positions),
    )
