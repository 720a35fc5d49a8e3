"""Two months of two customers, with a ledger that was worked out by hand: the re-performer has to come to it from the files alone."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from reverse_etl.reperformance import ClosedPeriod, Facts, HeldLine, LandedFile, LedgerLine, SealedHeader

ENTITY, DOLLARS, EUROS = "acme_eu", "C1", "C2"
REFERENCE: Mapping[str, str] = {
    "legal_entities": "entity_id,name,country,functional_currency,cutover_on\nacme_eu,Acme,DE,EUR,2026-01-01",
    "customers": "customer_id,name,country,entity_id,currency,time_zone\nC1,One,CH,acme_eu,USD,Europe/Berlin\nC2,Two,DE,acme_eu,EUR,UTC",
    "meters": "meter,unit,aggregation\ncalls,call,sum",
    "plans": "plan_id,name\npro,Pro\nbasic,Basic",
    "charges": (
        "charge_id,plan_id,kind,charge_model,meter,billing_timing,product,tax_code\n"
        "pro.calls,pro,usage,graduated,calls,arrears,api,standard\n"
        "pro.fee,pro,fee,flat,,advance,platform,standard\n"
        "basic.calls,basic,usage,per_unit,calls,arrears,api,standard"
    ),
    "prices": (
        "price_id,price_version,charge_id,currency,effective_from,tier_up_to,unit_price,flat_fee\n"
        "p1,1,pro.calls,USD,2026-01-01,100,0.10,\n"
        "p1,1,pro.calls,USD,2026-01-01,,0.05,\n"
        "p2,1,pro.fee,USD,2026-01-01,,,30.00\n"
        "p3,1,basic.calls,EUR,2026-01-01,,0.10,"
    ),
    "subscriptions": "subscription_id,version,customer_id,plan_id,starts_on\nS1,1,C1,pro,2026-01-01\nS2,1,C2,basic,2026-01-01",
    "tax_rates": "entity_id,country,tax_code,rate,effective_from\nacme_eu,CH,standard,0.19,2026-01-01\nacme_eu,DE,standard,0.19,2026-01-01",
    "exchange_rates": "rate_date,from_currency,to_currency,rate\n2026-01-30,USD,EUR,0.9033\n2026-02-27,USD,EUR,0.92",
    "account_mappings": (
        "mapping_id,entity_id,role,product,account_code,effective_from\n"
        "m1,*,receivable,*,1200,2026-01-01\nm2,*,tax_payable,*,2100,2026-01-01\nm3,*,deferred_revenue,*,2400,2026-01-01\n"
        "m4,*,subscription_revenue,*,4000,2026-01-01\nm5,*,usage_revenue,*,4999,2026-01-01\nm6,acme_eu,usage_revenue,api,4100,2026-01-01\n"
        "m7,*,currency_rounding,*,7900,2026-01-01"
    ),
}
# January: 120.5 calls are 11.025 dollars; the first event comes twice, and the last is of February in Berlin.
# February: ten calls more for January, and twenty less of the other customer.
EVENTS: Mapping[str, Sequence[tuple[str, str, str, str]]] = {
    "2026-02-01": [
        ("a", DOLLARS, "2026-01-10T12:00:00Z", "60"),
        ("a", DOLLARS, "2026-01-10T12:00:00Z", "60"),
        ("b", DOLLARS, "2026-01-20T12:00:00Z", "60.5"),
        ("c", DOLLARS, "2026-01-31T23:30:00Z", "20"),
        ("d", EUROS, "2026-01-31T23:30:00Z", "50"),
    ],
    "2026-02-05": [("e", DOLLARS, "2026-01-21T12:00:00Z", "10"), ("f", EUROS, "2026-01-21T12:00:00Z", "-20")],
}
ISSUED, CREDITED, RECOGNISED = "invoice_issued", "credit_memo_issued", "revenue_recognised"
JANUARY, FEBRUARY = "2026-01", "2026-02"
CALLS = "S1/pro.calls/2026-01-01"
# Period, account, currency, event, customer, line, minor units, minor units of the euro.
LEDGER: Sequence[tuple[str, str, str, str, str, str | None, int, int]] = [
    (JANUARY, "1200", "USD", ISSUED, DOLLARS, None, 8453, 7636),
    (JANUARY, "4100", "USD", ISSUED, DOLLARS, CALLS, -1103, -996),
    (JANUARY, "2400", "USD", ISSUED, DOLLARS, "S1/pro.fee/2026-01-01", -3000, -2710),
    (JANUARY, "2400", "USD", ISSUED, DOLLARS, "S1/pro.fee/2026-02-01", -3000, -2710),
    (JANUARY, "2100", "USD", ISSUED, DOLLARS, None, -1350, -1219),
    (JANUARY, "7900", "USD", ISSUED, DOLLARS, None, 0, -1),
    (JANUARY, "2400", "USD", RECOGNISED, DOLLARS, "S1/pro.fee/2026-01-01", 3000, 2710),
    (JANUARY, "4000", "USD", RECOGNISED, DOLLARS, "S1/pro.fee/2026-01-01", -3000, -2710),
    (JANUARY, "1200", "EUR", ISSUED, EUROS, None, 595, 595),
    (JANUARY, "4100", "EUR", ISSUED, EUROS, "S2/basic.calls/2026-01-01", -500, -500),
    (JANUARY, "2100", "EUR", ISSUED, EUROS, None, -95, -95),
    (FEBRUARY, "1200", "USD", ISSUED, DOLLARS, None, 3868, 3559),
    (FEBRUARY, "4100", "USD", ISSUED, DOLLARS, CALLS, -50, -46),
    (FEBRUARY, "4100", "USD", ISSUED, DOLLARS, "S1/pro.calls/2026-02-01", -200, -184),
    (FEBRUARY, "2400", "USD", ISSUED, DOLLARS, "S1/pro.fee/2026-03-01", -3000, -2760),
    (FEBRUARY, "2100", "USD", ISSUED, DOLLARS, None, -618, -569),
    (FEBRUARY, "2400", "USD", RECOGNISED, DOLLARS, "S1/pro.fee/2026-02-01", 3000, 2710),
    (FEBRUARY, "4000", "USD", RECOGNISED, DOLLARS, "S1/pro.fee/2026-02-01", -3000, -2710),
    (FEBRUARY, "1200", "EUR", CREDITED, EUROS, None, -238, -238),
    (FEBRUARY, "4100", "EUR", CREDITED, EUROS, "S2/basic.calls/2026-01-01", 200, 200),
    (FEBRUARY, "2100", "EUR", CREDITED, EUROS, None, 38, 38),
]


@dataclass
class Company:
    inbox: Path
    files: list[LandedFile] = field(default_factory=list)
    ledger: list[LedgerLine] = field(default_factory=lambda: [LedgerLine(ENTITY, *line) for line in LEDGER])
    held: list[HeldLine] = field(default_factory=list)

    @classmethod
    def deliver(cls, inbox: Path, reference: Mapping[str, str] = REFERENCE) -> Company:
        company = cls(inbox)
        for source, text in reference.items():
            company._land(source, "2026-02-01", f"{source}.csv", text)
        for day, events in EVENTS.items():
            company.use(day, events)
        return company

    def use(self, day: str, events: Sequence[tuple[str, str, str, str]], name: str = "gateway") -> None:
        lines = [
            {
                "specversion": "1.0",
                "id": identity,
                "source": "gateway",
                "subject": customer,
                "time": time,
                "type": f"com.example.usage.{'corrected' if quantity.startswith('-') else 'recorded'}.v1",
                "data": {"meter": "calls", "quantity": quantity},
            }
            for identity, customer, time, quantity in events
        ]
        self._land("usage", day, f"{name}.jsonl", "\n".join(json.dumps(line) for line in lines))

    def facts(self, *unsealed: str) -> Facts:
        """What the register and the ledger say; ``unsealed``: documents that were never issued."""
        usage = [file.position for file in self.files if file.source == "usage"]
        january = max(file.position for file in self.files if file.landed_on <= date(2026, 2, 1))
        headers = [
            self._header(10, "invoice/C1/1", DOLLARS, "USD", JANUARY, january),
            self._header(11, "invoice/C2/1", EUROS, "EUR", JANUARY, january),
            self._header(20, "memo/C2/1", EUROS, "EUR", FEBRUARY, max(usage), corrects="invoice/C2/1"),
            self._header(21, "invoice/C1/2", DOLLARS, "USD", FEBRUARY, max(usage)),
        ]
        closed = [ClosedPeriod(15, ENTITY, JANUARY, january), ClosedPeriod(25, ENTITY, FEBRUARY, max(usage))]
        return Facts(self.files, [header for header in headers if header.business_key not in unsealed], closed, self.held, self.ledger)

    def _header(self, position: int, key: str, customer: str, currency: str, period: str, landed: int, corrects: str | None = None) -> SealedHeader:
        kind, cause = ("credit_memo", "correction") if corrects else ("invoice", "usage_and_fees")
        last_day = date(2026, 1, 31) if period == JANUARY else date(2026, 2, 28)
        return SealedHeader(position, key, ENTITY, kind, customer, currency, period, last_day, cause, f"run {period}", corrects, landed)

    def _land(self, source: str, day: str, name: str, text: str) -> None:
        path = self.inbox / source / day / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        file = LandedFile(len(self.files) + 1, source, path.relative_to(self.inbox).as_posix(), date.fromisoformat(day), content)
        self.files.append(file)


def with_rows(source: str, **changes: str) -> Mapping[str, str]:
    """The reference data with a column of every row of a source set."""
    rows = list(csv.DictReader(REFERENCE[source].splitlines()))
    columns = [*rows[0], *(column for column in changes if column not in rows[0])]
    lines = [",".join({**row, **changes}[column] for column in columns) for row in rows]
    return {**REFERENCE, source: "\n".join([",".join(columns), *lines])}
