"""Customers who are each taxed or billed in their own way: prices that include tax, exemptions, VAT ids, rates that are refused, parents."""

from __future__ import annotations

from dataclasses import dataclass

ENTITIES = ("de", "us", "odd")
ROLES = ("receivable", "tax_payable", "deferred_revenue", "subscription_revenue", "usage_revenue", "currency_rounding")
FRENCH, GERMAN, GREEK = "FR83404833048", "DE136695976", "EL094014201"


@dataclass(frozen=True)
class Customer:
    """One subscription of a plan: its calls in January, then ``late`` ones that land with February's deliveries, as may another parent."""

    country: str = "DE"
    plan: str = "added"
    calls: int = 100
    late: int = 0
    entity: str = "de"
    currency: str = "EUR"
    parent: str = ""
    next_parent: str | None = None

    def row(self, name: str, parent: str) -> str:
        return f"{name},{name},,{self.country},{self.entity},{self.currency},UTC,{parent}"


CUSTOMERS = {
    "WITHIN": Customer(plan="within", late=50),
    "WITHIN-LESS": Customer(plan="within", late=-50),
    "WITHIN-NONE": Customer(plan="within", late=-100),
    "YEN": Customer("JP", "within", entity="us", currency="JPY"),
    "DINAR": Customer("KW", "within", entity="us", currency="KWD"),
    "EXEMPT": Customer(),
    "EXEMPT-WITHIN": Customer(plan="within"),
    "EXEMPT-ABROAD": Customer("FR"),
    "EXPIRED": Customer(late=10),
    "OTHER-CODE": Customer(),
    "UNCERTIFIED": Customer(),
    "FRENCH": Customer("FR", late=-40),
    "GREEK": Customer("GR"),
    "FRENCH-IN-FEBRUARY": Customer("FR", late=-40),
    "FRENCH-MORE": Customer("FR", late=40),
    "FRENCH-BAD": Customer("FR"),
    "DOMESTIC": Customer("DE"),
    "ELSEWHERE": Customer("NL"),
    "BRITISH": Customer("GB"),
    "FROM-OUTSIDE": Customer("FR", entity="us", currency="USD"),
    "ABOVE-ONE": Customer("AT"),
    "NO-NUMBER": Customer("IT"),
    "NEGATIVE": Customer("ES"),
    "NO-DATE": Customer("PL"),
    "REDELIVERED": Customer("DK"),
    "OLD-RATE": Customer("SE"),
    "ONE-OF-TWO": Customer("PT"),
    "NO-POLICY": Customer(entity="odd"),
    "NO-WORD": Customer(plan="undecided"),
    "THEN-WITHIN": Customer(plan="then-within"),
    "THEN-ADDED": Customer(plan="then-added"),
    "PARENT": Customer(),
    "CHILD": Customer("FR", parent="PARENT"),
    "CHILD-WITHIN": Customer(plan="within", parent="PARENT"),
    "LEAVING": Customer(parent="PARENT", next_parent="", late=-10),
    "LEAVING-MORE": Customer(parent="PARENT", next_parent="", late=20),
    "JOINING": Customer(next_parent="PARENT", late=30),
    "JOINING-LESS": Customer(next_parent="PARENT", late=-30),
    "TWO-COUNTRIES": Customer("BE", calls=10),
    "TWO-COUNTRIES-CHILD": Customer("LU", calls=10, parent="TWO-COUNTRIES"),
    "WAITING-PARENT": Customer(),
    "WAITING-CHILD": Customer(parent="WAITING-PARENT"),
    "HELD-CHILD": Customer("AT", parent="WAITING-PARENT"),
    "ORPHAN": Customer(parent="NOBODY"),
    "GRANDCHILD": Customer(parent="CHILD"),
    "CYCLE-ONE": Customer(parent="CYCLE-TWO"),
    "CYCLE-TWO": Customer(parent="CYCLE-ONE"),
    "OWN-PARENT": Customer(parent="OWN-PARENT"),
    "OTHER-ENTITY": Customer("FR", entity="us", currency="USD", parent="PARENT"),
    "OTHER-CURRENCY": Customer(currency="USD", parent="PARENT"),
}

PLANS = ("added", "within", "undecided", "then-within", "then-added")
PRICES = {"EUR": "0.119", "JPY": "11.9", "KWD": "0.119", "USD": "0.119"}
FILES = {
    "legal_entities": [
        "entity_id,name,country,functional_currency,cutover_on,tax_rounding,inclusive_tax_rounding",
        "de,Seller,DE,EUR,2026-01-01,group,",
        "us,Outside,US,USD,2026-01-01,,net",
        "odd,Odd,DE,EUR,2026-01-01,guess,net",
    ],
    "customers": [
        "customer_id,name,email,country,entity_id,currency,time_zone,parent_customer_id",
        *(one.row(name, one.parent) for name, one in CUSTOMERS.items()),
    ],
    "meters": ["meter,unit,aggregation,description", "calls,call,sum,Calls"],
    "plans": ["plan_id,name,description", *(f"{plan},{plan}," for plan in PLANS)],
    "charges": [
        "charge_id,plan_id,kind,charge_model,meter,billing_timing,product,tax_code,description",
        *(f"{plan},{plan},usage,per_unit,calls,arrears,api,standard,Calls" for plan in PLANS),
    ],
    "prices": [
        "price_id,price_version,charge_id,currency,effective_from,effective_to,tier_up_to,unit_price,flat_fee",
        "added,1,added,EUR,2026-01-01,,,0.1,",
        "added-usd,1,added,USD,2026-01-01,,,0.1,",
        *(f"{plan},1,{plan},EUR,2026-01-01,,,0.119," for plan in PLANS[2:]),
        *(f"within-{currency},1,within,{currency},2026-01-01,,,{price}," for currency, price in PRICES.items()),
    ],
    "price_terms": [
        "price_id,price_version,term,value",
        "undecided,1,tax_behavior,sometimes",
        "then-added,1,tax_behavior,inclusive",
        *(f"within-{currency},1,tax_behavior,inclusive" for currency in PRICES),
    ],
    "subscriptions": [
        "subscription_id,version,customer_id,plan_id,starts_on,ends_on",
        *(f"{name},1,{name},{one.plan},2026-01-01," for name, one in CUSTOMERS.items()),
    ],
    "tax_rates": [
        "entity_id,country,tax_code,rate,effective_from,effective_to,tax_component",
        "de,DE,standard,0.19,2020-01-01,2026-02-01,",
        "de,DE,standard,0.2,2026-02-01,,",
        "odd,DE,standard,0.19,2020-01-01,,",
        "de,FR,standard,0.2,2020-01-01,,",
        "de,NL,standard,0.21,2020-01-01,,",
        "de,GB,standard,0.2,2020-01-01,,",
        "de,BE,standard,0.205,2020-01-01,,",
        "de,LU,standard,0.205,2020-01-01,,",
        "us,JP,standard,0.1,2020-01-01,,",
        "us,KW,standard,0.05,2020-01-01,,",
        "us,FR,standard,0.2,2020-01-01,,",
        "de,AT,standard,1.2,2020-01-01,,",
        "de,IT,standard,22%,2020-01-01,,",
        "de,ES,standard,-0.21,2020-01-01,,",
        "de,PL,standard,0.23,2026-13-01,,",
        "de,DK,standard,0.25,2026-13-01,,",
        "de,SE,standard,0.24,2020-01-01,,",
        "de,SE,standard,2.5,2026-01-01,,",
        "de,PT,standard,0.01,2020-01-01,,city",
        "de,PT,standard,none,2020-01-01,,state",
    ],
    "tax_exemptions": [
        "exemption_id,customer_id,entity_id,country,tax_code,reason,certificate,effective_from,effective_to",
        "E1,EXEMPT,de,DE,,charity,DE-2026-17,2026-01-01,2027-01-01",
        "E2,EXEMPT-WITHIN,,,standard,embassy,EMB-3,2026-01-01,",
        "E3,EXPIRED,,,,charity,DE-2025-4,2025-01-01,2026-01-31",
        "E4,OTHER-CODE,,,reduced,charity,DE-2026-5,2026-01-01,",
        "E6,EXEMPT-ABROAD,,,,embassy,EMB-4,2026-01-01,",
        "E5,UNCERTIFIED,,,,charity,,2026-01-01,",
    ],
    "tax_registrations": [
        "registration_id,customer_id,tax_id,effective_from,effective_to",
        "R1,FRENCH,FR 83 404 833 048,2026-01-01,2026-02-01",
        "R2,GREEK,gr094014201,2026-01-01,",
        "R3,FRENCH-BAD,FR83404833049,2026-01-01,",
        f"R4,DOMESTIC,{GERMAN},2026-01-01,",
        f"R5,ELSEWHERE,{FRENCH},2026-01-01,",
        f"R10,EXEMPT-ABROAD,{FRENCH},2026-01-01,",
        f"R0,CHILD,{FRENCH},2026-01-01,",
        "R6,BRITISH,GB980780684,2026-01-01,",
        f"R7,FROM-OUTSIDE,{FRENCH},2026-01-01,",
    ],
    "exchange_rates": [
        "rate_date,from_currency,to_currency,rate",
        *(f"{day},{currency},USD,{rate}" for day in ("2026-01-30", "2026-02-27") for currency, rate in (("JPY", "0.0067"), ("KWD", "3.2517"))),
    ],
    "accounts": [
        "entity_id,account_code,name,account_type,is_receivable",
        *(f"{entity},{role},{role},asset,{str(role == 'receivable').lower()}" for entity in ENTITIES for role in ROLES),
    ],
    "account_mappings": [
        "mapping_id,entity_id,role,product,account_code,effective_from",
        *(f"{entity}-{role},{entity},{role},*,{role},2026-01-01" for entity in ENTITIES for role in ROLES),
    ],
}
FILES_OF_THE_NEXT_DAY = {"tax_rates": [FILES["tax_rates"][0], "de,DK,standard,0.25,2020-01-01,,"]}
FILES_OF_FEBRUARY = {
    "price_terms": [FILES["price_terms"][0], "then-within,1,tax_behavior,inclusive", "then-added,1,tax_behavior,exclusive"],
    "customers": [FILES["customers"][0], *(one.row(name, one.next_parent) for name, one in CUSTOMERS.items() if one.next_parent is not None)],
    "tax_registrations": [
        FILES["tax_registrations"][0],
        f"R8,FRENCH-IN-FEBRUARY,{FRENCH},2026-01-01,",
        f"R9,FRENCH-MORE,{FRENCH},2026-01-01,",
    ],
}
