"""A report and a queue with everything that a page must survive, made by hand: hostile names, nothing, minus, more than a screen is wide."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction

from dagster_project.checklist.step import Evidence, Money
from dagster_project.close.steps import Checkpoint
from dagster_project.pages.queue import AttemptMade, ExceptionQueue, QueueItem, Rates, ordered
from dagster_project.pages.report import (
    Break,
    CloseReport,
    Control,
    DocumentCount,
    DocumentLink,
    EntityClose,
    InvoiceStatus,
    Movement,
    Waterfall,
    WaterfallStep,
)
from dagster_project.published.sub_ledgers import RolledForward

UNASKED = Control("S01", "assert_s01", "Receivables are their account.", "accounting", "error", None)
NOW = datetime(2026, 4, 3, 12, 0, tzinfo=UTC)
HOSTILE = "<script>alert(\"1\")</script>&'quoted'"
HUGE = 9_223_372_036_854_775_807
EXPONENTS = {"USD": 2, "JPY": 0, "BHD": 3}


def money(minor: int, currency: str = "USD") -> Money:
    return Money(minor, currency, EXPONENTS[currency])


def way(currency: str, *amounts: tuple[str, str, int], entity: str = "acme", history: tuple[int, ...] = (0,)) -> Waterfall:
    """``amounts``: step, kind and minor units."""
    steps = tuple(WaterfallStep(step, kind, step.replace("_", " ").capitalize(), money(minor, currency), 1) for step, kind, minor in amounts)
    return Waterfall(entity, currency, steps, tuple((f"2026-{month:02d}", money(minor, currency)) for month, minor in enumerate(history, start=1)))


def tied_way(currency: str, entity: str = "acme") -> Waterfall:
    return way(
        currency,
        ("usage", "stage", 1_000_00),
        ("fees", "step", 250_05),
        ("unexplained_rated", "unexplained", 0),
        ("rated", "stage", 1_250_05),
        ("corrections", "step", -300_00),
        ("unexplained_invoiced", "unexplained", 0),
        ("invoiced", "stage", 950_05),
        ("unexplained_posted", "unexplained", 0),
        ("posted", "stage", 950_05),
        ("unexplained_ledger", "unexplained", 0),
        ("ledger", "stage", 950_05),
        entity=entity,
        history=(500_00, -20_00, 950_05),
    )


def checkpoint(name: str = "K7", breaks: int = 0) -> Checkpoint:
    return Checkpoint(
        checkpoint=name,
        title=f"What {name} compares",
        entity="acme",
        period="2026-03",
        measure="debit",
        unit="USD",
        left_side="posted",
        right_side="ERP",
        left_value="95005",
        right_value="95005" if not breaks else "95004",
        excused_value="0",
        difference="0" if not breaks else "1",
        break_count=breaks,
        status="tied" if not breaks else "broken",
    )


def report(**changes: object) -> CloseReport:
    """A report of one legal entity that is closed and ties, unless changed."""
    told: dict[str, object] = {
        "period": "2026-03",
        "generated_at": NOW,
        "company": f"Acme {HOSTILE}",
        "run_id": "run-1",
        "register_position": 4711,
        "head_hash": "ab" * 32,
        "published_at": NOW,
        "exponents": EXPONENTS,
        "entities": (EntityClose("acme", f"Acme {HOSTILE}", "soft_closed", "root", NOW, 1, 1, 0),),
        "waterfalls": (tied_way("USD"), tied_way("BHD"), way("JPY", *_extremes())),
        "rolled": (
            RolledForward("revenue", "acme", "2026-03", "4000", "USD", 2, 0, {"usage": 950_05, "schedule": 0}, 950_05, True),
            RolledForward("deferred_revenue", "acme", "2026-03", "2400", "USD", 2, 500, {"billed": 100, "recognised": -600}, 0, True),
            RolledForward("receivables", "acme", "2026-03", "1200", "JPY", 0, HUGE, {"invoiced": 1, "paid": -HUGE}, 1, False),
        ),
        "exceptions": queue().items,
        "other_exceptions": 2,
        "invoices": (
            InvoiceStatus("acme", "invoice", "open", 3, money(HUGE), money(0)),
            InvoiceStatus("acme", "invoice", "parked", 1, money(-5), money(5)),
        ),
        "movements": tuple(
            Movement("acme", dimension, HOSTILE, HOSTILE, money(now), money(before), money(now - before))
            for dimension, now, before in (("customer", 0, HUGE), ("product", 5, 5_000), ("account", HUGE, 0))
        ),
        "checkpoints": (checkpoint(),),
        "breaks": (),
        "break_count": 0,
        "controls": (
            Control("J01", "assert_j01", "Debits are credits.", "accounting", "error", 0),
            UNASKED,
        ),
        "checklist": (),
        "approvals": (),
        "destinations": (),
        "document_counts": (DocumentCount("acme", "stripe", "invoice", "verified", 3, money(950_05)),),
        "documents": (
            DocumentLink("acme", "stripe", "invoice", HOSTILE, HOSTILE, "verified", money(950_05), "in_1", "https://stripe.example/in_1"),
            DocumentLink("acme", "stripe", "invoice", "INV-2", None, "rejected", money(1), None, None),
        ),
    }
    return CloseReport(**{**told, **changes})  # type: ignore[arg-type]


def refused_report() -> CloseReport:
    levels = (("rated", "stage", 99), ("invoiced", "stage", 99), ("posted", "stage", 99), ("ledger", "stage", 99))
    return report(
        entities=(EntityClose("acme", "Acme", "open", None, None, 1, 0, 2),),
        waterfalls=(way("USD", ("usage", "stage", 100), ("unexplained_rated", "unexplained", -1), *levels),),
        checkpoints=(checkpoint(breaks=2),),
        breaks=(Break("K7", "acme", "debit", "USD", HOSTILE, "95005", None, "1", None),),
        break_count=2,
        controls=(Control("J01", "assert_j01", HOSTILE, "accounting", "error", 1, ({"entity": HOSTILE, "difference": 1},)),),
    )


def empty_report() -> CloseReport:
    """Of a fresh installation: nothing was published, and nobody closed anything."""
    names = ("waterfalls", "rolled", "exceptions", "invoices", "movements", "checkpoints", "controls", "document_counts", "documents")
    nothing: dict[str, object] = dict.fromkeys(names, ())
    entities = (EntityClose("acme", "acme", "open", None, None, 0, 0, 0),)
    return report(entities=entities, run_id=None, published_at=None, exponents={}, other_exceptions=0, **nothing)


def queue() -> ExceptionQueue:
    """A dollar is worth 150 yen and no rate is known for a dinar."""
    rates = Rates("USD", "2026-03-31", {"JPY": Fraction(100, 150)})
    items = [
        item("small", 1_00),
        item("large in yen", 9_000, "JPY"),
        item("of unknown worth", 1, "BHD"),
        item("without money", None),
        item("k" * 150, None, days=2),
        item("older without money", None, days=9),
        QueueItem(
            kind="rejected",
            subject=HOSTILE,
            reason=HOSTILE,
            what_to_do="correct it",
            owner="accounting",
            commands=(f"tieout exceptions retry {HOSTILE}",),
            money=money(59_99),
            since=NOW - timedelta(hours=3),
            evidence=(Evidence("Reference", HOSTILE),),
            attempts=(AttemptMade(NOW, "create", "rejected", HOSTILE, None),),
            link="https://erp.example/1",
        ),
    ]
    return ExceptionQueue("Acme", NOW, NOW, 4711, rates, ordered(items, rates))


def item(subject: str, minor: int | None, currency: str = "USD", days: int = 1) -> QueueItem:
    at_risk = None if minor is None else money(minor, currency)
    return QueueItem(
        "held line", subject, "no price", "deliver one", "finance-operations", ("tieout land",), money=at_risk, since=NOW - timedelta(days=days)
    )


def _extremes() -> tuple[tuple[str, str, int], ...]:
    return (
        ("usage", "stage", -HUGE),
        ("fees", "step", HUGE),
        ("unexplained_rated", "unexplained", 0),
        ("rated", "stage", 0),
        ("unexplained_invoiced", "unexplained", 0),
        ("invoiced", "stage", 0),
        ("posted", "stage", 0),
        ("ledger", "stage", 0),
    )
