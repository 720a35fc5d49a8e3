"""Customers: https://developer.intuit.com/app/developer/qbo/docs/api/accounting/all-entities/customer."""

from __future__ import annotations

import sqlite3
from typing import Any

from reverse_etl.sandbox.quickbooks.errors import business, not_found, refused, stale
from reverse_etl.sandbox.quickbooks.store import Company, Object, Store
from reverse_etl.sandbox.quickbooks.values import Members

KIND = "Customer"
LONGEST_NAME = 500
TEXTS = {"CompanyName": 100, "GivenName": 100, "FamilyName": 100, "Notes": 2000, "PrintOnCheckName": 110, "ResaleNum": 16}
ADDRESS = ("Line1", "Line2", "City", "CountrySubDivisionCode", "PostalCode", "Country")


def create(store: Store, company: Company, members: Members) -> Object:
    fields = _fields(members)
    currency = members.reference("CurrencyRef")
    members.finish("sparse", "domain")
    if not fields.get("DisplayName"):
        fields["DisplayName"] = " ".join(filter(None, (fields.get("GivenName"), fields.get("FamilyName")))) or fields.get("CompanyName")
    if not fields["DisplayName"]:
        raise business("At least one of Title, GivenName, MiddleName, FamilyName, DisplayName, Suffix must be given.")
    if currency not in (None, company.home_currency) and not company.multicurrency:
        raise business("Multi-currency should be enabled to perform this operation.")
    now = store.timestamp()
    item = {
        "Id": str(store.next_id(company.realm)),
        "SyncToken": "0",
        "domain": "QBO",
        "sparse": False,
        "MetaData": {"CreateTime": now, "LastUpdatedTime": now},
        "Active": True,
        "CurrencyRef": {"value": currency or company.home_currency},
    }
    return _put(store, company, item | fields)


def update(store: Store, company: Company, members: Members) -> Object:
    identifier, token, sparse = members.required_text("Id", 20), members.required_text("SyncToken", 20), members.boolean("sparse")
    fields = _fields(members)
    members.reference("CurrencyRef")
    members.finish("domain", "MetaData")
    item = store.find(company.realm, KIND, identifier)
    if item is None:
        raise not_found(identifier)
    if token != item["SyncToken"]:
        raise stale()
    kept = item if sparse else {name: item[name] for name in ("Id", "domain", "sparse", "MetaData", "CurrencyRef", "Active")}
    if not (kept | fields).get("DisplayName"):
        raise business("A display name must be given.")
    changed = kept | fields | {"SyncToken": str(int(token) + 1), "MetaData": item["MetaData"] | {"LastUpdatedTime": store.timestamp()}}
    return _put(store, company, changed)


def _fields(members: Members) -> Object:
    fields: dict[str, Any] = {name: value for name, longest in TEXTS.items() if (value := members.text(name, longest)) is not None}
    name = members.text("DisplayName", LONGEST_NAME)
    if name is not None:
        if any(character in ":\t\n\r" for character in name) or name != name.strip():
            raise refused("2040", "Invalid String", "A display name holds no colon, tab or line break, and no space at its ends", "DisplayName")
        fields["DisplayName"] = name
    if "PrimaryEmailAddr" in members:
        address = members.child("PrimaryEmailAddr")
        fields["PrimaryEmailAddr"] = {"Address": address.required_text("Address", 100)}
        address.finish()
    if "BillAddr" in members:
        place = members.child("BillAddr")
        fields["BillAddr"] = {name: value for name in ADDRESS if (value := place.text(name, 500)) is not None}
        place.finish("Id")
    active = members.boolean("Active")
    return fields if active is None else fields | {"Active": active}


def _put(store: Store, company: Company, item: Object) -> Object:
    try:
        store.put(company.realm, KIND, item)
    except sqlite3.IntegrityError:
        detail = "The name supplied already exists. : Another customer is already using this name. Please use a different name."
        raise refused("6240", "Duplicate Name Exists Error", detail) from None
    return item
