"""Tax amounts given by the caller: https://docs.stripe.com/invoicing/taxes/manual-tax-amounts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from reverse_etl.sandbox.stripe.errors import invalid_parameter, missing
from reverse_etl.sandbox.stripe.parameters import Parameters
from reverse_etl.sandbox.stripe.store import Object, Store

MOST_TAX_AMOUNTS = 20
_RATE_TEXTS = ("country", "description", "jurisdiction", "jurisdiction_level", "state", "tax_type")


@dataclass(frozen=True, slots=True)
class TaxAmount:
    """One tax amount of a request: by the content of its rate on invoices, by the id of its rate on credit notes."""

    amount: int
    taxable_amount: int
    taxability_reason: str
    rate: dict[str, str | bool | None] | None
    rate_id: str | None


def read_tax_amounts(line: Parameters, by_id: bool) -> list[TaxAmount]:
    found = line.children("tax_amounts")
    if len(found) > MOST_TAX_AMOUNTS:
        raise invalid_parameter(f"At most {MOST_TAX_AMOUNTS} tax amounts are allowed", line.name_of("tax_amounts"))
    return [_read(item, by_id) for item in found]


def _read(item: Parameters, by_id: bool) -> TaxAmount:
    amount, taxable = item.required_integer("amount"), item.required_integer("taxable_amount")
    if by_id:
        return TaxAmount(amount, taxable, "standard_rated", None, item.required_text("tax_rate"))
    data = item.child("tax_rate_data")
    if data is None:
        raise invalid_parameter("Missing required param: tax_rate_data.", item.name_of("tax_rate_data"), "parameter_missing")
    rate: dict[str, str | bool | None] = {
        "display_name": data.required_text("display_name"),
        "percentage": data.percentage("percentage"),
        "inclusive": data.boolean("inclusive"),
    }
    rate |= {name: data.text(name) for name in _RATE_TEXTS}
    return TaxAmount(amount, taxable, item.text("taxability_reason") or "standard_rated", rate, None)


def shown_tax(store: Store, tax: TaxAmount) -> Object:
    """The tax of a line as the API shows it.

    Raises:
        StripeError: the tax rate was not created by Stripe itself.
    """
    if tax.rate is not None:
        identifier, inclusive = store.tax_rate(tax.rate), bool(tax.rate["inclusive"])
    else:
        identifier = tax.rate_id or ""
        known = store.find_tax_rate(identifier)
        if known is None:
            raise missing("automatically created tax rate", identifier, "lines[tax_amounts][tax_rate]")
        inclusive = bool(known["inclusive"])
    return {
        "amount": tax.amount,
        "tax_behavior": "inclusive" if inclusive else "exclusive",
        "tax_rate_details": {"tax_rate": identifier},
        "taxability_reason": tax.taxability_reason,
        "taxable_amount": tax.taxable_amount,
        "type": "tax_rate_details",
    }


def total_taxes(lines: Iterable[Object]) -> list[Object]:
    """The taxes of all lines, added up per rate."""
    totals: dict[tuple[str, str], Object] = {}
    for line in lines:
        for tax in line["taxes"]:
            key = (tax["tax_rate_details"]["tax_rate"], tax["tax_behavior"])
            if key in totals:
                totals[key]["amount"] += tax["amount"]
                totals[key]["taxable_amount"] += tax["taxable_amount"]
            else:
                totals[key] = dict(tax)
    return list(totals.values())


def exclusive_tax(taxes: Iterable[Object]) -> int:
    return sum(tax["amount"] for tax in taxes if tax["tax_behavior"] == "exclusive")
