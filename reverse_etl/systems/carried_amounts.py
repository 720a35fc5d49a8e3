"""The amount of a line in the document's currency, carried in the line's text by ledgers that hold one currency per entry. Pure.

``entry-1#receivable | [JPY 1500] Invoice issued``: the key, the signed amount with all decimals of its currency, then words for people.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

from reverse_etl.systems.contract import RemoteLine
from reverse_etl.systems.journal_entries import LINE_KEY_END, JournalEntry, JournalLine, described, exact_decimal, line_key_of

_CARRIED = re.compile(re.escape(LINE_KEY_END) + r"\[([A-Z]{3}) (-?\d{1,30})(?:\.(\d{1,6}))?\]")


def line_text(entry: JournalEntry, line: JournalLine, length: int) -> str:
    """The text of a line: key, amount where the document is in another currency, description; only the description is cut."""
    amount = exact_decimal(line.signed_amount_minor, entry.currency_exponent)
    carried = f"[{entry.currency} {amount}]" if entry.has_second_currency(line) else ""
    key = f"{line.key}{LINE_KEY_END}{carried}" if carried else line.key
    return described(key, " " if carried else LINE_KEY_END, line.description, length=length)


def carried_amount(text: str | None) -> tuple[str, int] | None:
    """Currency and signed minor units that a line's text carries; None where it carries none."""
    match = _CARRIED.search(text or "")
    if match is None or match.start() != len(line_key_of(text) or ""):
        return None
    digits = match[3] or ""
    return match[1], int(Decimal(f"{match[2]}.{digits or 0}").scaleb(len(digits)))


def remote_line(text: str | None, account: str, functional_minor: int, currency: str, party: str | None) -> RemoteLine:
    """A line as the ledger holds it; ``currency`` is the one of its entry."""
    carried_currency, amount = carried_amount(text) or (currency, functional_minor)
    return RemoteLine(line_key_of(text) or "", amount, carried_currency, account=account, functional_minor=functional_minor, party=party)


def document_currency(lines: Sequence[RemoteLine], currency: str) -> tuple[str, int]:
    """The currency of the document that the lines carry, and the total of its debits."""
    foreign = next((line.currency for line in lines if line.currency != currency), currency)
    return foreign, sum(line.amount_minor for line in lines if line.currency == foreign and line.amount_minor > 0)
