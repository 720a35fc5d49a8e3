"""What the models say of scenarios, read from the warehouse that rated them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from reverse_etl.cases.deliveries import ACCOUNTS
from reverse_etl.cases.rated import CreditBalance, DocumentLine, JournalLine, RatedLine, RatedRun, RatedScenario, RatedTier
from reverse_etl.cases.scenario import Scenario
from reverse_etl.warehouse import Warehouse

Row = Mapping[str, Any]

LINES = """
    select
        rated_lines.customer_id, rated_lines.charge_id, rated_lines.kind, rated_lines.service_period_start, rated_lines.service_period_end,
        rated_lines.amount_precise, rated_lines.amount_minor, rated_lines.discount_minor, rated_lines.hold_reason,
        rated_usage.gross_amount, rated_usage.percent_discount, rated_usage.maximum_discount,
        period_charges.served_units, period_charges.period_units, currencies.exponent
    from rating.rated_lines as rated_lines
    left join rating.rated_usage as rated_usage on rated_lines.line_key = rated_usage.line_key
    left join rating.period_charges as period_charges on rated_lines.line_key = period_charges.line_key
    left join constants.currencies as currencies on rated_lines.currency = currencies.currency
    order by rated_lines.line_key
"""
TIERS = """
    select
        charged_usage.customer_id, charged_usage.service_period_start, rated_tiers.tier_from, rated_tiers.unit_price,
        rated_tiers.tier_quantity, rated_tiers.amount_precise
    from rating.rated_tiers as rated_tiers
    inner join rating.charged_usage as charged_usage on rated_tiers.usage_key = charged_usage.usage_key
    order by charged_usage.usage_key, rated_tiers.bucket, rated_tiers.tier_from
"""
DOCUMENTS = """
    select customer_id, charge_id, 'invoice' as document_type, amount_minor, tax_minor from invoicing.proposed_invoice_lines
    union all
    select customer_id, charge_id, 'credit_memo' as document_type, -amount_minor, -tax_minor from invoicing.proposed_credit_memo_lines
"""
TAXES = """
    select lines.customer_id, taxes.tax_component, sum(taxes.tax_minor) as tax_minor
    from invoicing.invoice_line_taxes as taxes
    inner join invoicing.proposed_invoice_lines as lines on taxes.document_line_key = lines.document_line_key
    group by lines.customer_id, taxes.tax_component
    order by lines.customer_id, taxes.tax_component
"""
JOURNALS = """
    select
        documents.customer_id, journals.event, journals.account, strftime(journals.posting_date, '%Y-%m') as period, lines.charge_id,
        case journals.side when 'debit' then journals.amount_minor else -journals.amount_minor end as amount_minor,
        case journals.side when 'debit' then journals.functional_minor else -journals.functional_minor end as functional_minor
    from accounting.journal_lines as journals
    inner join (
        select business_key, min(customer_id) as customer_id from staging.stg_register_issued__billing_lines group by business_key
    ) as documents
        on journals.source_document = documents.business_key
    left join staging.stg_register_issued__billing_lines as lines on journals.source_line_key = lines.document_line_key
    order by journals.posting_date, journals.line_key
"""
CREDITS = """
    select
        grants.customer_id, grants.grant_id, grants.granted_minor,
        coalesce(open_grants.balance_minor, 0) as balance_minor, coalesce(drawn.drawn_minor, 0) as drawn_minor
    from prepaid.credit_grants as grants
    left join prepaid.open_credit_grants as open_grants on grants.grant_id = open_grants.grant_id
    left join (
        select grant_id, sum(amount_minor) as drawn_minor from prepaid.proposed_credit_applications group by grant_id
    ) as drawn
        on grants.grant_id = drawn.grant_id
    order by grants.grant_id
"""
EVENTS = """
    select customer_id, disposition, strftime(occurred_on, '%Y-%m') as month
    from usage.usage_event_dispositions where meter <> 'none' order by length(event_id), event_id
"""
REFUSED = """
    select split_part(price_id, '/', 1) as customer_id, term || ' ' || coalesce(term_value, '') || ': ' || violation as reason
    from staging.stg_billing__price_terms where violation is not null
    union
    select split_part(price_id, '/', 1) as customer_id, 'price: ' || violation as reason from staging.stg_billing__refused_prices
    order by customer_id, reason
"""
LEVELS = "select customer_id, service_period_start, quantity, closing_level from usage.usage_summaries order by usage_key"
QUANTITIES = "select customer_id, service_period_start, quantity from rating.rated_lines where kind = 'usage' order by line_key"


def read_run(warehouse: Warehouse, scenarios: Mapping[str, Scenario], with_documents: bool) -> dict[str, RatedRun]:
    """What one run rated and, ``with_documents``, what it proposes."""
    lines, tiers = _by_customer(warehouse, LINES), _by_customer(warehouse, TIERS)
    documents = _by_customer(warehouse, DOCUMENTS) if with_documents else {}
    taxes = _by_customer(warehouse, TAXES) if with_documents else {}
    journals = _by_customer(warehouse, JOURNALS) if with_documents else {}
    credits = _by_customer(warehouse, CREDITS) if with_documents else {}
    return {
        key: RatedRun(
            lines=[_line(row) for row in lines.get(key, ())],
            tiers=[
                RatedTier(row["tier_from"], row["unit_price"], row["tier_quantity"], row["amount_precise"] or Decimal(0))
                for row in tiers.get(key, ())
            ],
            documents=[
                DocumentLine(row["document_type"], _name(row["charge_id"]), row["amount_minor"], row["tax_minor"]) for row in documents.get(key, ())
            ],
            taxes={row["tax_component"]: int(row["tax_minor"]) for row in taxes.get(key, ())},
            journals=[_journal_line(row) for row in journals.get(key, ())],
            credits=[
                CreditBalance(_name(row["grant_id"]), row["granted_minor"], row["balance_minor"], int(row["drawn_minor"]))
                for row in credits.get(key, ())
            ],
            exponent=_exponent(lines.get(key, ())),
            hold_reasons=sorted({line["hold_reason"] for line in lines.get(key, ()) if line["hold_reason"]}),
        )
        for key in scenarios
    }


def read_scenarios(warehouse: Warehouse, scenarios: Mapping[str, Scenario], runs: Sequence[Mapping[str, RatedRun]]) -> dict[str, RatedScenario]:
    """What the last run says of each scenario, with the runs before it."""
    lines, tiers, events, levels, quantities = (_by_customer(warehouse, query) for query in (LINES, TIERS, EVENTS, LEVELS, QUANTITIES))
    refused = _by_customer(warehouse, REFUSED)
    return {
        key: _scenario(
            scenario,
            _of_period(scenario, lines.get(key, ())),
            _of_period(scenario, tiers.get(key, ())),
            events.get(key, ()),
            _of_period(scenario, levels.get(key, ())),
            _of_period(scenario, quantities.get(key, ())),
            [row["reason"] for row in refused.get(key, ())],
            [run[key] for run in runs[: scenario.runs]],
        )
        for key, scenario in scenarios.items()
    }


def _scenario(
    scenario: Scenario,
    lines: Sequence[Row],
    tiers: Sequence[Row],
    events: Sequence[Row],
    levels: Sequence[Row],
    quantities: Sequence[Row],
    refusals: Sequence[str],
    runs: Sequence[RatedRun],
) -> RatedScenario:
    holds = sorted({line["hold_reason"] for line in lines if line["hold_reason"]}.union(*(run.hold_reasons for run in runs[:-1])))
    counted = [event["disposition"] for event in events]
    return RatedScenario(
        amount_precise=sum((line["amount_precise"] or Decimal(0) for line in lines), Decimal(0)),
        amount_minor=sum(line["amount_minor"] or 0 for line in lines),
        exponent=_exponent(lines),
        quantity=sum((row["quantity"] for row in quantities), Decimal(0)),
        closing_level=next((row["closing_level"] for row in levels if row["closing_level"] is not None), None),
        tier_amounts=[tier["amount_precise"] for tier in tiers if tier["tier_quantity"] > 0],
        months=[event["month"] for event in events],
        dispositions={disposition: counted.count(disposition) for disposition in counted},
        hold_reasons=holds or ([] if lines or any(run.lines for run in runs) else ["nothing was rated for the period"]),
        refusals=refusals,
        runs=runs,
    )


def _line(row: Row) -> RatedLine:
    return RatedLine(
        charge=_name(row["charge_id"]),
        kind=row["kind"],
        service_period_start=row["service_period_start"],
        service_period_end=row["service_period_end"],
        amount_precise=row["amount_precise"] or Decimal(0),
        amount_minor=row["amount_minor"] or 0,
        discount_minor=row["discount_minor"],
        gross_amount=row["gross_amount"] or Decimal(0),
        percent_discount=row["percent_discount"] or Decimal(0),
        maximum_discount=row["maximum_discount"] or Decimal(0),
        served_units=row["served_units"],
        period_units=row["period_units"],
    )


def _journal_line(row: Row) -> JournalLine:
    role = next(role for role, account in ACCOUNTS.items() if account == row["account"])
    return JournalLine(row["event"], _name(row["charge_id"]), role, row["period"], row["amount_minor"], row["functional_minor"])


def _name(charge_id: str | None) -> str:
    return (charge_id or "").rsplit("/", 1)[-1]


def _exponent(lines: Sequence[Row]) -> int:
    return lines[0]["exponent"] if lines and lines[0]["exponent"] is not None else 2


def _of_period(scenario: Scenario, rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if scenario.day is None or row["service_period_start"] == scenario.day]


def _by_customer(warehouse: Warehouse, query: str) -> defaultdict[str, list[Row]]:
    grouped: defaultdict[str, list[Row]] = defaultdict(list)
    for row in warehouse.read(query).to_pylist():
        grouped[row["customer_id"]].append(row)
    return grouped
