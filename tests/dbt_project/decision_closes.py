"""Several closes of one installation, with everything proposed sealed between them, and what people ask for and approve in between."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any

from dbt_commands import Dbt
from decision_deliveries import ENTITIES

from dagster_project.close import Installation
from dagster_project.close.approvals import approve, ask_for_adjustment, ask_for_credit, ask_for_stopped, ask_for_void, ask_for_write_off
from dagster_project.close.outbox import BILLING_RELATIONS, JOURNAL_RELATIONS
from dagster_project.close.steps import mirror_register, seal_documents
from reverse_etl.landing import land
from reverse_etl.register import ApprovalRequest, NewApprovalRequest, SealReport

WITHOUT_SEEDS = ("--exclude-resource-type", "seed")
UNTIED_RECEIVABLES = """
    select customer_id, journals.receivable_minor, balances.remaining_minor
    from (
        select customer_id, sum(signed_minor) as receivable_minor from accounting.journal_lines where customer_id is not null group by customer_id
    ) as journals
    full outer join (
        select customer_id, sum(remaining_minor) as remaining_minor from canonical.invoice_balances group by customer_id
    ) as balances using (customer_id)
    where receivable_minor is distinct from remaining_minor
"""
_MARCH = "entity = 'acme' and period = '2026-03' and currency = 'USD'"
# A tie -> what it must find: a balance that somebody changed, or one that the other side knows nothing of.
TAMPERED = {
    "assert_s01_receivables_equal_their_control_account": f"update ledger.account_balances set closing_minor = 1 where {_MARCH} and account = '1000'",
    "assert_s02_receivables_roll_forward_to_the_open_items": (
        f"update ledger.aged_receivables set open_minor = open_minor + 1 where {_MARCH} and customer_id = 'OPEN'"
    ),
    "assert_s03_deferred_revenue_equals_its_account_and_schedule": (
        "insert into ledger.deferred_revenue_roll_forward values ('acme', '2026-03', '1002', 'USD', 0, 0, 1, 0, 0, 1, 1)"
    ),
    "assert_s05_revenue_equals_its_accounts": (
        f"update ledger.revenue_by_service_period set revenue_minor = revenue_minor + 1 where {_MARCH} and account = '2004' and product = 'api'"
    ),
    "assert_s06_tax_lines_equal_their_account": f"update ledger.tax_roll_forward set closing_minor = closing_minor + 1 where {_MARCH}",
    "assert_s10_prepaid_credits_equal_their_liability_account": (
        "insert into ledger.prepaid_credit_roll_forward values ('acme', '2026-03', '2500', 'USD', 0, 0, 1, 0, 0, 0, 0, 1)"
    ),
}
LIMITS = """
    insert into constants.run_gate_limits (cause, entity, scope, gross_limit, line_limit)
    values ('correction', 'many', 'entity', null, 3), ('price', 'netting', 'entity', 60, null)
"""


@dataclass
class Run:
    """What one close proposed, and what became of it."""

    proposed: list[dict[str, Any]]
    held: dict[str, str]
    decisions: dict[str, str | None]
    gates: dict[tuple[str, str], dict[str, Any]]
    refused: list[str] = field(default_factory=list)
    k3_breaks: list[dict[str, Any]] = field(default_factory=list)
    k3_listed: dict[str, str] = field(default_factory=dict)
    write_offs: dict[str, str | None] = field(default_factory=dict)
    untied_receivables: list[dict[str, Any]] = field(default_factory=list)

    def of(self, customer: str, cause: str | None = None) -> list[tuple[str, int, int]]:
        """(document type, net, tax) of each document."""
        return [
            (row["document_type"], row["net"], row["tax"])
            for row in self.proposed
            if row["customer_id"] == customer and (cause is None or row["cause"] == cause)
        ]


@dataclass
class Closes:
    installation: Installation
    dbt: Dbt
    runs: list[Run] = field(default_factory=list)

    def rows(self, statement: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.installation.warehouse.read(statement).to_pylist()
        return rows

    def acting_as(self, actor: str) -> Installation:
        return replace(self.installation, acting_as=actor)

    def deliver(self, day: date, events: list[str], **tables: list[str]) -> None:
        for source, lines in tables.items():
            folder = self.installation.settings.inbox / source / day.isoformat()
            folder.mkdir(parents=True)
            (folder / f"{source}.csv").write_text("\n".join(lines) + "\n")
        folder = self.installation.settings.inbox / "usage" / day.isoformat()
        folder.mkdir(parents=True)
        (folder / "events.jsonl").write_text("\n".join(events) + "\n")
        assert not land(self.installation.warehouse, self.installation.settings).problems

    def build(self, *arguments: str) -> None:
        mirror_register(self.installation)
        # The tests that look at the grain of every model run elsewhere; those that look at money run here too.
        done = self.dbt(self.installation.settings, "build", "--exclude-resource-type", "unit_test", "--exclude", "test_type:generic", *arguments)
        assert done.succeeded, done.told

    def propose(self, *arguments: str) -> Run:
        self.build(*arguments, "--select", "+outbox_customers", "+outbox_invoices", "+outbox_credit_memos", "stopped_lines")
        relations = " union all ".join(
            f"select natural_id, customer_id, cause, '{kind}' as document_type, amount_minor, tax_minor from invoicing.{relation}"
            for kind, relation in (("invoice", "proposed_invoice_lines"), ("credit_memo", "proposed_credit_memo_lines"))
        )
        run = Run(
            self.rows(
                "select customer_id, document_type, natural_id, min(cause) as cause, cast(sum(amount_minor) as bigint) as net,"
                f" cast(sum(tax_minor) as bigint) as tax from ({relations}) group by all order by all"
            ),
            {row["customer_id"]: row["hold_reason"] for row in self.rows("select * from invoicing.held_lines where blocks_document")},
            {row["decision_id"]: row["hold_reason"] for row in self.rows("select * from approvals.decisions")},
            {(row["entity"], row["cause"]): row for row in self.rows("select * from approvals.run_gates where customer_id = '*'")},
        )
        self.runs.append(run)
        return run

    def seal(self, period: str) -> None:
        run = self.runs[-1]
        for entity in ENTITIES:
            run.refused += [refusal.code for refusal in self._seal(BILLING_RELATIONS, entity, period).refused]
            ask_for_stopped(self.acting_as("close"), entity, period)
        self.build(
            *(
                *WITHOUT_SEEDS,
                "--select",
                "stg_finance__payments",
                "path:models/staging/register_issued",
                "path:models/staging/platform",
                "path:models/canonical",
                "path:models/accounting",
            ),
            *("outbox_journal_entries", "path:models/staging/register_closing", "k3_rated_to_issued"),
        )
        run.write_offs = {row["decision_id"]: row["hold_reason"] for row in self.rows("select * from canonical.write_offs")}
        run.untied_receivables = self.rows(UNTIED_RECEIVABLES)
        for entity in ENTITIES:
            assert self._seal(JOURNAL_RELATIONS, entity, period).refused == ()
        run.k3_breaks = self.rows("select * from reconciliation.k3_rated_to_issued where is_break")
        run.k3_listed = {
            row["subject"]: row["explanation"] for row in self.rows("select * from reconciliation.k3_rated_to_issued where explanation <> ''")
        }

    def close(self, period: str) -> None:
        with closing(self.installation.open_register()) as register:
            for entity in ENTITIES:
                register.close_period(entity, period, 1, "test")

    def _seal(self, relations: tuple[str, ...], entity: str, period: str) -> SealReport:
        return seal_documents(self.installation, relations, entity, period, "test")

    def number(self, customer: str, cause: str = "usage_and_fees") -> str:
        with closing(self.installation.open_register()) as register:
            found = [one for one in register.documents(document_type="invoice") if (one.payload["customer_id"], one.cause) == (customer, cause)]
        return str(found[0].number)

    def line(self, customer: str) -> str:
        with closing(self.installation.open_register()) as register:
            found = [one for one in register.documents(document_type="invoice") if one.payload["customer_id"] == customer]
        return str(found[0].payload["lines"][0]["line_key"])

    def credit(self, customer: str, amount: str, line: bool = False, disposition: str = "offset") -> str:
        chosen = self.line(customer) if line else None
        return self.approved(ask_for_credit(self.acting_as("ada"), self.number(customer), Decimal(amount), "an outage", chosen, disposition))

    def void(self, customer: str, rebill: bool, cause: str = "usage_and_fees") -> str:
        return self.approved(ask_for_void(self.acting_as("ada"), self.number(customer, cause), rebill, "wrong address"))

    def write_off(self, customer: str, amount: str | None = None) -> str:
        return self.approved(ask_for_write_off(self.acting_as("ada"), self.number(customer), "insolvent", Decimal(amount) if amount else None))

    def adjust(self, customer: str, amount: str) -> str:
        return self.approved(ask_for_adjustment(self.acting_as("ada"), customer, "api", "2026-01", Decimal(amount), "usage by letter"))

    def adjust_unseen(self, customer: str, product: str) -> str:
        """An adjustment that the register takes, whatever the warehouse knows."""
        asked = NewApprovalRequest(
            "adjustment", "acme", customer, "usage by letter", line_key=f"{product}/2026-01", currency="USD", amount_minor=1234, basis="net"
        )
        with closing(self.installation.open_register()) as register:
            return self.approved(register.ask(asked, "ada"))

    def approved(self, asked: ApprovalRequest) -> str:
        return approve(self.acting_as("grace"), asked.request_id).request_id
