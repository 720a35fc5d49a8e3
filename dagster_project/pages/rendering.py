"""Makes HTML of what is on a page. Pure: the same page in gives the same bytes out, and nobody is asked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, islice

from markupsafe import Markup

from dagster_project.checklist.step import Money
from dagster_project.pages.charts import HALF, NARROW, WIDE, Bar, Change, changes, sparkline, waterfall
from dagster_project.pages.queue import rest_of, selected, totals
from dagster_project.pages.report import STAGE, UNEXPLAINED, CloseReport, DocumentLink, InvoiceStatus, Movement, Outcome, Waterfall, WaterfallStep
from dagster_project.pages.templating import amount, month_name, page, plural, signed, words
from dagster_project.published.sub_ledgers import RolledForward

SECTIONS: Mapping[str, str] = {
    "entities": "Legal entities",
    "waterfall": "From usage to the ERP",
    "roll-forwards": "Roll-forwards",
    "exceptions": "Exceptions",
    "invoices": "Invoices by status",
    "movements": "Against last month",
    "checkpoints": "Checkpoints",
    "controls": "Other controls",
    "checklist": "Close checklist",
    "approvals": "Approvals",
    "degraded": "Degraded modes",
    "documents": "Documents",
}
NEITHER = "\N{EN DASH}"
DOCUMENTS_ON_PAPER = 2
SUB_LEDGER_TITLES: Mapping[str, str] = {
    "revenue": "Revenue",
    "deferred_revenue": "Deferred revenue",
    "receivables": "Receivables",
    "unbilled_receivables": "Unbilled receivables",
    "prepaid_credits": "Prepaid credits",
    "tax": "Tax payable",
}
SUB_LEDGER_MOVEMENTS: Mapping[str, str] = {"schedule": "deferred revenue earned", "accrual": "net accrual"}
MOVEMENT_TITLES: Mapping[str, str] = {"customer": "Revenue by customer", "product": "Revenue by product", "account": "Accounts, debit positive"}


@dataclass(frozen=True, slots=True)
class Chart:
    """The same picture for a phone and for a desk."""

    narrow: Markup
    wide: Markup


@dataclass(frozen=True, slots=True)
class ShownWaterfall:
    waterfall: Waterfall
    entity_name: str
    chart: Chart
    trend: Markup
    ledger: Money
    change: Money | None


@dataclass(frozen=True, slots=True)
class ShownRollForward:
    """One sub-ledger of one legal entity and currency, over its accounts. ``equal``: the general ledger closes them with the same balance."""

    title: str
    entity: str
    currency: str
    opening: Money
    movements: tuple[tuple[str, Money], ...]
    closing: Money
    equal: bool
    chart: Chart


@dataclass(frozen=True, slots=True)
class ShownInvoices:
    """The documents of one legal entity and currency by status; ``total`` is what the waterfall has as invoiced."""

    entity: str
    rows: tuple[InvoiceStatus, ...]

    @property
    def count(self) -> int:
        return sum(row.document_count for row in self.rows)

    @property
    def total(self) -> Money:
        return replace(self.rows[0].total, minor=sum(row.total.minor for row in self.rows))

    @property
    def open(self) -> Money:
        return replace(self.rows[0].total, minor=sum(row.open.minor for row in self.rows if row.document_type == "invoice"))


@dataclass(frozen=True, slots=True)
class ShownMovements:
    title: str
    entity: str
    currency: str
    rows: tuple[Movement, ...]
    chart: Markup


@dataclass(frozen=True, slots=True)
class Verdict:
    """``tone``: good, bad or neutral; its sign says the same to whoever sees no colour."""

    tone: str
    sign: str
    headline: str
    detail: str


def render_close_report(report: CloseReport) -> str:
    """One self-contained page; every amount on it is one of the report."""
    names = {entity.entity: entity.name for entity in report.entities}
    places = {entity: place for place, entity in enumerate(names)}
    shown = selected(report.exceptions)
    return page(
        "close_report.html",
        report=report,
        verdict=verdict_of(report),
        sections=SECTIONS,
        month=month_name(report.period),
        waterfalls=[
            _waterfall(one, names.get(one.entity, one.entity), report.period)
            for one in sorted(report.waterfalls, key=lambda one: (places.get(one.entity, len(places)), one.currency))
        ],
        roll_forwards=list(_roll_forwards(report.rolled, places)),
        movements=list(_movements(report.movements)),
        invoices=list(_invoices(report.invoices, places)),
        exceptions=shown,
        rest=rest_of(report.exceptions, shown),
        at_risk=totals(item.money for item in report.exceptions if item.money),
        names=names,
        now=report.generated_at,
        exponents=report.exponents,
        on_paper=DOCUMENTS_ON_PAPER,
        printed_documents=_printed(report.documents),
    )


def verdict_of(report: CloseReport) -> Verdict:
    """What the report says in one sentence."""
    entities = len(report.entities)
    broken = ", ".join(report.broken_checkpoints)
    breaks = f"{report.break_count:,} {'break' if report.break_count == 1 else 'breaks'} in {broken}" if broken else ""
    unexplained = ", ".join(str(money) for money in totals(step.money for _, step in report.unexplained))
    wrong = "; ".join(told for told in (breaks, f"{unexplained} unexplained on the way to the ERP" if unexplained else "") if told)
    controls = len(report.broken_controls)
    also = f" {controls} other {'control has' if controls == 1 else 'controls have'} breaks." if controls else ""
    nothing = "No document was sealed for this period."
    match report.outcome:
        case Outcome.TIED:
            legal = "legal entity" if entities == 1 else "legal entities"
            explained = ", and every amount from usage to the ERP is explained" if report.waterfalls else ""
            told = f"Every checkpoint of {entities} {legal} ties{explained}."
            return Verdict("bad" if controls else "good", "!" if controls else "✓", "Closed and tied out", told + also)
        case Outcome.DRIFTED:
            return Verdict("bad", "!", "Closed, and it does not tie any more", f"{wrong}.{also} What changed underneath is in the break lists below.")
        case Outcome.REFUSED:
            waiting = ", ".join(entity.name for entity in report.entities if not entity.is_closed)
            return Verdict("bad", "!", "Not closed", f"{wrong or 'Nothing was computed that could tie'}; {waiting} stays open until it ties.{also}")
        case Outcome.OPEN:
            return Verdict("neutral", NEITHER, "Not closed yet", f"What was computed so far ties; nobody has closed the period.{also}")
    return Verdict("neutral", NEITHER, "Never closed", f"{nothing} What is shown below is what was computed so far, if anything.")


def summary_of(report: CloseReport) -> str:
    """The report in Markdown, for where a page is too much."""
    verdict = verdict_of(report)
    lines = [f"**{month_name(report.period)}: {verdict.headline}.** {verdict.detail}", ""]
    if report.waterfalls:
        lines += ["| Entity | Invoiced, with tax | Revenue posted | Revenue in the ERP | Unexplained |", "| --- | ---: | ---: | ---: | ---: |"]
        for one in report.waterfalls:
            gaps = totals(step.money for step in one.unexplained) or (Money(0, one.currency, one.stage("ledger").exponent),)
            lines.append(f"| {one.entity} | {one.stage('invoiced')} | {one.stage('posted')} | {one.stage('ledger')} | {gaps[0]} |")
        lines.append("")
    at_risk = ", ".join(map(str, totals(item.money for item in report.exceptions if item.money)))
    lines.append(
        f"{report.exception_count:,} {plural(report.exception_count, 'exception')} of the period{f', {at_risk} at risk' if at_risk else ''}; "
        f"{report.other_exceptions:,} of other periods or of none."
    )
    return "\n".join(lines)


def _waterfall(one: Waterfall, entity_name: str, period: str) -> ShownWaterfall:
    bars = [_bar(step) for step in one.steps]
    key = f"way-{one.entity}-{one.currency}"
    title = f"{entity_name}, {one.currency}: from usage to the ERP in {month_name(period)}"
    told = ", ".join(f"{step.title} {step.money}" for step in one.steps if step.kind == STAGE)
    gap = ", ".join(f"{step.money} before {step.step.removeprefix('unexplained_')}" for step in one.unexplained)
    description = f"{told}. Unexplained: {gap or 'nothing'}. The table below has every step."
    ledger = one.stage("ledger")
    values = [money.minor for _, money in one.history]
    previous = one.history[-2][1] if len(one.history) > 1 else None
    trend = f"Revenue in the ERP by month: {', '.join(f'{when} {money}' for when, money in one.history)}"
    return ShownWaterfall(
        waterfall=one,
        entity_name=entity_name,
        chart=_chart(key, title, description, bars, WIDE),
        trend=Markup(sparkline(f"{key}-t", f"{entity_name}, {one.currency}", trend, values)),
        ledger=ledger,
        change=Money(ledger.minor - previous.minor, ledger.currency, ledger.exponent) if previous else None,
    )


def _chart(key: str, title: str, description: str, bars: Sequence[Bar], width: int) -> Chart:
    narrow, wide = (waterfall(f"{key}-{wanted}", title, description, bars, wanted) for wanted in (NARROW, width))
    return Chart(Markup(narrow), Markup(wide))


def _bar(step: WaterfallStep) -> Bar:
    if step.kind == STAGE:
        return Bar(step.title, step.money.minor, amount(step.money), "level")
    return Bar(step.title, step.money.minor, signed(step.money), "open" if step.kind == UNEXPLAINED else "change")


def _roll_forwards(rolled: Sequence[RolledForward], places: Mapping[str, int]) -> Iterator[ShownRollForward]:
    def place(row: RolledForward) -> tuple[int, int, str, str]:
        return list(SUB_LEDGER_TITLES).index(row.sub_ledger), places.get(row.entity, len(places)), row.entity, row.currency

    for (_, _, entity, currency), group in groupby(sorted(rolled, key=place), key=place):
        rows = list(group)
        exponent = rows[0].exponent

        def money(minor: int, currency: str = currency, exponent: int = exponent) -> Money:
            return Money(minor, currency, exponent)

        moved = {name: sum(row.movements[name] for row in rows) for name in rows[0].movements}
        opening, closing = money(sum(row.opening for row in rows)), money(sum(row.closing for row in rows))
        if not (opening.minor or closing.minor or any(moved.values())):
            continue
        movements = tuple((SUB_LEDGER_MOVEMENTS.get(name, words(name)), money(minor)) for name, minor in moved.items() if minor)
        title = SUB_LEDGER_TITLES[rows[0].sub_ledger]
        bars = [
            Bar("Opening", opening.minor, amount(opening), "level"),
            *(Bar(name.capitalize(), moved_by.minor, signed(moved_by), "change") for name, moved_by in movements),
            Bar("Closing", closing.minor, amount(closing), "level"),
        ]
        told = f"Opening {opening}, {', '.join(f'{name} {moved_by}' for name, moved_by in movements) or 'no movement'}, closing {closing}."
        key = f"roll-{rows[0].sub_ledger}-{entity}-{currency}"
        chart = _chart(key, f"{title} of {entity} in {currency}", told, bars, HALF)
        yield ShownRollForward(title, entity, currency, opening, movements, closing, all(row.equal for row in rows), chart)


def _printed(documents: Sequence[DocumentLink]) -> list[DocumentLink]:
    """Of the largest, which come by type and currency, those that are worth paper."""
    groups = groupby(documents, key=lambda one: (one.system, one.document_type, one.money.currency))
    return [one for _, group in groups for one in islice(group, DOCUMENTS_ON_PAPER)]


def _invoices(found: Sequence[InvoiceStatus], places: Mapping[str, int]) -> Iterator[ShownInvoices]:
    def place(row: InvoiceStatus) -> tuple[int, str, str]:
        return places.get(row.entity, len(places)), row.entity, row.total.currency

    for (_, entity, _), group in groupby(sorted(found, key=place), key=place):
        yield ShownInvoices(entity, tuple(group))


def _movements(found: Sequence[Movement]) -> Iterator[ShownMovements]:
    by_figure: defaultdict[tuple[str, str, str], list[Movement]] = defaultdict(list)
    for row in found:
        by_figure[row.entity, row.change.currency, row.dimension].append(row)
    for entity, currency, dimension in sorted(by_figure, key=lambda key: (key[0], key[1], list(MOVEMENT_TITLES).index(key[2]))):
        rows = tuple(sorted(by_figure[entity, currency, dimension], key=lambda row: (-row.change.minor, row.subject)))
        entries = [Change(_named(row), row.change.minor, signed(row.change)) for row in rows]
        title = MOVEMENT_TITLES[dimension]
        told = "; ".join(f"{entry.label} {entry.shown}" for entry in entries)
        drawn = Markup(changes(f"moved-{dimension}-{entity}-{currency}", f"{title}: {entity} in {currency}", told, entries))
        yield ShownMovements(title, entity, currency, rows, drawn)


def _named(row: Movement) -> str:
    if row.name == row.subject:
        return "of no product" if row.subject == "*" else row.subject
    return f"{row.subject} {row.name}" if row.dimension == "account" else row.name
