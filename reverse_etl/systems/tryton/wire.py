"""Tryton's tagged JSON: decimals and dates, and records with ids in place of our codes. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from reverse_etl.systems.tryton.directory import CompanyDirectory


class UnknownCodeError(Exception):
    """The server has nothing under a code that the request names; its message says what is missing and what to do."""


def to_decimal(minor: int, exponent: int) -> Mapping[str, str]:
    return {"__class__": "Decimal", "decimal": str(Decimal(minor).scaleb(-exponent))}


def to_minor(value: Any, exponent: int) -> int:
    """Minor units of a tagged decimal.

    Raises:
        ValueError: it is no tagged decimal, or has more decimals than the currency.
    """
    try:
        scaled = Decimal(value["decimal"]).scaleb(exponent)
        if scaled != int(scaled):
            raise ValueError(f"{value!r} has more than {exponent} decimals")
        return int(scaled)
    except (TypeError, KeyError, ArithmeticError) as error:
        raise ValueError(f"{value!r} is no amount") from error


def to_tagged_date(day: date) -> Mapping[str, Any]:
    return {"__class__": "date", "year": day.year, "month": day.month, "day": day.day}


def from_tagged_date(value: Any) -> date:
    """Raises ValueError: it is no tagged date."""
    try:
        return date(value["year"], value["month"], value["day"])
    except (TypeError, KeyError) as error:
        raise ValueError(f"{value!r} is no date") from error


def from_tagged_instant(value: Any) -> datetime:
    """Raises ValueError: it is no tagged instant, which Tryton states in UTC."""
    try:
        return datetime(value["year"], value["month"], value["day"], value["hour"], value["minute"], value["second"], value["microsecond"])
    except (TypeError, KeyError) as error:
        raise ValueError(f"{value!r} is no instant") from error


def move_values(record: Mapping[str, Any], company: CompanyDirectory, parties: Mapping[str, int]) -> Mapping[str, Any]:
    """The values for ``account.move.create``.

    Raises:
        UnknownCodeError: the company has no such account, period, party, journal or currency.
    """
    day = date.fromisoformat(record["date"])
    period = next((found.id for found in company.periods if found.start <= day <= found.end), None)
    if period is None:
        raise UnknownCodeError(f"{company.entity} has no accounting period for {day}: create the fiscal year in Tryton")
    if company.journal is None:
        raise UnknownCodeError(f"Tryton has no journal with the code {record['journal']}: create it")
    return {
        "company": company.id,
        "journal": company.journal,
        "period": period,
        "date": to_tagged_date(day),
        "description": record["description"],
        "lines": [["create", [_line_values(line, record["exponent"], company, parties) for line in record["lines"]]]],
    }


def _line_values(line: Mapping[str, Any], exponent: int, company: CompanyDirectory, parties: Mapping[str, int]) -> Mapping[str, Any]:
    amount, nothing = to_decimal(line["minor"], exponent), to_decimal(0, exponent)
    values: dict[str, Any] = {
        "account": _id(company.accounts, line["account"], f"account of {company.entity}"),
        "debit": amount if line["side"] == "debit" else nothing,
        "credit": amount if line["side"] == "credit" else nothing,
        "description": line["description"],
    }
    if line["party"] is not None:
        values["party"] = _id(parties, line["party"], "party")
    if "second_currency" in line:
        values["second_currency"] = _id(company.currencies, line["second_currency"], "currency")
        values["amount_second_currency"] = to_decimal(line["second_minor"], line["second_exponent"])
    return values


def _id(known: Mapping[str, int], code: str, what: str) -> int:
    if code not in known:
        raise UnknownCodeError(f"Tryton has no {what} with the code {code}: create it, or correct the mapping")
    return known[code]
