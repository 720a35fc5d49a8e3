"""What a server's codes stand for: companies, accounts, periods, journal, currencies and parties by our codes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from reverse_etl.errors import DestinationError
from reverse_etl.systems.tryton.connection import Connection
from reverse_etl.systems.tryton.rendering import JOURNAL_CODE

READ_SECONDS = 60.0
ADD_ON, EXTERNAL_ID = "tieout_reference", "external_id"
"""A module of the server that we bring along, and the field that it keeps unique within a company."""


@dataclass(frozen=True, slots=True)
class Period:
    id: int
    name: str
    start: date
    end: date


@dataclass(frozen=True, slots=True)
class CompanyDirectory:
    """One legal entity's codes and the ids the server gave them; ``exponents`` by currency code."""

    entity: str
    id: int
    currency: str
    journal: int | None
    accounts: Mapping[str, int]
    periods: Sequence[Period]
    currencies: Mapping[str, int]
    exponents: Mapping[str, int]

    @property
    def exponent(self) -> int:
        """The decimals of the functional currency."""
        return self.exponents[self.currency]

    @property
    def context(self) -> Mapping[str, Any]:
        return {"company": self.id}


def search_read(
    connection: Connection,
    model: str,
    domain: Sequence[Any],
    fields: Sequence[str],
    context: Mapping[str, Any],
    *,
    limit: int | None = None,
    seconds: float = READ_SECONDS,
) -> list[Mapping[str, Any]]:
    """The matching records by rising id, all of them or the first ``limit``.

    Raises:
        DestinationError: the server cannot be read, or answers something else than records.
    """
    parameters = [list(domain), 0, limit, [["id", "ASC"]], list(fields), dict(context)]
    records = connection.read(f"model.{model}.search_read", parameters, seconds)
    if not isinstance(records, list) or not all(isinstance(record, dict) and isinstance(record.get("id"), int) for record in records):
        raise DestinationError(f"Tryton answered {model}.search_read with something else than records: {str(records)[:200]}")
    return records


def load_company(connection: Connection, entity: str) -> CompanyDirectory:
    """The directory of one legal entity: the company whose party has the entity's id as its code.

    Raises:
        DestinationError: the server cannot be read, or has no such company for this user.
    """
    found = search_read(connection, "company.company", [["party.code", "=", entity]], ["currency.code"], {})
    if len(found) != 1:
        raise DestinationError(
            f"Tryton has {len(found)} companies whose party has the code {entity} and which this user may see: "
            "give the company's party that code, and the user that company with the filter 'All'"
        )
    company_id, context = found[0]["id"], {"company": found[0]["id"]}
    own = [["company", "=", company_id]]
    currencies = search_read(connection, "currency.currency", [], ["code", "digits"], context)
    journals = search_read(connection, "account.journal", [["code", "=", JOURNAL_CODE]], ["code"], context)
    accounts = search_read(connection, "account.account", [*own, ["type", "!=", None]], ["code"], context)
    periods = search_read(connection, "account.period", [*own, ["type", "=", "standard"]], ["name", "start_date", "end_date"], context)
    return CompanyDirectory(
        entity=entity,
        id=company_id,
        currency=found[0]["currency."]["code"],
        journal=journals[0]["id"] if journals else None,
        accounts={record["code"]: record["id"] for record in accounts},
        periods=[Period(record["id"], record["name"], _day(record["start_date"]), _day(record["end_date"])) for record in periods],
        currencies={record["code"]: record["id"] for record in currencies},
        exponents={record["code"]: record["digits"] for record in currencies},
    )


def has_unique_reference(connection: Connection) -> bool:
    """Whether the server has the add-on that keeps our references unique. Raises ``DestinationError``."""
    return bool(search_read(connection, "ir.module", [["name", "=", ADD_ON], ["state", "=", "activated"]], ["name"], {}))


def find_parties(connection: Connection, codes: Iterable[str], seconds: float = READ_SECONDS) -> Mapping[str, Mapping[str, Any]]:
    """The parties (``id``, ``name``) by code, of those of ``codes`` that exist, inactive ones included."""
    wanted = sorted(set(codes))
    if not wanted:
        return {}
    records = search_read(connection, "party.party", [["code", "in", wanted]], ["code", "name"], {"active_test": False}, seconds=seconds)
    return {record["code"]: record for record in records}


def _day(value: Mapping[str, int]) -> date:
    return date(value["year"], value["month"], value["day"])
