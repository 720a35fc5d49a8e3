"""What a ledger has no field for, carried in the text of the line: the amount in the document's currency, and the party. Pure.

``entry-1#receivable | [JPY 1500] [for C0001] Invoice issued``: the key, the signed amount with all decimals of its currency where the ledger
holds one currency per entry, our customer id where its lines have no party, then words for people.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from urllib.parse import quote, unquote

from reverse_etl.systems.contract import RemoteLine
from reverse_etl.systems.journal_entries import LINE_KEY_END, JournalEntry, JournalLine, described, exact_decimal, line_key_of

_CARRIED = re.compile(re.escape(LINE_KEY_END) + r"\[([A-Z]{3}) (-?\d{1,30})(?:\.(\d{1,6}))?\]")
_PARTY = re.compile(re.escape(LINE_KEY_END) + r"(?:\[[A-Z]{3} -?\d{1,30}(?:\.\d{1,6})?\] )?\[for ([^\]]+)\]")
# What would end the party early, or be cut at the end of a text.
_UNSAFE_IN_PARTY = "%[]"


def line_text(entry: JournalEntry, line: JournalLine, length: int, *, carries_party: bool = False) -> str:
    """The text of a line: key, amount where the document is in another currency, party, description; only the description is cut."""
    amount = exact_decimal(line.signed_amount_minor, entry.currency_exponent)
    parts = [f"[{entry.currency} {amount}]"] if entry.has_second_currency(line) else []
    if carries_party and line.customer_id is not None:
        parts.append(f"[for {_escaped(line.customer_id)}]")
    carried = " ".join(parts)
    key = f"{line.key}{LINE_KEY_END}{carried}" if carried else line.key
    return described(key, " " if carried else LINE_KEY_END, _words(line.description), length=length)


def carried_amount(text: str | None) -> tuple[str, int] | None:
    """Currency and signed minor units that a line's text carries; None where it carries none."""
    match = _CARRIED.search(text or "")
    if match is None or match.start() != len(line_key_of(text) or ""):
        return None
    digits = match[3] or ""
    return match[1], int(Decimal(f"{match[2]}.{digits or 0}").scaleb(len(digits)))


def carried_party(text: str | None) -> str | None:
    """Our customer id that a line's text carries; None where it carries none."""
    match = _PARTY.search(text or "")
    if match is None or match.start() != len(line_key_of(text) or ""):
        return None
    return unquote(match[1])


def _words(description: str | None) -> str | None:
    """Words that look like something carried are told apart from it."""
    return f"- {description.lstrip()}" if description and description.lstrip().startswith("[") else description


def _escaped(customer_id: str) -> str:
    return "".join(quote(character, safe="") if character in _UNSAFE_IN_PARTY else character for character in customer_id)


def remote_line(text: str | None, account: str, functional_minor: int, currency: str, party: str | None) -> RemoteLine:
    """A line as the ledger holds it; ``currency`` is the one of its entry."""
    carried_currency, amount = carried_amount(text) or (currency, functional_minor)
    return RemoteLine(line_key_of(text) or "", amount, carried_currency, account=account, functional_minor=functional_minor, party=party)


def document_currency(lines: Sequence[RemoteLine], currency: str) -> tuple[str, int]:
    """The currency of the document that the lines carry, and the total of its debits."""
    foreign = next((line.currency for line in lines if line.currency != currency), currency)
    return foreign, sum(line.amount_minor for line in lines if line.currency == foreign and line.amount_minor > 0)
