"""Manual journals and contacts: how one element of a request is checked, stored and shown."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from reverse_etl.sandbox.xero.errors import InvalidError
from reverse_etl.sandbox.xero.store import CONTACTS, JOURNALS, Element, Store, read_date, shown_date

NOTHING = "00000000-0000-0000-0000-000000000000"
STATUSES = ("DRAFT", "POSTED", "DELETED", "VOIDED", "ARCHIVED")
TAX_TYPES = frozenset({"NONE", "BASEXCLUDED", "INPUT", "OUTPUT", "ZERORATEDINPUT", "ZERORATEDOUTPUT", "EXEMPTINPUT", "EXEMPTOUTPUT"})
LONGEST_NARRATION = LONGEST_DESCRIPTION = 4000
LARGEST_AMOUNT = Decimal("9999999999.99")
MOST_LINES = 1000
_CENT = Decimal("0.01")
_DATE = re.compile(r"(\d{4}-\d{2}-\d{2})(T.*)?|/Date\((-?\d{1,14})([+-]\d{4})?\)/")
LOCK_DATE = "lock_date"


def save_journal(store: Store, tenant: str, given: Mapping[str, Any], *, create: bool) -> Element:
    """Create a journal, or update the one that ``ManualJournalID`` names.

    Raises:
        InvalidError: nothing was saved.
    """
    identifier = None if create else given.get("ManualJournalID")
    found = store.find(JOURNALS, tenant, "id", _text(identifier, "ManualJournalID", 36)) if identifier is not None else None
    if identifier is not None and found is None:
        raise InvalidError("The manual journal could not be found.")
    if found is not None and found["Status"] in ("DELETED", "VOIDED", "ARCHIVED"):
        raise InvalidError(f"This manual journal cannot be edited as it has a status of {found['Status']}.")
    narration = _text(given.get("Narration") if "Narration" in given or found is None else found["Narration"], "Narration", LONGEST_NARRATION)
    status = given.get("Status", found["Status"] if found else "DRAFT")
    if status not in STATUSES or (found is None and status not in ("DRAFT", "POSTED")):
        raise InvalidError(f"Journal status {status} is not valid")
    day = _day(given["Date"]) if given.get("Date") is not None else read_date(found["Date"]) if found else store.today()
    lock = store.setting(LOCK_DATE)
    for affected in {day, *([read_date(found["Date"])] if found else [])}:
        if lock is not None and affected <= date.fromisoformat(lock):
            raise InvalidError(f"The document date cannot be before the end of year lock date, currently set at {date.fromisoformat(lock):%d-%b-%Y}")
    if given.get("LineAmountTypes", "NoTax") != "NoTax":
        raise InvalidError("LineAmountTypes other than NoTax are left out here.")
    lines = _lines(store, tenant, given.get("JournalLines")) if "JournalLines" in given or found is None else found["JournalLines"]
    url = given.get("Url", found.get("Url") if found else None)
    if url is not None and not (isinstance(url, str) and re.fullmatch(r"https?://[^\s\"<>]{1,2000}", url)):
        raise InvalidError("Url must be a valid absolute URL")
    element: Element = {
        "ManualJournalID": found["ManualJournalID"] if found else str(uuid.uuid4()),
        "Narration": narration,
        "Date": shown_date(day),
        "LineAmountTypes": "NoTax",
        "Status": status,
        "ShowOnCashBasisReports": given.get("ShowOnCashBasisReports") is not False,
        "HasAttachments": False,
        "JournalLines": lines,
    }
    element |= {"Url": url} if url is not None else {}
    store.save(JOURNALS, tenant, element["ManualJournalID"], element)
    return store.find(JOURNALS, tenant, "id", element["ManualJournalID"]) or element


def save_contact(store: Store, tenant: str, given: Mapping[str, Any], *, create: bool) -> Element:
    """Create a contact, or update the one with that id or number. Raises ``InvalidError``: nothing was saved."""
    identifier, number = given.get("ContactID"), given.get("ContactNumber")
    found = None
    if not create and identifier is not None:
        found = store.find(CONTACTS, tenant, "id", _text(identifier, "ContactID", 36))
        if found is None:
            raise InvalidError("The contact could not be found.")
    number = _text(number, "ContactNumber", 50) if number is not None else (found or {}).get("ContactNumber")
    same_number = None if number is None else store.find(CONTACTS, tenant, "number", number)
    if found is None and not create:
        found = same_number
    name = _text(given.get("Name") if "Name" in given or found is None else found["Name"], "Name", 255)
    element: Element = {
        "ContactID": found["ContactID"] if found else str(uuid.uuid4()),
        "ContactStatus": "ACTIVE",
        "Name": name,
    } | ({} if number is None else {"ContactNumber": number})
    if same_number is not None and same_number["ContactID"] != element["ContactID"]:
        raise InvalidError(f"The contact number {number} is already assigned to another contact.")
    other = store.find(CONTACTS, tenant, "name", name)
    if other is not None and other["ContactID"] != element["ContactID"]:
        raise InvalidError(
            f"The contact name {name} is already assigned to another contact. The contact name must be unique across all active contacts."
        )
    store.save(CONTACTS, tenant, element["ContactID"], element, number=number, name=name)
    return store.find(CONTACTS, tenant, "id", element["ContactID"]) or element


def _lines(store: Store, tenant: str, given: Any) -> Sequence[Mapping[str, Any]]:
    if not isinstance(given, list) or len(given) < 2 or not all(isinstance(line, Mapping) for line in given):
        raise InvalidError("A manual journal must contain at least two journal lines.")
    if len(given) > MOST_LINES:
        raise InvalidError(f"A manual journal has at most {MOST_LINES} lines here.")
    lines = [_line(store, tenant, line) for line in given]
    debits = sum((line["LineAmount"] for line in lines if line["LineAmount"] > 0), Decimal(0))
    credits = sum((line["LineAmount"] for line in lines if line["LineAmount"] < 0), Decimal(0))
    if debits + credits != 0:
        raise InvalidError(f"The total debits ({debits:.2f}) must equal total credits ({credits:.2f})")
    return lines


def _line(store: Store, tenant: str, given: Mapping[str, Any]) -> dict[str, Any]:
    amount = given.get("LineAmount")
    if isinstance(amount, bool) or not isinstance(amount, int | Decimal) or abs(Decimal(amount)) > LARGEST_AMOUNT:
        raise InvalidError("Line amount is not valid")
    code = given.get("AccountCode")
    account = store.account(tenant, code) if isinstance(code, str) else None
    if account is None or account["system_account"] is not None:
        raise InvalidError(f"Account code '{code}' is not a valid code for this document.")
    tax_type = given.get("TaxType") or "NONE"
    if tax_type not in TAX_TYPES:
        raise InvalidError(f"The TaxType code '{tax_type}' does not exist or cannot be used for this type of transaction.")
    tracking = given.get("Tracking") or []
    if not isinstance(tracking, list) or len(tracking) > 2 or not all(isinstance(item, Mapping) for item in tracking):
        raise InvalidError("A journal line can have a maximum of 2 tracking categories.")
    description = given.get("Description")
    line = {
        "LineAmount": Decimal(amount).quantize(_CENT, ROUND_HALF_UP),
        "AccountCode": code,
        "AccountID": account["id"],
        "TaxType": tax_type,
        "TaxAmount": Decimal("0.00"),
        "Tracking": [{"Name": _text(item.get("Name"), "Name", 100), "Option": _text(item.get("Option"), "Option", 100)} for item in tracking],
        "IsBlank": False,
    }
    return line if description is None else line | {"Description": _text(description, "Description", LONGEST_DESCRIPTION)}


def _text(value: Any, name: str, longest: int) -> str:
    if not isinstance(value, str) or not value.strip() or any("\ud800" <= character <= "\udfff" or character == "\x00" for character in value):
        raise InvalidError(f"{name} is required and must be a text")
    if len(value) > longest:
        raise InvalidError(f"The length of {name} must be at most {longest}")
    return value


def _day(value: Any) -> date:
    match = _DATE.fullmatch(value) if isinstance(value, str) else None
    try:
        if match is not None:
            return date.fromisoformat(match[1]) if match[1] else read_date(value)
    except (ValueError, OverflowError):
        pass
    raise InvalidError("The date is not valid")
