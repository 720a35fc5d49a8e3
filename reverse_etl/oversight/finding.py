"""Documents by what people call them."""

from __future__ import annotations

from reverse_etl.documents import SealedDocument, State
from reverse_etl.errors import RegisterError
from reverse_etl.register import Delivery, ExceptionRecord, Register


def document_named(register: Register, name: str) -> tuple[SealedDocument, Delivery]:
    """The document of a number, an external reference, a business key (its last revision) or a natural id.

    Raises:
        RegisterError: there is none, or more than one.
    """
    for field in ("number", "reference", "business_key", "natural_id"):
        found = [entry for entry in register.deliveries(**{field: name}) if entry[1].state is not State.CANCELLED]
        keys = {document.business_key for document, _ in found}
        if len(keys) > 1:
            raise RegisterError(f"{name} is a {field.replace('_', ' ')} of {', '.join(sorted(keys))}; give the business key of one")
        if found:
            return max(found, key=lambda entry: (entry[0].revision, entry[0].position))
    raise RegisterError(f"no document {name} is sealed; give its number, its external reference (TO-...) or its business key")


def exception_named(register: Register, name: str) -> ExceptionRecord | None:
    """The exception of an id, open or not; None where the name is no id. Raises ``RegisterError`` where there is no such exception."""
    if not name.isdecimal():
        return None
    found = next((entry for entry in register.exceptions(None) if entry.position == int(name)), None)
    if found is None:
        raise RegisterError(f"there is no exception {name}; list them with 'tieout exceptions'")
    return found


def document_at(register: Register, position: int) -> tuple[SealedDocument, Delivery]:
    """Raises ``RegisterError`` where nothing is sealed at the position."""
    found = register.deliveries(positions=[position])
    if not found:
        raise RegisterError(f"no document is sealed at position {position}")
    return found[0]
