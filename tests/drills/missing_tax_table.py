"""Drill 2: the tax table lacks a country."""

from __future__ import annotations

from drill import Drill, Story, expect
from drill_company import DELIVERED, ENTITY, NEXT_PERIOD, PERIOD, Company
from drill_counts import amounts, lines

from reverse_etl.settings import Settings

COUNTRY = "FR"
DELIVERED_LATER = "2026-02-03"
HELD = "select customer_id, hold_reason, what_to_do from invoicing.held_lines where blocks_document and strftime(document_month, '%Y-%m') = ?"


def run(company: Company, story: Story) -> None:
    inbox = company.settings.inbox
    [table] = (inbox / "tax_rates").glob("*/tax_rates.csv")
    header, *rows = table.read_text().splitlines()
    missing = [row for row in rows if row.startswith(f"{ENTITY},{COUNTRY},")]
    table.write_text("\n".join([header, *(row for row in rows if row not in missing)]) + "\n")
    abroad = set(company.customers_in(COUNTRY))
    everybody = invoiced_in(company.undisturbed)
    expect(bool(missing) and bool(abroad & everybody) and bool(everybody - abroad), f"nobody is billed in {COUNTRY}, or everybody is")
    landed = company.land(PERIOD)
    expect(landed.succeeded, landed.failures)

    closed = company.close(PERIOD)
    expect(closed.succeeded, f"the close did not go on without {COUNTRY}: {closed.failures}")
    held = company.read(HELD, PERIOD)
    expect({row["customer_id"] for row in held} == abroad & everybody, f"held are {held}, and not the customers of {COUNTRY}")
    expect({row["hold_reason"] for row in held} == {"missing_tax_rate"}, f"held for another reason: {held}")
    others = invoiced_in(company.settings)
    expect(others == everybody - abroad, f"invoiced are {sorted(others)}")
    story.line(
        f"{PERIOD} closed, every checkpoint ties: {len(others)} customers of other countries are invoiced and posted,"
        f" {len(abroad & everybody)} of {COUNTRY} are held ({len(held)} lines, missing_tax_rate)"
    )
    company.alerted(story, COUNTRY, "missing tax rate", "tax_rates")

    company.deliver("tax_rates", DELIVERED_LATER, "missing.csv", [header, *missing])
    landed = company.land(NEXT_PERIOD)
    expect(landed.succeeded, landed.failures)
    again = company.close(NEXT_PERIOD)
    expect(again.succeeded, f"the next close did not bring the rest: {again.failures}")
    billed, expected = lines(company.settings), lines(company.undisturbed)
    expect({key: billed.get(key) for key in expected} == expected, "what was held is not billed as an undisturbed close bills it")
    story.line(
        f"the rates were delivered on {DELIVERED_LATER}: the close of {NEXT_PERIOD} invoiced what was held, to the cent; every checkpoint ties"
    )
    company.over(story)
    company.done(story, NEXT_PERIOD)


def invoiced_in(settings: Settings) -> set[str]:
    """Who has an invoice of January."""
    return {key.split("/")[3].partition(":")[0] for key in amounts(settings) if "/invoice/" in key}


DRILL = Drill(
    name="missing_tax_table",
    title="Tax table missing for one country",
    happens=f"The delivered tax rates have no row for {COUNTRY}.",
    goes_on="Invoices of every other country are issued, delivered and posted.",
    waits=f"Invoices of {COUNTRY}, held with their reason.",
    alert="The country, the rate that is missing and the file to deliver.",
    resumes="Delivering the file; the next close brings the rest.",
    starts_from=DELIVERED,
    periods=(PERIOD, NEXT_PERIOD),
    run=run,
)
