"""Where a description finds a document, and each line of it, in an answer."""

from __future__ import annotations

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Strict(BaseModel):
    """What a description says: nothing else is taken, and nothing changes."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Amount(Strict):
    """An amount in an answer: whole minor units, or decimal with as many decimals as its currency (``minor: false``)."""

    path: str
    minor: bool = False
    negate: bool = False

    @model_validator(mode="before")
    @classmethod
    def _text_is_a_path(cls, value: Any) -> Any:
        return {"path": value} if isinstance(value, str) else value


class Mapped(Strict):
    """A value of an answer; ``map`` translates it (what it does not name stays)."""

    path: str
    map: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _text_is_a_path(cls, value: Any) -> Any:
        return {"path": value} if isinstance(value, str) else value


class LineFields(Strict):
    """One line of a document that was found. Either signed amounts (debit positive), or ``debit`` and ``credit``, or amounts with a ``side``.

    ``line_key``: where the key is; ``line_key_leads``: it is followed by words, as ``{line.key} | words``.
    """

    items: str
    line_key: str
    line_key_leads: bool = False
    remote_line_id: str | None = None
    account: str | None = None
    party: str | None = None
    amount: Amount | None = None
    functional: Amount | None = None
    debit: Amount | None = None
    credit: Amount | None = None
    tax: Amount | None = None
    side: Mapped | None = None
    currency: str | None = None

    @model_validator(mode="after")
    def _has_an_amount(self) -> Self:
        if (self.debit is None) != (self.credit is None):
            raise ValueError("state debit and credit together")
        if self.debit is not None and self.functional is not None:
            raise ValueError("debit and credit are the functional amount: do not state functional too")
        if self.debit is None and self.functional is None and self.amount is None:
            raise ValueError("state amount, functional, or debit and credit")
        return self


class DocumentFields(Strict):
    """What of a document an answer tells. ``reference_leads``: our reference is followed by words in that text."""

    reference: str
    reference_leads: bool = False
    remote_id: str
    number: str | None = None
    status: Mapped | None = None
    document_date: str | None = None
    period: str | None = None
    currency: str | None = None
    description: str | None = None
    written_at: str | None = None
    total: Amount | None = None
    lines: LineFields | None = None
