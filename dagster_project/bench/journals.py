"""What the journals of a month cost, built and proven: the sample company with as many customers as it takes, issued by the real register."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from dagster_project.bench.parts import BenchmarkError, Measured

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dbt.contracts.graph.manifest import Manifest

    from dagster_project.close import Installation
    from dagster_project.dbt.project import DbtPaths

PERIOD = "2026-01"
# Of a hundred customers, some ten begin later than in January.
CUSTOMERS_PER_INVOICE = 1.25
EVENTS_PER_CUSTOMER = 6
OUTBOX = ("+outbox_customers", "+outbox_invoices", "+outbox_credit_memos")
ACCOUNTING = (
    "path:models/staging/register_issued",
    "path:models/staging/platform",
    "path:models/platform",
    "path:models/canonical",
    "path:models/accounting",
    "outbox_journal_entries",
)
LEDGER = ("stg_ledger__moves", "stg_finance__books", "path:models/staging/register_closing", "path:models/ledger")
JOURNAL_RULES = ("assert_issued_mirror_is_present", "assert_j01*", "assert_j02*", "assert_j03*", "assert_j04*", "assert_j05*")
LEDGER_TIES = ("assert_j06*", "assert_s0*")


@dataclass(frozen=True, slots=True)
class Journals:
    """``proven`` has only what is asked for: the build of the journals with their tests, the ledger with its ties, and the proof of the export."""

    invoices: int
    entries: int
    lines: int
    issued: Measured
    proven: Measured


def journals_of(home: Path, invoices: int, memory_limit: str) -> Journals:
    """Issue so many invoices of one month, then derive, test, seal, add up and export their journals.

    Raises:
        BenchmarkError: a step failed, there are fewer invoices, or the books are not accepted.
    """
    from dagster_project.cli.closing.proof import prove_books
    from dagster_project.cli.installing.installation import initialize
    from dagster_project.close import Installation
    from dagster_project.close.outbox import BILLING_RELATIONS, JOURNAL_RELATIONS
    from dagster_project.close.partitions import first_day_after, first_landing_day
    from dagster_project.close.steps import land_deliveries, mirror_register
    from dagster_project.dbt.project import DbtPaths, parse
    from reverse_etl.sandbox.sample import generate
    from reverse_etl.settings import Settings

    settings = Settings(home=home, warehouse_memory_limit=memory_limit)
    initialize(settings)
    customers = max(20, round(invoices * CUSTOMERS_PER_INVOICE))
    generate(home, events=max(2_000, customers * EVENTS_PER_CUSTOMER), seed=7, customer_count=customers)
    installation, paths = Installation(settings), DbtPaths.of(settings)
    work = _Work(installation, paths, parse(paths))
    issued, proven = Measured(), Measured()
    issued.step("landing", lambda: land_deliveries(installation, first_landing_day(settings.first_period), first_day_after(PERIOD)))
    issued.step("seeds", lambda: work.dbt("seed"))
    issued.step("invoices", lambda: work.dbt("run", "--select", *OUTBOX))
    issued.step("sealing", lambda: work.seal(BILLING_RELATIONS, invoices))
    issued.step("mirror", lambda: mirror_register(installation))
    proven.step("journals", lambda: work.dbt("run", "--select", *ACCOUNTING))
    proven.step("rules of a journal", lambda: work.dbt("test", "--select", *JOURNAL_RULES))
    issued.step("sealing of journals", lambda: work.seal(JOURNAL_RELATIONS, None))
    issued.step("mirror of journals", lambda: mirror_register(installation))
    proven.step("ledger", lambda: work.dbt("run", "--select", *LEDGER))
    proven.step("ties of the ledger", lambda: work.dbt("test", "--select", *LEDGER_TIES))
    proven.step("export", installation.warehouse.publish)
    proofs = []
    proven.step("bean-check", lambda: proofs.append(prove_books(installation.warehouse, [PERIOD])))
    [proof] = proofs
    if proof is None or proof.complaints:
        raise BenchmarkError("; ".join(proof.complaints) if proof else "bean-check is not installed: pip install beancount")
    [counted] = installation.warehouse.read("select count(*) as lines from ledger.general_ledger").to_pylist()
    return Journals(work.sealed.count("invoice"), proof.entries, counted["lines"], issued, proven)


@dataclass
class _Work:
    installation: Installation
    paths: DbtPaths
    manifest: Manifest
    sealed: list[str] = field(default_factory=list)

    def dbt(self, *arguments: str) -> None:
        from dagster_project.dbt.project import WITHOUT_HOLDS, invoke

        done = invoke(self.paths, [*arguments, "--no-write-json", *WITHOUT_HOLDS], self.manifest)
        results = getattr(done.result, "results", ())
        failed = [result.node.name for result in results if result.status in ("fail", "error")]
        # A selection that selects nothing succeeds, and proves nothing.
        if not done.success or not results:
            raise BenchmarkError(f"dbt {arguments[0]} did not pass: {done.exception or failed or 'nothing ran'}; see {self.paths.logs / 'dbt.log'}")

    def seal(self, relations: Sequence[str], most_invoices: int | None = None) -> None:
        """Seal what is proposed for the month, at most so many invoices."""
        from dagster_project.close.outbox import proposed

        rows = proposed(self.installation.warehouse, relations, period=PERIOD)
        invoices = [row for row in rows if row.document_type == "invoice"]
        if most_invoices is not None and len(invoices) < most_invoices:
            raise BenchmarkError(f"the sample proposes {len(invoices)} invoices of {most_invoices}; ask for another number")
        left = {row.business_key for row in invoices[most_invoices:]} if most_invoices is not None else set()
        with closing(self.installation.open_register()) as register:
            report = register.seal([row for row in rows if row.business_key not in left], self.installation.actor, "bench")
        if report.refused:
            raise BenchmarkError(f"{report.refused[0].row.business_key} was not sealed: {report.refused[0].reason}")
        self.sealed += [document.document_type for document in report.sealed]
