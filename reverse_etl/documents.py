"""What crosses the border between the warehouse and the register: documents, their keys and hashes.

Amounts are integers of minor units (ISO 4217 exponent), dates are ``datetime.date``, periods are ``YYYY-MM``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from reverse_etl.errors import OutboxContractError

OUTBOX_CONTRACT_VERSION = 1
LARGEST_SAFE_INTEGER = 2**53 - 1
PROHIBITED = "prohibited"
"""Card numbers, bank details and secrets: in no mart, and in no document."""
SENSITIVITY_CLASSES = ("public", "internal", "confidential-financial", "personal", PROHIBITED)
"""Of the columns of a mart and of the documents of the outbox."""


class State(StrEnum):
    """Where a sealed document stands at its destination."""

    PENDING = "pending"
    IN_FLIGHT = "in_flight"
    AMBIGUOUS = "ambiguous"
    POSTED = "posted"
    VERIFIED = "verified"
    REJECTED = "rejected"
    PARKED = "parked"
    HELD = "held"
    CANCELLED = "cancelled"
    REVERSED = "reversed"


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One proposed document, as the outbox models hand it over (contract version 1)."""

    contract_version: int
    system: str
    entity: str
    document_type: str
    natural_id: str
    business_key: str
    revision: int
    operation: str
    series: str | None
    document_date: date
    posting_date: date
    period: str
    currency: str
    total_minor: int
    depends_on: tuple[str, ...]
    sensitivity: str
    cause: str
    subtracted_key: str
    register_head: int
    register_incarnation: str
    payload: Mapping[str, Any]
    register_position: int | None = None
    """Where the register stood when what it had issued was subtracted, for documents with lines; None where nothing was."""

    @property
    def content_hash(self) -> str:
        """SHA-256 over the canonical JSON of every field that matters to the posting."""
        return sha256_hex(
            canonical_json(
                {
                    "system": self.system,
                    "entity": self.entity,
                    "document_type": self.document_type,
                    "business_key": self.business_key,
                    "document_date": self.document_date.isoformat(),
                    "posting_date": self.posting_date.isoformat(),
                    "period": self.period,
                    "currency": self.currency,
                    "total_minor": self.total_minor,
                    "payload": self.payload,
                }
            )
        )


@dataclass(frozen=True, slots=True)
class SealedDocument:
    """An immutable document of the register. ``number`` is set where the document has a gapless series."""

    position: int
    system: str
    entity: str
    document_type: str
    natural_id: str
    business_key: str
    revision: int
    operation: str
    number: str | None
    document_date: date
    posting_date: date
    period: str
    currency: str
    total_minor: int
    depends_on: tuple[str, ...]
    sensitivity: str
    cause: str
    content_hash: str
    payload: Mapping[str, Any]
    correlation_id: str

    @property
    def reference(self) -> str:
        """The external reference that travels inside the document (19 characters)."""
        return external_reference(self.business_key, self.revision)


def external_reference(business_key: str, revision: int) -> str:
    """A deterministic reference, short enough for every destination (QuickBooks allows 21 characters)."""
    return "TO-" + sha256_hex(f"{business_key}#{revision}".encode())[:16].upper()


def idempotency_key(document: SealedDocument, call: str, generation: int) -> str:
    """32 hex digits that never depend on the run, the time, the attempt or a token."""
    parts = (document.system, document.business_key, str(document.revision), document.content_hash, call, str(generation))
    return sha256_hex("\n".join(parts).encode())[:32]


def canonical_json(value: Any) -> bytes:
    """RFC 8785 canonical JSON of the subset we use: no floats, integers within 2**53.

    Raises:
        OutboxContractError: the value holds a float or an integer that JSON cannot carry exactly.
    """
    _refuse_inexact(value, "$")
    return json.dumps(_sorted(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def sha256_hex(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _sorted(value: Any) -> Any:
    # RFC 8785 sorts member names by UTF-16 code units, which Python's own sort does not.
    if isinstance(value, Mapping):
        ordered = sorted(value) if all(map(str.isascii, value)) else sorted(value, key=lambda name: name.encode("utf-16-be"))
        return {key: _sorted(value[key]) for key in ordered}
    if isinstance(value, list | tuple):
        return [_sorted(item) for item in value]
    return value


def _refuse_inexact(value: Any, path: str) -> None:
    if value is None or isinstance(value, str | bool):
        return
    if isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str):
                raise OutboxContractError(f"{path}: member name {key!r} is not a string")
            _refuse_inexact(item, f"{path}.{key}")
    elif isinstance(value, int):
        if abs(value) > LARGEST_SAFE_INTEGER:
            raise OutboxContractError(f"{path}: integer {value} is beyond 2**53; carry it as a string")
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            _refuse_inexact(item, f"{path}[{index}]")
    else:
        raise OutboxContractError(f"{path}: {type(value).__name__} is not exact in JSON; carry it as a string")
