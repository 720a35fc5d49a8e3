"""What an answer proves, and what it holds, by the conditions and paths of a specification. Pure and total."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from reverse_etl.errors import DestinationError
from reverse_etl.systems.contract import Ambiguous, NotExecuted, Outcome, Rejected, RemoteDocument, RemoteLine, Succeeded
from reverse_etl.systems.http.fields import Amount, DocumentFields, LineFields, Mapped
from reverse_etl.systems.http.specification import CallSpecification, Condition, Duplicate, Specification, Value
from reverse_etl.systems.http.templates import MISSING, at_path, text_of
from reverse_etl.systems.http_system import usual_outcome
from reverse_etl.systems.journal_entries import leading_reference, line_key_of, minor_units
from reverse_etl.transport import Answer, retry_after


@dataclass(frozen=True, slots=True)
class Said:
    """An answer, or an item of one: its status where it states one, headers in lower case, JSON content, and a line for people."""

    status: int | None
    headers: Mapping[str, str]
    content: Any
    shown: str = ""

    def holds(self, condition: Condition) -> bool:
        if condition.status is not None and self.status not in condition.status:
            return False
        if condition.header is not None:
            found: Any = self.headers.get(condition.header.lower(), MISSING)
        elif condition.path is not None:
            found = at_path(self.content, condition.path)
        else:
            return True
        return _compared(condition, found)

    def value(self, where: Value) -> str | int | None:
        """A text or whole number, None where there is none."""
        found = self.headers.get(where.header.lower(), MISSING) if where.header else at_path(self.content, where.path or ".")
        if not isinstance(found, str | int) or isinstance(found, bool) or found == "":
            return None
        if where.last_segment:
            return str(found).rstrip("/").rpartition("/")[2] or None
        return found


def said_by(answer: Answer) -> Said:
    return Said(answer.status, answer.headers, answer.content(), answer.shown())


def said_of(item: Any) -> Said:
    """An item of a list that was read."""
    return Said(None, {}, item)


def outcome_of(specification: Specification, call: CallSpecification, reference: str, said: Said) -> Outcome:
    """What an answer, or one result of a batch, says of the call for the document with this reference."""
    success = call.success
    if (said.status is None or said.status in success.status) and all(said.holds(condition) for condition in success.when):
        return _success(call, reference, said)
    if call.duplicate is not None and any(said.holds(condition) for condition in call.duplicate.when):
        return _duplicate(call, call.duplicate, said)
    usual = None if said.status is None else usual_outcome(Answer(said.status, said.headers, b""))
    refused = any(said.holds(condition) for condition in (*call.not_executed, *specification.not_executed))
    if refused or isinstance(usual, NotExecuted):
        return NotExecuted(said.shown, retry_after(said.headers))
    if any(said.holds(condition) for condition in (*call.rejected, *specification.rejected)):
        return Rejected(said.shown)
    return Ambiguous(said.shown)


def documents_of(
    fields: DocumentFields, items: Iterable[Any], exponents: Mapping[str, int], functional_currency: str | None = None
) -> list[tuple[Mapping[str, Any], RemoteDocument]]:
    """Every item with what it says of a document; ``exponents``: decimals by currency.

    Raises:
        DestinationError: an item does not hold what the specification says.
    """
    return [(item, _document(fields, item, exponents, functional_currency)) for item in items]


def items_of(content: Any, path: str) -> Sequence[Any]:
    """The list of objects at a path. Raises DestinationError."""
    found = at_path(content, path)
    if not isinstance(found, list) or not all(isinstance(item, Mapping) for item in found):
        raise DestinationError(f"there is no list of objects at {path!r} of the answer")
    return found


def amount_of(amount: Amount, item: Any, exponent: int) -> int:
    """Raises DestinationError: there is no exact amount."""
    found = at_path(item, amount.path)
    if found is MISSING or found is None:
        return 0
    try:
        minor = minor_units(found, 0 if amount.minor else exponent)
    except ValueError as error:
        raise DestinationError(f"{amount.path}: {error}") from error
    return -minor if amount.negate else minor


def day_of(value: Any) -> date | None:
    """The day of an ISO date or instant, None where there is none. Raises DestinationError."""
    if value is MISSING or value is None or value == "":
        return None
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError as error:
        raise DestinationError(f"{str(value)[:40]!r} is no date") from error


def instant_of(value: Any) -> datetime | None:
    if value is MISSING or value is None:
        return None
    try:
        return datetime.fromisoformat(str(value)).replace(tzinfo=None)
    except ValueError as error:
        raise DestinationError(f"{str(value)[:40]!r} is no instant") from error


def text_at(item: Any, path: str | None) -> str | None:
    found = MISSING if path is None else at_path(item, path)
    if found is MISSING or found is None or isinstance(found, list | Mapping):
        return None
    return text_of(found)


def mapped(value: Mapped | None, item: Any) -> str | None:
    found = None if value is None else text_at(item, value.path)
    return None if value is None or found is None else value.map.get(found, found)


def _compared(condition: Condition, found: Any) -> bool:
    stated = condition.model_fields_set
    if "exists" in stated:
        return (found is not MISSING and found is not None) == condition.exists
    if found is MISSING:
        return False
    if "contains" in stated:
        return isinstance(found, str) and condition.contains is not None and condition.contains in found
    if "among" in stated:
        return any(_same(found, value) for value in condition.among or ())
    return _same(found, condition.equals) if "equals" in stated else True


def _duplicate(call: CallSpecification, duplicate: Duplicate, said: Said) -> Outcome:
    identifier = said.value(duplicate.remote_id) if duplicate.remote_id else None
    replies = {name: said.value(where) for name, where in (call.success.reply if duplicate.reply is None else duplicate.reply).items()}
    if identifier is None or None in replies.values():
        return Ambiguous(f"it is there already, says the destination: {said.shown}")
    return Succeeded(str(identifier), replies)


def _success(call: CallSpecification, reference: str, said: Said) -> Outcome:
    if call.success.reference is not None and text_at(said.content, call.success.reference) != reference:
        return Ambiguous(f"answered with success, but not for {reference}: {said.shown}")
    identifier = said.value(call.success.remote_id)
    if identifier is None:
        return Ambiguous(f"answered with success, but without the document's id: {said.shown}")
    replies = {name: said.value(where) for name, where in call.success.reply.items()}
    missing = [name for name, found in replies.items() if found is None]
    if missing:
        return Ambiguous(f"answered with success, but without {', '.join(missing)}: {said.shown}")
    return Succeeded(str(identifier), replies)


def _document(fields: DocumentFields, item: Any, exponents: Mapping[str, int], functional_currency: str | None) -> RemoteDocument:
    text = text_at(item, fields.reference)
    reference = leading_reference(text) if fields.reference_leads else text
    identifier = text_at(item, fields.remote_id)
    if identifier is None:
        raise DestinationError(f"an item has no {fields.remote_id}")
    day = day_of(at_path(item, fields.document_date)) if fields.document_date else None
    period = text_at(item, fields.period)
    currency = text_at(item, fields.currency)
    return RemoteDocument(
        reference=reference or "",
        remote_id=identifier,
        remote_number=text_at(item, fields.number),
        status=mapped(fields.status, item) or ("posted" if fields.status is None else ""),
        document_date=day,
        # A destination without periods of its own books in the month of the date.
        period=period[:7] if period is not None else None if day is None else f"{day:%Y-%m}",
        currency=currency,
        total_minor=None if fields.total is None else amount_of(fields.total, item, _exponent(currency, exponents)),
        lines=() if fields.lines is None else _lines(fields.lines, item, currency, exponents, functional_currency),
        completed={},
    )


def _lines(
    fields: LineFields, item: Any, document_currency: str | None, exponents: Mapping[str, int], functional_currency: str | None
) -> tuple[RemoteLine, ...]:
    lines = []
    for line in items_of(item, fields.items):
        currency = text_at(line, fields.currency) or document_currency or functional_currency or ""
        sign = _sign(fields, line)
        functional = _functional(fields, line, sign, _exponent(functional_currency or currency, exponents))
        amount = functional if fields.amount is None else sign * amount_of(fields.amount, line, _exponent(currency, exponents))
        if amount is None:
            raise DestinationError("a line has no amount")
        key = text_at(line, fields.line_key) or ""
        lines.append(
            RemoteLine(
                line_key=(line_key_of(key) or "") if fields.line_key_leads else key,
                amount_minor=amount,
                currency=currency,
                tax_minor=0 if fields.tax is None else amount_of(fields.tax, line, _exponent(currency, exponents)),
                account=text_at(line, fields.account),
                functional_minor=functional,
                party=text_at(line, fields.party),
            )
        )
    return tuple(lines)


def _functional(fields: LineFields, line: Any, sign: int, exponent: int) -> int | None:
    if fields.debit is not None and fields.credit is not None:
        return amount_of(fields.debit, line, exponent) - amount_of(fields.credit, line, exponent)
    return None if fields.functional is None else sign * amount_of(fields.functional, line, exponent)


def _sign(fields: LineFields, line: Any) -> int:
    side = mapped(fields.side, line)
    if fields.side is None or side == "debit":
        return 1
    if side == "credit":
        return -1
    raise DestinationError(f"a line's side is {side!r}, neither debit nor credit: map it")


def _exponent(currency: str | None, exponents: Mapping[str, int]) -> int:
    return exponents.get(currency or "", 2)


def _same(found: Any, stated: Any) -> bool:
    return type(found) is type(stated) and bool(found == stated) if isinstance(found, bool) or isinstance(stated, bool) else bool(found == stated)
