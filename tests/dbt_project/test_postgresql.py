"""PostgreSQL gives the same tables as DuckDB, value for value: from nothing, after more data, and built anew."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from awkward_deliveries import write_deliveries
from dbt_commands import Dbt
from postgresql_server import ended, new_folder, started_server

from dagster_project.cli import run
from dagster_project.cli.closing.close import delivered_days
from dagster_project.cli.installing.installation import initialize
from dagster_project.close import Installation
from dagster_project.close.approvals import approve, ask_for_adjustment, ask_for_credit, ask_for_void, ask_for_write_off
from dagster_project.close.outbox import BILLING_RELATIONS, JOURNAL_RELATIONS
from dagster_project.close.platform import seal_usage
from dagster_project.close.read_backs import append_snapshot
from dagster_project.close.steps import mirror_register, seal_documents
from reverse_etl.landing import land
from reverse_etl.settings import Settings
from reverse_etl.warehouse.duckdb import PUBLICATION

REPOSITORY = Path(__file__).resolve().parents[2]
PERIOD = "2026-01"
RECEIVED = ("path:models/staging/register_issued", "path:models/staging/platform", "path:models/canonical")
MODELS = ("build", "--resource-type", "seed", "--resource-type", "model")


@dataclass(frozen=True)
class Engines:
    installation: Installation
    address: str
    dbt: Dbt

    def land(self, last: date) -> None:
        settings = self.installation.settings
        land(self.installation.warehouse, settings, [day for day in delivered_days(settings) if day <= last])

    def build(self, *arguments: str, target: str = "dev") -> None:
        done = self.dbt(self.installation.settings, *arguments, target=target)
        assert done.succeeded, done.told

    def copy(self) -> None:
        assert run(["--home", str(self.installation.settings.home), "copy", self.address]) == 0

    def deliver_correction(self) -> None:
        """Takes back, weeks later, half of what was used on the largest line of the month that has been issued."""
        entities = ", ".join(f"'{entity}'" for entity in self.installation.settings.entities)
        [line] = self.installation.warehouse.read(
            "select customer_id, meter, quantity from invoicing.proposed_invoice_lines"
            f" where kind = 'usage' and entity in ({entities}) order by amount_minor desc limit 1"
        ).to_pylist()
        event = {"specversion": "1.0", "source": "correction", "id": "1", "type": "com.example.usage.corrected.v1", "subject": line["customer_id"]}
        data = {"meter": line["meter"], "quantity": format(-line["quantity"] / 2, "f")}
        lines = [json.dumps({**event, "time": "2026-01-20T12:00:00Z", "data": data}), self._retraction()]
        path = self.installation.settings.inbox / "usage" / "2026-02-20" / "correction.jsonl"
        path.write_text("\n".join(lines) + "\n")

    def _retraction(self) -> str:
        """Takes back one event that has been billed."""
        [event] = self.installation.warehouse.read(
            "select event_source, event_id, customer_id, strftime(occurred_at, '%Y-%m-%dT%H:%M:%S.%fZ') as time from usage.usage_events"
            " where occurred_on = date '2026-01-20' order by quantity desc, event_key limit 1"
        ).to_pylist()
        named = {"source": event["event_source"], "id": event["event_id"]}
        kind = "com.example.usage.retracted.v1"
        head = {"specversion": "1.0", "source": "correction", "id": "2", "type": kind, "subject": event["customer_id"], "time": event["time"]}
        return json.dumps({**head, "data": named})

    def move_customer(self) -> None:
        """A customer's time zone changes after months of usage, and a meter tells more dimensions apart."""
        settings = self.installation.settings
        for source, key, changes in (("customers", "customer_id", {"time_zone": "Asia/Tokyo"}), ("meters", "meter", {"dimensions": "zone,region"})):
            chosen = "grouped" if source == "meters" else "C0001"
            where = f"where {key} like '{chosen}%' order by {key} limit 1"
            [row] = self.installation.warehouse.read(
                f"select * exclude (file_name, line_number, landed_on, loaded_at) from raw.{source} {where}"
            ).to_pylist()
            path = settings.inbox / source / "2026-02-20" / "moved.csv"
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("w", newline="") as stream:
                writer = csv.DictWriter(stream, list(row), lineterminator="\n")
                writer.writeheader()
                writer.writerow({**row, **changes})

    def deliver_storm(self) -> None:
        """A hundred thousand times what the customer used in the month before."""
        event = {"specversion": "1.0", "source": "storm", "id": "1", "type": "com.example.usage.recorded.v1", "subject": "package"}
        path = self.installation.settings.inbox / "usage" / "2026-02-20" / "storm.jsonl"
        data = {"meter": "package/usage", "quantity": "2600000.123"}
        path.write_text(json.dumps({**event, "time": "2026-02-15T12:00:00Z", "data": data}) + "\n")

    def decide(self) -> None:
        """Credits of the smallest amount and of too large a one, a void, an adjustment, a write-off, a refund, and one that nobody approved."""
        self.installation.warehouse.publish()
        maker, checker = (replace(self.installation, acting_as=name) for name in ("ada", "grace"))
        invoices = maker.open_register().documents(document_type="invoice")
        numbers = [str(invoice.number) for invoice in invoices[:4]]
        adjusted = next(line for invoice in invoices for line in invoice.payload["lines"] if line["product"])
        asked = [
            ask_for_credit(
                maker, numbers[0], Decimal("0.13"), '\u00e9 "quoted"', before_discount=True, line_key=invoices[0].payload["lines"][0]["line_key"]
            ),
            ask_for_credit(maker, numbers[1], Decimal("99999999"), "too much"),
            ask_for_void(maker, numbers[2], True, "wrong address"),
            ask_for_credit(maker, "INV-NORTHLIGHT_US-000001", Decimal("0.01"), "paid twice", disposition="refund"),
            ask_for_write_off(maker, numbers[3], "insolvent", Decimal(1)),
            ask_for_adjustment(maker, adjusted["customer_id"], adjusted["product"], PERIOD, Decimal("12.34"), "usage by letter"),
        ]
        for request in asked:
            approve(checker, request.request_id)
        ask_for_credit(maker, numbers[3], Decimal(1), "not approved")

    def report(self) -> None:
        """Reports the usage of what the billing platform rates."""
        report = seal_usage(self.installation, "cases", PERIOD, "test")
        assert report is not None
        assert (len(report.refused), bool(report.sealed)) == (0, True)
        mirror_register(self.installation)

    def receive(self) -> None:
        """The platform has invoiced a customer, credited a part of that, and voided another invoice; one was read before and is gone."""
        warehouse = self.installation.warehouse
        warehouse.execute(["update register.transitions set remote_id = 'cus_' || document_position where state = 'pending'"])
        [known] = warehouse.read(
            "select documents.entity, documents.position, subscriptions.subscription_id, charges.charge_id from register.documents as documents"
            " inner join raw.subscriptions as subscriptions on documents.natural_id = subscriptions.customer_id"
            " inner join raw.charges as charges on subscriptions.plan_id = charges.plan_id"
            f" where documents.system = 'stripe' and documents.document_type = 'customer' and documents.period = '{PERIOD}'"
            " order by documents.entity, documents.natural_id, subscriptions.subscription_id, charges.charge_id limit 1"
        ).to_pylist()
        window = {"customer_remote_id": f"cus_{known['position']}", "event_name": "jobs", "window_start": 1767225600, "window_end": 1769904000}
        for gone in (False, True):
            records = platform_records(f"cus_{known['position']}", known["subscription_id"], known["charge_id"], gone)
            usage = ("raw.platform_usage", {**window, "remote_id": "mtr_1", "counted": "12.0"})
            append_snapshot(warehouse, "stripe_platform", [*records, usage], known["entity"], PERIOD)

    def seal(self, *relations: str) -> None:
        for entity in self.installation.settings.entities:
            assert seal_documents(self.installation, relations, entity, PERIOD, "test").refused == ()
        mirror_register(self.installation)

    def compared(self) -> dict[str, Compared]:
        """Every relation of the warehouse, copied or built, with its rows on both engines."""
        compared = {}
        with (
            closing(psycopg2.connect(self.address)) as connection,
            connection.cursor() as cursor,
            self.installation.warehouse.session("comparison") as session,
            session.transaction() as duckdb,
        ):
            found = duckdb.read("select table_schema || '.' || table_name as relation from information_schema.tables order by relation").to_pylist()
            # When a warehouse in one file was published, that file alone says.
            for relation in (row["relation"] for row in found if row["relation"] != PUBLICATION):
                ours = duckdb.read(f"select * from {relation}")
                cursor.execute("select " + ", ".join(f'"{name}"' for name in ours.column_names) + f" from {relation}")
                compared[relation] = Compared(canonical(zip(*(column.to_pylist() for column in ours.columns), strict=True)), canonical(cursor))
        return compared


def platform_records(customer: str, subscription: str, charge: str, gone: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    """What a read-back of the platform appends; ``gone``: of the third invoice nothing is there any more."""
    for number, status in enumerate(("open", "void", "open")[: 2 if gone else 3], start=1):
        invoice = {"remote_id": f"in_{number}", "number": f"P-{number}", "status": status, "currency": "USD", "document_date": date(2026, 2, 1)}
        amounts = {"subtotal_minor": 1000, "tax_minor": 73, "total_minor": 1073, "amount_remaining_minor": 573 if number == 1 else 1073}
        owner = {"customer_remote_id": customer, "subscription_remote_id": "sub_1", "subscription_id": subscription}
        dates = {"finalized_on": date(2026, 2, 1), "voided_on": date(2026, 2, 3) if status == "void" and gone else None}
        yield "raw.platform_invoices", invoice | amounts | owner | dates | {"period_start": date(2026, 1, 1), "period_end": date(2026, 2, 1)}
        line = {"remote_id": f"in_{number}", "subscription_id": subscription, "charge_id": charge, "usage_type": "metered", "quantity": "12"}
        period = {"period_start": date(2026, 1, 1), "period_end": date(2026, 2, 1), "description": "Jobs"}
        for part in (1, 2):
            taxed = {"remote_line_id": f"il_{number}_{part}", "amount_minor": 500, "tax_minor": 35 + part % 2, "tax_percentage": "7.25"}
            yield "raw.platform_invoice_lines", line | period | taxed
    note = {"remote_id": "cn_1", "number": "P-1-CN", "status": "issued", "currency": "USD", "document_date": date(2026, 2, 4), "voided_on": None}
    yield "raw.platform_credit_notes", note | {"invoice_remote_id": "in_1", "subtotal_minor": 400, "tax_minor": 29, "total_minor": 429}
    credited = {"remote_id": "cn_1", "remote_line_id": "cnli_1", "invoice_line_remote_id": "il_1_2", "description": "Jobs"}
    yield "raw.platform_credit_note_lines", credited | {"amount_minor": 400, "tax_minor": 29}
    payment = {"remote_id": "inpay_1", "invoice_remote_id": "in_1", "status": "paid", "currency": "USD", "amount_minor": 71}
    yield "raw.platform_payments", payment | {"paid_on": date(2026, 2, 5), "method": "payment_intent", "payment_remote_id": "pi_1"}


@dataclass(frozen=True)
class Compared:
    duckdb: list[tuple[str, ...]]
    postgresql: list[tuple[str, ...]]


@dataclass(frozen=True)
class Stages:
    installation: Installation
    first: dict[str, Compared]
    more: dict[str, Compared]
    refreshed: dict[str, Compared]


def canonical(rows: Any) -> list[tuple[str, ...]]:
    """Rows as text, sorted. A number is written exactly and in one way, for the engines pad it with different numbers of zeros."""
    return sorted(tuple(spelt(value) for value in row) for row in rows)


def spelt(value: Any) -> str:
    assert not isinstance(value, float)
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        text = format(value, "f")
        return (text.rstrip("0").rstrip(".") or "0") if "." in text else text
    return repr(value)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """An empty database on a server of its own, made as the documentation says."""
    folder = new_folder("tieout-postgresql-")
    server = started_server(folder)
    try:
        with closing(psycopg2.connect(server.get_uri())) as connection:
            connection.autocommit = True
            for statement in documented_statements():
                connection.cursor().execute(statement)
        yield server.get_uri(database="tieout")
    finally:
        ended(server)


def documented_statements() -> list[str]:
    text = (REPOSITORY / "docs" / "postgresql.md").read_text()
    return [statement for block in re.findall(r"```sql\n(.*?)```", text, re.DOTALL) for statement in block.split(";") if statement.strip()]


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory, address: str, dbt: Dbt) -> Iterator[Stages]:
    settings = Settings(home=tmp_path_factory.mktemp("engines"))
    initialize(settings)
    write_deliveries(settings)
    engines = Engines(Installation(settings), address, dbt)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIEOUT_POSTGRESQL_HOST", address.rpartition("host=")[2])
        engines.land(date(2026, 2, 10))
        engines.copy()
        engines.build(*MODELS)
        engines.build(*MODELS, target="postgres")
        first = engines.compared()
        # The first month is issued and journalled; then the rest of the usage lands, some of it late, some of it taking back what was issued.
        engines.deliver_correction()
        engines.deliver_storm()
        engines.move_customer()
        engines.seal(*BILLING_RELATIONS)
        engines.decide()
        engines.report()
        engines.receive()
        engines.build("run", "--select", *RECEIVED, "path:models/accounting", "outbox_journal_entries")
        engines.seal(*JOURNAL_RELATIONS)
        engines.land(date(2026, 12, 31))
        engines.copy()
        engines.build(*MODELS)
        engines.build("build", "--exclude-resource-type", "unit_test", target="postgres")
        more = engines.compared()
        engines.build("run", "--full-refresh", "--select", "path:models/usage+", target="postgres")
        yield Stages(engines.installation, first, more, engines.compared())


def differences(compared: dict[str, Compared]) -> dict[str, Any]:
    """Per relation that differs: how many rows there are, and the first row that only one side has."""
    found = {}
    for relation, rows in compared.items():
        if rows.duckdb != rows.postgresql:
            ours, theirs = Counter(rows.duckdb), Counter(rows.postgresql)
            found[relation] = (len(rows.duckdb), len(rows.postgresql), sorted(ours - theirs)[:1], sorted(theirs - ours)[:1])
    return found


def test_the_first_build_is_the_same(stages: Stages) -> None:
    assert differences(stages.first) == {}


def test_a_build_on_more_data_is_the_same(stages: Stages) -> None:
    assert differences(stages.more) == {}


def test_a_full_refresh_is_the_same(stages: Stages) -> None:
    assert differences(stages.refreshed) == {}


def test_nothing_that_is_compared_is_empty(stages: Stages) -> None:
    # No plan is so large that it is stopped.
    # Every invoice is settled with prepaid credits, so that nothing is open to be written off, and the refund is proposed only.
    # Every functional currency has rates to that of the group.
    # Nothing was posted, so the destinations hold nothing and no period is closed or sealed; nothing landed by a mapping that excludes rows.
    absent = (
        *("staging.stg_stripe", "staging.stg_ledger", "raw.stripe", "raw.ledger", "raw.read_backs", "raw.excluded_rows"),
        *("raw.foreign_entries", "staging.stg_finance__foreign_entries", "reconciliation.foreign_entries", "reconciliation.waterfall_ledger"),
        *("register.periods", "register.period_seals", "approvals.billing_norms"),
    )
    # No legal entity comes from another system, none wants summaries, and no period runs over the end of the month that is open.
    absent += (
        *("raw.opening_", "cutover.", "staging.stg_cutover__", "outbox.outbox_openings", "accounting.opening_legs"),
        *(f"staging.stg_register_{phase}__openings" for phase in ("opening", "issued", "closing")),
        *("register.summary_lines", "accounting.unbilled_lines", "accounting.accrual_legs", "accounting.revaluations", "accounting.revaluation_legs"),
    )
    assert {relation for relation, rows in stages.more.items() if not rows.duckdb and not relation.startswith(absent)} == {
        "raw.landing_problems",
        "approvals.stopped_lines",
        "accounting.decision_postings",
        "ledger.missing_translations",
    }
    assert stages.first["outbox.outbox_usage_reports"].duckdb
    assert stages.first.keys() == stages.more.keys()
    for relation in ("approvals.decision_credits", "approvals.run_gates", "approvals.usage_spikes"):
        assert stages.more[relation].duckdb
    for relation in ("usage.usage_events", "outbox.outbox_invoices", "accounting.journal_lines"):
        assert stages.first[relation].duckdb != stages.more[relation].duckdb


def test_a_copy_to_an_address_where_no_server_listens_says_so_in_one_line(stages: Stages, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--home", str(stages.installation.settings.home), "copy", "postgresql://postgres@127.0.0.1:1/tieout"]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("Error: cannot connect to PostgreSQL: ")
    assert line.endswith("check the address, and that the server runs")
