"""Deliveries that engines could read, order or round differently: every way of counting and pricing, and awkward spellings."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from reverse_etl.cases.deliveries import deliver
from reverse_etl.cases.scenario import Charge, CreditGrant, Scenario, Subscription, Tier, UsageEvent, flat, of_charge, quantity_event
from reverse_etl.sandbox.sample import generate
from reverse_etl.settings import Settings

DAY = date(2026, 1, 1)
TIERS = (Tier("10", "0.335", "1"), Tier("100.5", "0.2", "0"), Tier(None, "0.0123456789", "2.5"))


def moment(day: int, hour: int, minute: int = 0, second: int = 0, microsecond: int = 0) -> datetime:
    return datetime(2026, 1, day, hour, minute, second, microsecond, tzinfo=UTC)


def used(*quantities: str) -> list[UsageEvent]:
    return [quantity_event(DAY, quantity, minutes=number) for number, quantity in enumerate(quantities)]


def going_on(charge: Charge, events: list[UsageEvent], **terms: Any) -> Scenario:
    """A subscription that goes on after its last event, for the next month."""
    scenario = of_charge(charge, events, **terms)
    return replace(scenario, subscriptions=tuple(replace(subscription, ends_on=None) for subscription in scenario.subscriptions))


# What the sample company does not do: every way of counting and pricing that an engine could round, order or read differently.
SCENARIOS = {
    "graduated": going_on(Charge("graduated", TIERS), used("3.5", "107.25", "-0.75")),
    "volume": going_on(Charge("volume", TIERS, {"beyond_last_tier": "hold"}), used("100.5"), currency="JPY"),
    "package": going_on(
        Charge("package", (Tier(None, "7.01", block_size="12"),), {"free_units": "1.5", "package_rounding": "exact"}), used("26.0000001")
    ),
    "converted": going_on(
        Charge("per_unit", (Tier(None, "0.333333333333"),), {"quantity_divisor": "7", "quantity_rounding": "half_up", "quantity_precision": "2"}),
        used("1000.1"),
    ),
    "bounded": going_on(Charge("per_unit", (Tier(None, "3"),), {"minimum_amount": "10", "maximum_amount": "20"}), used("1"), currency="KWD"),
    "percentage": going_on(
        Charge(
            "percentage",
            (Tier(None, rate_percent="2.99"),),
            {"fixed_fee_per_event": "0.3", "free_events": "1", "transaction_minimum": "1.75", "transaction_maximum": "12"},
        ),
        used("10", "80.5", "999.99"),
    ),
    "counted": going_on(
        Charge("per_unit", (Tier(None, "1"),), aggregation="unique_count", counted_attribute="user"),
        [quantity_event(DAY, "1", number, user=user) for number, user in enumerate(("é", "z", "é", "Z"))],
    ),
    "supplied": going_on(
        Charge("dynamic", (Tier(),), amount_attribute="minor"), [quantity_event(DAY, "1", minor="40.25"), quantity_event(DAY, "2", 1, minor="1e2")]
    ),
    "level": going_on(
        Charge("per_unit", (Tier(None, "0.01"),), {"zero_usage_flat_fee": "true"}, aggregation="weighted_sum"),
        [UsageEvent(moment(9, 3, 7, 11, 123457), "5.5"), UsageEvent(moment(20, 22), "-2.25", corrected=True)],
        time_zone="America/Havana",
    ),
    "latest": going_on(Charge("per_unit", (Tier(None, "2"),), aggregation="latest"), [*used("4", "9"), quantity_event(DAY, "7", 1)]),
    "daily": going_on(
        Charge("per_unit", (Tier(None, "0.1"),), aggregation="max", bucket="day"),
        [UsageEvent(moment(3, 16, 59), "9"), UsageEvent(moment(3, 17), "10")],
        time_zone="Asia/Ho_Chi_Minh",
    ),
    "grouped": going_on(
        Charge("graduated", TIERS, dimensions="region, zone"),
        [
            quantity_event(DAY, "3", region="eu;1", zone="b"),
            quantity_event(DAY, "12", 1, region="Eu", zone="B"),
            quantity_event(DAY, "1", 2, region='\u00e9\\"/\t'),
        ],
    ),
    "prorated": going_on(
        Charge("per_unit", (Tier(None, "2.5"),), {"billing_increment": "5", "billing_increment_rounding": "half_up"}, aggregation="prorated_sum"),
        [UsageEvent(moment(9, 3), "5.5"), UsageEvent(moment(20, 22), "-2.25", corrected=True)],
        time_zone="America/Havana",
    ),
    "seats": going_on(
        Charge("graduated", TIERS, {"tiers_counted_on": "full_units"}, aggregation="prorated_sum", counted_attribute="counts_for"),
        [
            UsageEvent(moment(9, 3), "12.5"),
            UsageEvent(moment(20, 22), "-7.25", corrected=True),
            UsageEvent(moment(21, 22), "3", {"counts_for": "0.7000001"}),
        ],
        time_zone="America/Havana",
    ),
    "machines": going_on(
        Charge("graduated", TIERS, {"tiers_counted_on": "full_units", "negative_usage": "zero"}, aggregation="weighted_sum"),
        [UsageEvent(moment(9, 3, 7, 11, 123457), "12"), UsageEvent(moment(20, 22), "-2.25", corrected=True)],
        starts_on=date(2026, 1, 1),
    ),
    "seats_by_volume": going_on(
        Charge("volume", TIERS, {"tiers_counted_on": "full_units"}, aggregation="prorated_sum"), [UsageEvent(moment(16, 0), "30")]
    ),
    "taxed": going_on(Charge("per_unit", TIERS[-1:], taxes=("7.25", "1.0005")), used("33.3", "1")),
    "within": going_on(Charge("per_unit", TIERS[-1:], {"tax_behavior": "inclusive"}, taxes=("7.25", "1.0005")), used("33.3", "1")),
    "within-yen": going_on(Charge("per_unit", (Tier(None, "299"),), {"tax_behavior": "inclusive"}, taxes=("4",)), used("1"), currency="JPY"),
    "within-dinar": replace(
        going_on(Charge("per_unit", (Tier(None, "2.875"),), {"tax_behavior": "inclusive"}, taxes=("15", "7")), used("1.04"), currency="KWD"),
        inclusive_tax_rounding="tax",
    ),
    # The customer whose correction is landed later, so that a credit memo gives credits back.
    "credited": replace(
        going_on(Charge("per_unit", (Tier(None, "0.75"),), taxes=("7.25",)), used("1000.1")),
        grants=(
            CreditGrant("gift", "12.345", kind="promotional", expires_on=date(2026, 2, 1)),
            CreditGrant("Zulu", "500.005", priority="1"),
            CreditGrant("alpha", "1e2", credit_rate="1.5"),
            CreditGrant("late", "1", granted_on=date(2026, 2, 1)),
        ),
    ),
    # Runs while the last usage lands.
    "progressive": Scenario(
        (
            Subscription(
                (Charge("graduated", TIERS), flat("fee", Decimal("9.99")), flat("threshold", Decimal("1.005"), "threshold")),
                date(2026, 1, 7),
                anchor_on=date(2025, 12, 7),
                period_unit="year",
            ),
        ),
        used("250"),
        grants=(CreditGrant("shared", "10"),),
    ),
    "buying": Scenario(
        (Subscription((flat("pack", Decimal("17.969999999999999"), "prepaid", timing="advance", credit_validity_months="1"),), date(2026, 1, 31)),),
        currency="JPY",
    ),
}

# Spellings that engines read differently, unless they are told; what is no value on one must be none on the other.
AWKWARD_TIMES = (
    "2026-01-05T10:00:00.1234567899Z", "2026-01-05t10:00:00z", "2026-01-05 10:00:00+05:45", "2026-01-05T24:00:00Z", "2026-01-05T23:59:60Z",
    "2026-02-30T10:00:00Z", "2026-01-05T10:00:00+16:30", "2026-01-05T10:00:00-15:59", "2026-01-05T10:00:00", "today", "0000-01-05T10:00:00Z",
)  # fmt: skip
AWKWARD_QUANTITIES = (
    '"1_000"', '"0x1F"', '"NaN"', '"infinity"', '" 7"', '"1e3"', "1E2", "1e-7", "1.50", '".5"', '"5."', '"+5"', '"1e40"', "true", "[1]",
    '"\\u00a0"', '"\u0661"',
)  # fmt: skip
AWKWARD_DATES = ("2026-1-5", "2026/01/06", "20260107", " 2026-01-08 ", "2026-02-29", "infinity", "today", "2026-01-09 10:00:00", "Jan 10 2026", "")
AWKWARD_RATES = ("1.0000000000005", "1.0000000000015", " 2 ", "1,5", "1e-3", "0x1", "NaN", "9999999", "-0")
REFERENCE = {
    "exchange_rates": [
        "rate_date,from_currency,to_currency,rate",
        *(f"{day},EUR,A{number:02},1.5" for number, day in enumerate(AWKWARD_DATES)),
        *(f'2026-01-05,EUR,B{number:02},"{rate}"' for number, rate in enumerate(AWKWARD_RATES)),
    ],
    "plans": [
        "plan_id,name,description,anchor,period_unit,period_count",
        "anchored,Anchored,,subscription,month,1",
        "quarterly,Quarterly,,calendar,quarter,1",
        "fortnightly,Fortnightly,,subscription,week,2",
        "odd,Odd,,,,",
        "odd,\u00d6dd,,,,",
    ],
    "charges": [
        "charge_id,plan_id,kind,charge_model,meter,billing_timing,product,tax_code,description,applies_to",
        "anchored.fee,anchored,fee,flat,,advance,platform,standard,Fee,",
        "anchored.percent,anchored,discount,percent,,arrears,platform,standard,Off,",
        "anchored.more,anchored,discount,percent,,arrears,platform,standard,Off again,",
        "anchored.fixed,anchored,discount,fixed,,arrears,platform,standard,Off at last,",
        "anchored.least,anchored,commitment,flat,,arrears,platform,standard,Commitment,anchored.fee",
        "quarterly.fee,quarterly,fee,flat,,arrears,platform,standard,Fee,",
        "quarterly.fee.next,quarterly,fee,flat,,arrears,platform,standard,Fee,",
        "fortnightly.fee,fortnightly,fee,flat,,advance,platform,standard,Fee,",
        "odd.usage,odd,usage,per_unit,odd,arrears,platform,standard,Odd,",
        "odder.usage,odd,USAGE,Per_Unit,odder,\u00a0,platform,standard,Odder,",
    ],
    "prices": [
        "price_id,price_version,charge_id,currency,effective_from,effective_to,tier_up_to,unit_price,flat_fee",
        "anchored.fee,1,anchored.fee,USD,2026-01-01,,,,99.995",
        "anchored.percent,1,anchored.percent,USD,2026-01-01,,,,0",
        "anchored.more,1,anchored.more,USD,2026-01-01,,,,0",
        "anchored.fixed,1,anchored.fixed,USD,2026-01-01,,,,1.005",
        "anchored.least,1,anchored.least,USD,2026-01-01,,,,100",
        "quarterly.fee,1,quarterly.fee,USD,2026-01-01,,,,1000",
        "fortnightly.fee,1,fortnightly.fee,USD,2026-01-01,,,,0.1",
        "odd,1,bounded,USD,2026-01-01,,,1_000,",
        "odder,1,bounded,USD,2026-01-01,infinity,,1,",
    ],
    "key_aliases": [
        "kind,old_key,new_key,effective_from",
        "subscription,fortnightly,fortnightly-next,2026-01-07",
        "subscription,fortnightly-next,fortnightly-last,2026-01-08",
        " Charge ,quarterly.fee,quarterly.fee.next,2026-01-07",
        "dimension,grouped/usage/zone=,grouped/usage/zone=;region=\u00e9\\/\t,2026-02-20",
        "dimension,prorated/usage,prorated/usage/region=,2026-02-20",
        "customer,percentage,supplied,2026-01-20",
        "customer,supplied,daily,2026-02-10",
        "customer,bounded,graduated,2026-01-20",
        *(f"customer,odd,cycle-{number},{day}" for number, day in enumerate(AWKWARD_DATES)),
        *(f"customer,dated-{number},odd,{day}" for number, day in enumerate(AWKWARD_DATES)),
    ],
    "plan_patterns": [
        "plan_id,rated_by,effective_from",
        "graduated,billing_platform,2026-01-01",
        "volume, Billing_Platform ,2026/01/01",
        "latest,billing_platform,2026-1-1",
        "package,billing_platform,2025-12-31",
        "grouped,billing_platform,2026-01-01",
        "counted,warehouse,2026-01-01",
        "counted,billing_platform,2025-12-31",
        "converted,platform,2026-01-01",
        "daily,billing_platform,today",
    ],
    "meters": [
        "meter,unit,aggregation,description,reported_as,reported_scale",
        "odd,unit,m\u00e9diane,,,",
        "odder,unit,SUM,,,",
        "graduated/usage,unit,sum,,jobs,100",
        "package/usage,unit,sum,,,10000000",
        "volume/usage,unit,sum,,\u00a0,1_000",
    ],
    "price_terms": [
        "price_id,price_version,term,value",
        "anchored.fee,1,proration,seconds",
        "anchored.percent,1,discount_percent,12.5",
        "anchored.more,1,discount_percent,3.3333",
        "anchored.least,1,commitment_rounding,once",
        "quarterly.fee,1,proration,fixed_month",
        "quarterly.fee,1,days_in_month,30",
        *(f"{plan}.api_calls.{currency},1,tax_behavior,Inclusive" for plan in ("growth", "scale", "developer") for currency in ("USD", "EUR", "JPY")),
    ],
    "subscriptions": [
        "subscription_id,version,customer_id,plan_id,starts_on,ends_on,anchor_on,trial_ends_on,starts_at,ends_at",
        "anchored,1,level,anchored,2026-01-12,2026-03-14,2025-12-31,2026-01-15,2026-01-12T10:00:00.5Z,",
        "quarterly,1,level,quarterly,2026-01-31,,,,,",
        "fortnightly,1,bounded,fortnightly,2026-01-06,,,,,",
        "fortnightly-last,1,bounded,fortnightly,2026-01-06,,,,,",
        "fortnightly-next,1,bounded,fortnightly,2026-01-06,,,,,",
        "odd,1,bounded,odd,today,,,,,",
        "odder,1,bounded,odd,2026-01-06,infinity,,,,",
    ],
    "accounts": [
        "entity_id,account_code,name,account_type,is_receivable,is_active,currency,required_dimensions",
        *(f"northlight_{entity},4900,Credits,liability,false,,," for entity in ("us", "eu")),
        "northlight_us,4130,Usage by cost center,revenue,false, Yes ,,cost_center;region",
        "northlight_us,4140,Retired,revenue,false,NO,jpy,",
        "northlight_us,4150,Odd,revenue,false,1,,Region",
    ],
    "account_mappings": [
        "mapping_id,entity_id,role,product,account_code,effective_from,mapping_version,event,country,dimensions,effective_to",
        "credits-given,*,promotional_credit,*,4900,2026-01-01,,,,,",
        "cash,northlight_us,cash,*,2500,2026-01-01,2,payment_received, us ,,",
        "usage,northlight_us,usage_revenue,*,4130,2026-01-01,1,invoice_issued,US,region=\u00e9 west ; cost_center=1_0,2026-12-31",
        *(f'date-{number},northlight_us,bad_debt,"p{number}",4000,{day},,,,a=1;a=1,{day}' for number, day in enumerate(AWKWARD_DATES)),
    ],
    "credit_grants": [
        "grant_id,customer_id,currency,amount,kind,granted_on,expires_on,priority,credit_rate",
        *(f'amount-{number},odd,EUR,"{rate}",paid,2026-01-01,,,' for number, rate in enumerate(AWKWARD_RATES)),
        *(f"date-{number},odd,EUR,1,paid,2026-01-01,{day},," for number, day in enumerate(AWKWARD_DATES)),
        "priority,odd,EUR,1,paid,2026-01-01,,1_0,",
        *(f"gone-{number},C{number:04},USD,10.01,paid,2026-01-01,2026-01-15,," for number in range(1, 26)),
        # So that what the sample company issues and takes back draws from grants, whichever line is the largest.
        *(
            f"{kind}-{currency}-{number},C{number:04},{currency},{amount},{kind},2026-01-01,,{number % 3},"
            for number in range(1, 26)
            for currency in ("USD", "EUR", "JPY")
            for kind, amount in (("paid", "1000000"), ("promotional", "1.005"))
        ),
        "kind,odd,EUR,1, Paid ,2026-01-01,,,",
    ],
    "customers": [
        "customer_id,name,email,country,entity_id,currency,time_zone,tax_id,payment_term_days,parent_customer_id",
        'odd,\u00a0 \u00c9\u00e9 ""quoted"" \u2003,\u3000,us,cases,\u00e9ur, ,\u200b,1e1,',
        'odder,"a \\ / \t b",,US,cases,usd,Asia/Kathmandu,,0x10,odd',
        "package,Child,,US,cases,USD,UTC,,30,converted",
        "counted,Child of a child,,US,cases,USD,UTC,,30,package",
        "bounded,Child of another currency,,US,cases,KWD,UTC,,30, graduated ",
    ],
    "tax_rates": [
        "entity_id,country,tax_code,tax_component,rate,effective_from,effective_to",
        *(f"cases,U{number:02},a,,0.1,{day}," for number, day in enumerate(AWKWARD_DATES)),
        *(f'cases,V{number:02},a,,"{rate}",2026-01-05,' for number, rate in enumerate(AWKWARD_RATES)),
    ],
    "books": [
        "entity_id,book,fee_recognition",
        "northlight_us,tax, On_Invoice ",
        "northlight_eu,tax\u2003,on_invoice",
        "northlight_eu,management,ratable",
        "northlight_us, primary,on_invoice",
        "nobody,,later",
    ],
    "payments": [
        "payment_id,entity_id,invoice,currency,amount,paid_on,status,method",
        *(f'amount-{number},northlight_us,INV-NORTHLIGHT_US-000001,USD,"{rate}",2026-01-05,,' for number, rate in enumerate(AWKWARD_RATES)),
        *(f"date-{number},northlight_us,INV-NORTHLIGHT_US-000002,USD,1.05,{day},," for number, day in enumerate(AWKWARD_DATES)),
        *(f"paid-{currency},northlight_us,INV-NORTHLIGHT_US-000003,{currency},1,2026-02-03, Paid ,wire" for currency in ("usd", "EUR", "JPY", "KWD")),
        *(f"{status},northlight_eu,INV-NORTHLIGHT_EU-000001,EUR,1.5,2026-02-04,{status}," for status in ("failed", "REFUNDED", "withdrawn", "lost")),
        "lost,northlight_eu,INV-NORTHLIGHT_EU-999999,EUR,1.5,2026-02-04,,",
    ],
    "tax_exemptions": [
        "exemption_id,customer_id,entity_id,country,tax_code,reason,certificate,effective_from,effective_to",
        "E1,taxed,cases,,,charity,A-1,2026-01-05,",
        "E2,taxed,,US,,charity,A-2,2026/01/06,",
        *(f"E{number + 3},C0003,,,,embassy,B-{number},{day},2026-02-01" for number, day in enumerate(AWKWARD_DATES)),
    ],
    "tax_registrations": [
        "registration_id,customer_id,tax_id,effective_from,effective_to",
        *(
            f"{customer:04}-{number},C{customer:04},{tax_id},2026-01-01,"
            for customer in range(1, 26)
            for number, tax_id in enumerate(("FR83404833048", "de 136695976", "NL004495445B01", "GB980780684"))
        ),
    ],
}


def awkward_lines() -> Iterator[str]:
    event = {"specversion": "1.0", "source": "awkward", "type": "com.example.usage.recorded.v1", "subject": "graduated"}
    spellings = [(time, '"1"') for time in AWKWARD_TIMES] + [("2026-01-05T10:00:00Z", quantity) for quantity in AWKWARD_QUANTITIES]
    for number, (time, quantity) in enumerate(spellings):
        yield json.dumps({**event, "id": str(number), "time": time, "data": "?"}).replace('"?"', f'{{"meter": "graduated", "quantity": {quantity}}}')
    for number, data in enumerate(('"text"', "[]", "{}", "null", '{"meter": "graduated"}', '{"quantity": {"meter": "1"}}')):
        yield json.dumps({**event, "id": f"d{number}", "time": "2026-01-05T10:00:00Z", "data": "?"}).replace('"?"', data)


def write_deliveries(settings: Settings) -> None:
    """The sample company's deliveries, and these beside them."""
    generate(settings.home, events=1_500, seed=5, customer_count=25)
    deliver(settings.inbox, SCENARIOS)
    for source, lines in {**REFERENCE, "usage": list(awkward_lines())}.items():
        path = settings.inbox / source / "2026-01-06" / f"awkward.{'jsonl' if source == 'usage' else 'csv'}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n")
