"""VAT ids of the European Union, checked when they land: their form and check digits (no register is asked).

What was found lands beside what was delivered, so that a row is judged once, on the day of its arrival, by a rule that is known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa
from stdnum.eu import vat
from stdnum.exceptions import InvalidChecksum, InvalidComponent, InvalidLength, ValidationError

from reverse_etl.landing.relations import CHECKED_COLUMNS

RELATION = "raw.tax_registrations"
_PREFIX_OF_COUNTRY = {"GR": "EL"}
"""The only member state whose prefix is not its code of ISO 3166; some write that instead."""
_COUNTRY_OF_PREFIX = {prefix: country for country, prefix in _PREFIX_OF_COUNTRY.items()}
_OF_NO_MEMBER_STATE = frozenset({"EU", "IM", "XI"})
"""Prefixes of the one-stop shops and of Northern Ireland, which count for no service to a business in a member state."""
_VIOLATIONS: Mapping[type[ValidationError], str] = {
    InvalidLength: "tax_id_of_wrong_length",
    InvalidChecksum: "tax_id_of_wrong_check_digit",
    InvalidComponent: "tax_id_of_no_member_state",
}


@dataclass(frozen=True, slots=True)
class CheckedTaxId:
    """Either the compact number with its prefix and the ISO 3166 country that gave it, or the rule that the text breaks."""

    number: str | None = None
    country: str | None = None
    violation: str | None = None


def check_tax_id(text: str | None) -> CheckedTaxId:
    """``text`` as it was delivered, prefix included; spaces, dots and dashes are no part of it."""
    if text is None or not text.strip():
        return CheckedTaxId(violation="missing_tax_id")
    try:
        number = vat.validate(text)
    except ValidationError as error:
        return CheckedTaxId(violation=_VIOLATIONS.get(type(error), "tax_id_of_wrong_format"))
    prefix = _PREFIX_OF_COUNTRY.get(number[:2], number[:2])
    if prefix in _OF_NO_MEMBER_STATE:
        return CheckedTaxId(violation="tax_id_of_no_member_state")
    return CheckedTaxId(prefix + number[2:], _COUNTRY_OF_PREFIX.get(prefix, prefix))


def with_checked_tax_ids(rows: pa.Table) -> pa.Table:
    """Rows of ``raw.tax_registrations`` with what was found in each (the relation's checked columns)."""
    checked = [check_tax_id(text) for text in (rows["tax_id"].to_pylist() if "tax_id" in rows.column_names else [None] * rows.num_rows)]
    found = ([one.number for one in checked], [one.country for one in checked], [one.violation for one in checked])
    for name, values in zip(CHECKED_COLUMNS[RELATION], found, strict=True):
        rows = rows.append_column(name, pa.array(values, pa.string()))
    return rows


def refused_tax_ids(rows: pa.Table) -> Iterator[tuple[int, str]]:
    """The line and the reason of every checked row whose VAT id is none."""
    for row in rows.to_pylist():
        if row["tax_id_violation"] is not None:
            yield row["line_number"], f"tax_id {row.get('tax_id')!r} is no VAT id: {row['tax_id_violation']}"
