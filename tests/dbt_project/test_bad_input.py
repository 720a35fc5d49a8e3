"""Whatever is wrong in the input becomes a hold or a quarantined event with its reason, and the rest goes on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from dbt_commands import Dbt

from dagster_project.cli.installing.installation import initialize
from dagster_project.close import Installation
from reverse_etl.landing import land
from reverse_etl.settings import Settings

ARRIVAL = date(2026, 2, 1)
ROLES = ("receivable", "tax_payable", "deferred_revenue", "subscription_revenue", "usage_revenue", "currency_rounding")

# Customer -> what is wrong with it; each has one event of 10 calls on 15 January.
CUSTOMERS = {
    "GOOD": "GOOD,Good,a@b.example,US,acme,USD,UTC,,30",
    "NOENTITY": "NOENTITY,No entity,a@b.example,US,,USD,UTC,,30",
    "BADCURRENCY": "BADCURRENCY,Bad currency,a@b.example,US,acme,ZZZ,UTC,,30",
    "NOPRICE": "NOPRICE,No price,a@b.example,US,acme,GBP,UTC,,30",
    "NOTAX": "NOTAX,No tax,a@b.example,BR,acme,USD,UTC,,30",
    "NORATE": "NORATE,No rate,a@b.example,US,acme,EUR,UTC,,30",
    "NOMAPPING": "NOMAPPING,No mapping,a@b.example,DE,bare,USD,UTC,,30",
    "NEGATIVE": "NEGATIVE,Negative,a@b.example,US,acme,USD,UTC,,30",
    "NOCREDITACCOUNT": "NOCREDITACCOUNT,No account for credits,a@b.example,US,acme,USD,UTC,,30",
    "REFUSEDGRANT": "REFUSEDGRANT,Refused grant,a@b.example,US,acme,USD,UTC,,30",
    "NOSUBSCRIPTION": "NOSUBSCRIPTION,No subscription,a@b.example,US,acme,USD,UTC,,30",
}
EXPECTED_HOLDS = {
    "NOENTITY": "missing_legal_entity",
    "BADCURRENCY": "unknown_currency",
    "NOPRICE": "missing_price",
    "NOTAX": "missing_tax_rate",
    "NORATE": "missing_exchange_rate",
    "NOMAPPING": "missing_account_mapping",
    "NEGATIVE": "negative_net_usage",
    "NOCREDITACCOUNT": "missing_account_mapping",
    "REFUSEDGRANT": "refused_credit_grant",
    "NOSUBSCRIPTION": "no_subscription",
}
REFUSED_GRANTS = {
    "ZZZ,10,paid,2026-01-01,,,": "unknown_currency",
    "USD,10,gift,2026-01-01,,,": "unknown_word",
    "USD,10,paid,soon,,,": "not_a_date",
    "USD,10,paid,2026-01-01,later,,": "not_a_date",
    "USD,10,paid,2026-01-01,2026-01-01,,": "ends_before_it_starts",
    "USD,ten,paid,2026-01-01,,,": "not_a_number",
    "USD,10,paid,2026-01-01,,first,": "not_a_number",
    "USD,-10,paid,2026-01-01,,,": "not_positive",
    "USD,10,paid,2026-01-01,,,0": "not_positive",
    "USD,9999999999999,paid,2026-01-01,,,1000": "amount_out_of_range",
}
REFUSED_PAYMENTS = {
    "nowhere,INV-1,USD,10,2026-01-20,": "unknown_entity",
    "acme,,USD,10,2026-01-20,": "missing_invoice",
    "acme,INV-1,ZZZ,10,2026-01-20,": "unknown_currency",
    "acme,INV-1,USD,10,2026-01-20,bounced": "unknown_word",
    "acme,INV-1,USD,10,yesterday,": "not_a_date",
    "acme,INV-1,USD,ten,2026-01-20,": "not_a_number",
    "acme,INV-1,USD,-10,2026-01-20,": "not_positive",
    "acme,INV-1,USD,9999999999999,2026-01-20,": "amount_out_of_range",
    "acme,INV-1,USD,10.005,2026-01-20,": "fraction_of_minor_unit",
    "acme,INV-1,JPY,10.5,2026-01-20,": "fraction_of_minor_unit",
}
FILES: Mapping[str, list[str]] = {
    "legal_entities": [
        "entity_id,name,country,functional_currency,cutover_on",
        "acme,Acme,US,USD,2026-01-01",
        "bare,Bare,DE,USD,2026-01-01",
    ],
    "customers": ["customer_id,name,email,country,entity_id,currency,time_zone,tax_id,payment_term_days", *CUSTOMERS.values()],
    "meters": ["meter,unit,aggregation,description", "calls,call,sum,Calls"],
    "plans": ["plan_id,name,description", "P,Plan,Plan"],
    "charges": [
        "charge_id,plan_id,kind,charge_model,meter,billing_timing,product,tax_code,description",
        "P.calls,P,usage,per_unit,calls,arrears,api,standard,Calls",
    ],
    "prices": [
        "price_id,price_version,charge_id,currency,effective_from,effective_to,tier_up_to,unit_price,flat_fee",
        "P.USD,1,P.calls,USD,2026-01-01,,,0.155,",
        "P.EUR,1,P.calls,EUR,2026-01-01,,,0.155,",
        "P.GBP,1,P.calls,GBP,2026-01-01,,,not a number,",
        "P.ZZZ,1,P.calls,ZZZ,2026-01-01,,,0.155,",
    ],
    "subscriptions": [
        "subscription_id,version,customer_id,plan_id,starts_on,ends_on",
        *(f"S-{name},1,{name},P,2026-01-01," for name in CUSTOMERS if name != "NOSUBSCRIPTION"),
    ],
    # Only the last of them may be drawn, and there is no account to draw it from.
    "credit_grants": [
        "grant_id,customer_id,currency,amount,kind,granted_on,expires_on,priority,credit_rate",
        *(f"G-{number},REFUSEDGRANT,{terms}" for number, terms in enumerate(REFUSED_GRANTS)),
        "G-PAID,NOCREDITACCOUNT,USD,100,paid,2026-01-01,,,",
    ],
    "payments": [
        "payment_id,entity_id,invoice,currency,amount,paid_on,status",
        *(f"P-{number},{terms}" for number, terms in enumerate(REFUSED_PAYMENTS)),
        "P-LOST,acme,INV-1,JPY,10,2026-01-20, Paid ",
        "P-FAILED,acme,INV-1,USD,10.5,2026-01-20,failed",
    ],
    "tax_rates": [
        "entity_id,country,tax_code,rate,effective_from,effective_to",
        "acme,US,standard,0.1,2026-01-01,",
        "bare,DE,standard,0.1,2026-01-01,",
    ],
    # Older than the seven days that a rate may be old.
    "exchange_rates": ["rate_date,from_currency,to_currency,rate", "2026-01-10,EUR,USD,1.08"],
    "accounts": [
        "entity_id,account_code,name,account_type,is_receivable",
        *(f"acme,{1000 + number},{role},asset,{'true' if role == 'receivable' else 'false'}" for number, role in enumerate(ROLES)),
    ],
    "account_mappings": [
        "mapping_id,entity_id,role,product,account_code,effective_from",
        *(f"M{number},acme,{role},*,{1000 + number},2026-01-01" for number, role in enumerate(ROLES)),
    ],
}
# What a former version of the models built: a table where a view is now, and a view where a table is.
FORMER_KINDS = ("create table usage.usage_events as select 1 as former", "create view invoicing.line_deltas as select 1 as former")


@dataclass(frozen=True)
class Built:
    installation: Installation

    def rows(self, statement: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.installation.warehouse.read(statement).to_pylist()
        return rows


def event(customer: str, quantity: str, kind: str = "recorded") -> str:
    return json.dumps(
        {
            "specversion": "1.0",
            "id": f"{customer}-{kind}",
            "source": "test",
            "type": f"com.example.usage.{kind}.v1",
            "subject": customer,
            "time": "2026-01-15T12:00:00Z",
            "data": {"meter": "calls", "quantity": quantity},
        }
    )


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, dbt: Dbt) -> Built:
    settings = Settings(home=Path(tmp_path_factory.mktemp("acme")), entities=("acme", "bare"))
    initialize(settings)
    for source, lines in FILES.items():
        folder = settings.inbox / source / ARRIVAL.isoformat()
        folder.mkdir(parents=True)
        (folder / f"{source}.csv").write_text("\n".join(lines) + "\n")
    events = [event(name, "10") for name in CUSTOMERS] + [event("NEGATIVE", "-11", "corrected")]
    folder = settings.inbox / "usage" / ARRIVAL.isoformat()
    folder.mkdir(parents=True)
    (folder / "events.jsonl").write_text("\n".join(events) + "\n")
    installation = Installation(settings)
    report = land(installation.warehouse, settings)
    assert not report.problems
    installation.warehouse.execute(["create schema usage", "create schema invoicing", *FORMER_KINDS])
    done = dbt(settings, "build", "--exclude-resource-type", "unit_test")
    assert done.succeeded, done.told
    return Built(installation)


def test_each_fault_holds_its_own_line_with_its_own_reason(built: Built) -> None:
    held = built.rows("select customer_id, hold_reason, meaning, what_to_do from invoicing.held_lines where blocks_document")
    assert {row["customer_id"]: row["hold_reason"] for row in held} == EXPECTED_HOLDS
    assert all(row["meaning"] and row["what_to_do"] for row in held)


def test_the_rest_is_proposed_and_a_held_document_never_is(built: Built) -> None:
    invoices = built.rows("select natural_id, total_minor, register_head from outbox.outbox_invoices")
    # 10 calls at 0.155 are 1.55, and 10 percent of tax on 155 cents is 15.5 cents, rounded away from zero.
    assert invoices == [{"natural_id": "GOOD:2026-01:1", "total_minor": 155 + 16, "register_head": 0}]


def test_a_grant_of_credits_that_cannot_be_read_is_refused_with_its_rule_and_draws_nothing(built: Built) -> None:
    grants = built.rows("select grant_id, violation, line_number from staging.stg_billing__credit_grants where violation is not null")
    expected = {f"G-{number}": (violation, number + 2) for number, violation in enumerate(REFUSED_GRANTS.values())}
    assert {grant["grant_id"]: (grant["violation"], grant["line_number"]) for grant in grants} == expected
    assert [grant["grant_id"] for grant in built.rows("select grant_id from prepaid.open_credit_grants")] == ["G-PAID"]
    assert built.rows("select * from prepaid.proposed_credit_applications") == []


def test_a_payment_that_cannot_be_read_is_refused_with_its_rule(built: Built) -> None:
    refused = built.rows("select subject, rule, line_number, what_to_do from staging.refused_reference_rows where source = 'payments'")
    expected = {f"payment P-{number}": (rule, number + 2) for number, rule in enumerate(REFUSED_PAYMENTS.values())}
    assert {row["subject"]: (row["rule"], row["line_number"]) for row in refused} == expected
    assert all(row["what_to_do"] for row in refused)


def test_a_payment_of_an_invoice_that_nobody_issued_is_a_named_break_and_one_that_failed_is_none(built: Built) -> None:
    breaks = built.rows("select entity, period, subject, left_value, explanation from reconciliation.checkpoint_breaks where checkpoint = 'K5'")
    named = {"subject": "delivery:P-LOST", "explanation": "held: unknown_invoice"}
    assert breaks == [{"entity": "acme", "period": "2026-01", "left_value": 10, **named}]
    assert built.rows("select status from canonical.canonical_payments order by status") == [{"status": "failed"}, {"status": "paid"}]


def test_no_quantity_vanishes_because_something_is_held(built: Built) -> None:
    broken = built.rows("select checkpoint, entity, measure from reconciliation.checkpoints where checkpoint in ('K1', 'K2') and status <> 'tied'")
    assert broken == []
    listed = built.rows(
        "select subject, explanation, excused_value from reconciliation.k3_rated_to_issued where explanation like 'held:%' order by subject"
    )
    assert len(listed) == len(EXPECTED_HOLDS)


def test_a_model_that_was_a_table_becomes_a_view_and_one_that_was_a_view_a_table(built: Built) -> None:
    kinds = built.rows("select table_name, table_type from information_schema.tables where table_name in ('usage_events', 'line_deltas')")
    assert {row["table_name"]: row["table_type"] for row in kinds} == {"usage_events": "VIEW", "line_deltas": "BASE TABLE"}


def test_an_installation_without_any_delivery_builds(tmp_path: Path, dbt: Dbt) -> None:
    settings = Settings(home=tmp_path)
    initialize(settings)
    done = dbt(settings, "build", "--exclude-resource-type", "unit_test")
    assert done.succeeded, done.told
    assert Installation(settings).warehouse.read("select * from outbox.outbox_invoices").num_rows == 0


@pytest.mark.parametrize("lost", ["delete from register.mirror", "update register.mirror set layout = null"], ids=["absent", "of an earlier version"])
def test_a_mirror_that_cannot_be_read_is_an_error_and_never_zero(built: Built, dbt: Dbt, lost: str) -> None:
    settings = built.installation.settings
    warehouse = built.installation.warehouse
    kept = warehouse.read("select * from register.mirror")
    warehouse.execute([lost])
    try:
        done = dbt(settings, "build", "--select", "stg_register_opening__mirror", "--indirect-selection", "eager")
    finally:
        warehouse.execute(["delete from register.mirror"])
        warehouse.append("register.mirror", kept)
    assert not done.succeeded
    assert done.statuses["assert_opening_mirror_is_present"] == "fail"


def test_the_unit_tests_and_the_documentation_build_by_themselves(built: Built, dbt: Dbt) -> None:
    settings = built.installation.settings
    unit_tests = dbt(settings, "test", "--select", "test_type:unit")
    assert unit_tests.succeeded, unit_tests.told
    assert unit_tests.statuses
    documentation = dbt(settings, "docs", "generate", "--static", "--warn-error")
    assert documentation.succeeded, documentation.told
    assert (dbt.target_folder() / "static_index.html").is_file()


def test_every_model_and_column_is_described(built: Built, dbt: Dbt) -> None:
    manifest = json.loads((dbt.target_folder() / "manifest.json").read_text())
    catalog = json.loads((dbt.target_folder() / "catalog.json").read_text())
    undescribed = []
    for unique_id, node in manifest["nodes"].items():
        if node["resource_type"] not in ("model", "seed"):
            continue
        described = {name for name, column in node["columns"].items() if column["description"]}
        built_columns = {name.lower() for name in catalog["nodes"][unique_id]["columns"]}
        undescribed += [f"{node['name']}.{name}" for name in sorted(built_columns - described)]
        if not node["description"]:
            undescribed.append(node["name"])
    assert undescribed == []


@pytest.mark.parametrize("mart", ["trial_balance", "sub_ledger_balances"], ids=["table", "view"])
def test_a_mart_that_gives_a_column_another_type_than_its_contract_is_not_built(built: Built, dbt: Dbt, mart: str) -> None:
    promised = dbt.parsed["dev"].nodes[f"model.tieout.{mart}.v1"].columns["closing_minor"]
    kept, promised.data_type = promised.data_type, "varchar"
    try:
        done = dbt(built.installation.settings, "run", "--select", mart)
    finally:
        promised.data_type = kept
    assert not done.succeeded
    assert "closing_minor" in done.told
    assert "contract" in done.told
