"""Customers, which the lines of receivables name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reverse_etl.sandbox.netsuite import values
from reverse_etl.sandbox.netsuite.errors import refused
from reverse_etl.sandbox.netsuite.store import Row, Store

PROPERTIES = frozenset({"id", "links", "externalId", "entityId", "companyName", "subsidiary", "isPerson", "email"})


def write(store: Store, record: Mapping[str, Any], found: Row | None, external_id: str | None) -> int:
    """Create a customer, or update ``found`` with what the record names; its id."""
    subsidiary = values.reference(store, record, "subsidiary", "subsidiary")
    if subsidiary is None and found is None:
        raise refused("Please enter value(s) for: Primary Subsidiary.", "subsidiary")
    if found is not None and subsidiary is not None and subsidiary["id"] != found["subsidiary"] and _is_used(store, found["id"]):
        raise refused("The primary subsidiary of a customer with transactions cannot be changed.", "subsidiary")
    name = values.text(record, "companyName", 83) or (found["companyname"] if found else None)
    if not name or not name.strip():
        raise refused("Please enter value(s) for: Company Name.", "companyName")
    row = {
        "entityid": values.text(record, "entityId", 80) or (found["entityid"] if found else None),
        "companyname": name,
        "externalid": external_id or values.external_id(record) or (found["externalid"] if found else None),
        "subsidiary": subsidiary["id"] if subsidiary else (found or {})["subsidiary"],
        "isperson": "T" if values.boolean(record, "isPerson") else "F",
        "email": values.text(record, "email", 254) or (found["email"] if found else None),
        "datecreated": found["datecreated"] if found else store.stamp(),
        "lastmodifieddate": store.stamp(),
    }
    own = found["id"] if found else 0
    if store.row("select id from customer where (externalid = ? or entityid = ?) and id <> ?", row["externalid"], row["entityid"], own) is not None:
        raise refused("This entity already exists.")
    if found is not None:
        changes = ", ".join(f"{column} = ?" for column in row)
        store.connection.execute(f"update customer set {changes} where id = ?", (*row.values(), own))
        return int(own)
    marks = ", ".join("?" * len(row))
    cursor = store.connection.execute(f"insert into customer ({', '.join(row)}) values ({marks})", tuple(row.values()))
    identifier = int(cursor.lastrowid or 0)
    store.connection.execute("update customer set entityid = coalesce(entityid, 'CUST' || ?) where id = ?", (identifier, identifier))
    return identifier


def delete(store: Store, found: Row) -> None:
    if _is_used(store, found["id"]):
        raise refused("This record cannot be deleted because it has dependent records.")
    store.connection.execute("delete from customer where id = ?", (found["id"],))


def shown(store: Store, found: Row, url: str) -> dict[str, Any]:
    subsidiary = store.find("subsidiary", found["subsidiary"]) or {}
    record = {
        "links": [{"rel": "self", "href": f"{url}/customer/{found['id']}"}],
        "id": str(found["id"]),
        "externalId": found["externalid"],
        "entityId": found["entityid"],
        "companyName": found["companyname"],
        "isPerson": found["isperson"] == "T",
        "email": found["email"],
        "subsidiary": {"links": [], "id": str(found["subsidiary"]), "refName": subsidiary.get("name")},
        "dateCreated": found["datecreated"],
        "lastModifiedDate": found["lastmodifieddate"],
    }
    return {name: value for name, value in record.items() if value is not None}


def _is_used(store: Store, identifier: int) -> bool:
    return store.row("select 1 as used from transactionline where entity = ? limit 1", identifier) is not None
