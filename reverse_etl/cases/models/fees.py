"""Cases about time: service periods, days that are counted, fees that are prorated, plans that change, commitments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from reverse_etl.cases.case import Case, CaseError, decimal_of, plain
from reverse_etl.cases.compiling import MAIN, Answered, compiles
from reverse_etl.cases.models.plans import commitment_rounding, taxes_of
from reverse_etl.cases.models.terms import bounds, currency_of, day_of, minor_unit, number, package_of, text, tier_terms, tiers_of, whole, zone_of
from reverse_etl.cases.rated import RatedLine, RatedRun, RatedScenario
from reverse_etl.cases.scenario import FIRST_DAY, Charge, Scenario, Subscription, Tier, flat, landed_until, quantity_event

Rated = Mapping[str, RatedScenario]
CONVENTIONS = ("local calendar dates, end exclusive",)


@compiles("period_boundaries")
def period_boundaries(case: Case) -> Answered:
    """The first periods of a subscription, as first and last day."""
    start, unit = day_of(case.parameter("start")), str(case.params.get("interval", "month"))
    anchor = str(case.params.get("anchor", "anniversary"))
    if unit not in ("day", "week", "month", "quarter", "year") or anchor not in ("anniversary", "calendar"):
        raise CaseError(f"the interval {unit!r} or the anchor {anchor!r} is not known; known are day to year, anniversary and calendar")
    wanted = len((case.expected or {}).get("periods_inclusive", ())) or 3
    unit_days = {"day": 1, "week": 7, "month": 31, "quarter": 92, "year": 366}[unit]
    far = start + timedelta(days=unit_days * whole(case, "interval_count", 1) * (wanted + 1))
    subscription = Subscription(
        (flat("fee", Decimal(1)),),
        start,
        far,
        anchor_on=_anchor(start, case.params.get("anchor_day")),
        period_unit=unit,
        period_count=whole(case, "interval_count", 1),
        calendar=anchor == "calendar",
    )

    def say(rated: Rated) -> list[list[str]]:
        periods = [(line.service_period_start, line.service_period_end) for line in _first(rated).lines]
        return [[first.isoformat(), (last - timedelta(days=1)).isoformat()] for first, last in sorted(periods)[:wanted]]

    scenario = Scenario((subscription,), (landed_until(far),))
    return Answered({MAIN: scenario}, {"periods_inclusive": say})


def _anchor(start: date, anchor_day: Any) -> date:
    """The last day of that number that is not after the start."""
    day = start
    while anchor_day is not None and day.day != int(anchor_day):
        day -= timedelta(days=1)
        if (start - day).days > 62:
            raise CaseError(f"the anchor day {anchor_day!r} is no day of a month")
    return day


@compiles("period_length")
def period_length(case: Case) -> Answered:
    """The hours of a period, or without one of the months in which the clocks change."""
    case.parameter("timezone")
    zone = zone_of(case).key
    if case.period:
        start, end = _service(case)
        subscription = Subscription((flat("fee", Decimal(1), proration="seconds"),), start, end, period_days=(end - start).days)
    else:
        start, end = FIRST_DAY, FIRST_DAY.replace(year=FIRST_DAY.year + 1)
        subscription = Subscription((flat("fee", Decimal(1), proration="seconds"),), start, end)

    def say(rated: Rated) -> list[str]:
        found = sorted(_first(rated).lines, key=lambda line: line.service_period_start)
        lengths = [((line.service_period_end - line.service_period_start).days * 24, Decimal(line.period_units or 0) / 3600) for line in found]
        return [plain(hours) for usual, hours in lengths if case.period or hours != usual]

    scenario = Scenario((subscription,), (landed_until(end),), time_zone=zone)
    return Answered({MAIN: scenario}, {"hours": say})


@compiles("day_count", "proration_days", "proration_fixed_month", "proration_plus_tax")
def prorated(case: Case) -> Answered:
    """The part of a fee that belongs to the days that were served."""
    convention = str(case.params.get("convention") or CONVENTIONS[0])
    if "inclusive" in convention:
        raise CaseError("inclusive period ends and elapsed days that are rounded up are refused: days are local dates, the end is exclusive")
    if convention not in CONVENTIONS:
        raise CaseError(f"the convention {convention!r} is not known; known is {CONVENTIONS[0]!r}")
    start, end = _service(case)
    stated = number(case, "fee_minor")
    fee = Decimal(1) if stated is None else stated * minor_unit(case)
    taxes = taxes_of(case)
    terms: dict[str, str] = {}
    months = case.params.get("fixed_days_in_month")
    if months is not None:
        terms, fee = {"proration": "fixed_month", "days_in_month": str(months)}, Decimal(1)
        if case.params.get("rounding", "half_up") != "half_up":
            raise CaseError("a ratio is rounded half up")
    charge = flat("fee", fee, taxes=taxes, **terms)
    if months is not None:
        # From no day beyond the 28th on, so that every month has all its days.
        subscription = Subscription((charge,), start, end, anchor_on=start.replace(day=min(start.day, 28)), period_unit="month")
    else:
        first, days = _whole_period(case, start, end)
        subscription = Subscription((charge,), start, end, anchor_on=first, period_days=days)

    def lines(rated: Rated) -> Sequence[RatedLine]:
        return _first(rated).lines

    scale = Decimal(1).scaleb(-whole(case, "ratio_scale", 9))

    def ratio(rated: Rated) -> str:
        served = Decimal(sum(line.served_units or 0 for line in lines(rated)))
        return plain((served / Decimal(lines(rated)[0].period_units or 1)).quantize(scale, ROUND_HALF_UP))

    def amount_minor(rated: Rated) -> str:
        return str(sum(line.amount_minor for line in lines(rated)))

    return Answered(
        {MAIN: Scenario((subscription,), (landed_until(end),), currency=currency_of(case), time_zone=zone_of(case).key)},
        {
            "days": lambda rated: str(sum(line.served_units or 0 for line in lines(rated))),
            "period_days": lambda rated: str(lines(rated)[0].period_units),
            "ratio": ratio,
            "amount_minor": amount_minor,
            "fee_minor": amount_minor,
            "tax_minor": lambda rated: str(_first(rated).tax_minor()),
            "total_minor": lambda rated: str(_first(rated).net_minor() + _first(rated).tax_minor()),
        },
    )


@compiles("proration_plan_change", "proration_plan_change_multi")
def plan_change(case: Case) -> Answered:
    """The old plan was billed for the whole period; then it ends, and the new one begins."""
    start, changed, end = _change(case)
    if case.model == "proration_plan_change":
        pairs = [(case.parameter("old"), case.parameter("new"))]
    else:
        pairs = [tuple(pair) for pair in case.params.get("matched", ())]
        pairs += [("0", new) for new in case.params.get("added", ())] + [(old, "0") for old in case.params.get("removed", ())]
    old = [flat(f"old-{place}", decimal_of(pair[0], "old")) for place, pair in enumerate(pairs)]
    new = [flat(f"new-{place}", decimal_of(pair[1], "new")) for place, pair in enumerate(pairs)]
    return _changed(case, old, new, start, end, changed)


def _change(case: Case) -> tuple[date, date, date]:
    """First day, day of the change and end: of the period or, without one, as many days as are stated to be left of the whole."""
    left, days = (number(case, name) for name in ("numerator_days", "denominator_days"))
    if not case.period:
        if left is None or days is None:
            raise CaseError("the case has neither a period nor numerator_days and denominator_days")
        if not 0 <= left <= days or left % 1 or days % 1:
            raise CaseError("numerator_days and denominator_days are to be whole days, those that are left and those of the whole period")
        end = FIRST_DAY + timedelta(days=int(days))
        return FIRST_DAY, end - timedelta(days=int(left)), end
    start, end = bounds(case)
    changed = day_of(case.period.get("change_on"))
    if not start <= changed <= end:
        raise CaseError("change_on is not within the period")
    for name, stated, found in (("numerator_days", left, (end - changed).days), ("denominator_days", days, (end - start).days)):
        if stated is not None and stated != found:
            raise CaseError(f"params say {name} {plain(stated)}, by the period they are {found}")
    return start, changed, end


@compiles("proration_plan_change_seconds")
def plan_change_by_seconds(case: Case) -> Answered:
    """``fraction`` is the part of the period that is left."""
    fraction = decimal_of(case.parameter("fraction"), "fraction")
    # A period of which the fraction is whole seconds.
    lengths = [days for days in (30, 125, 625) if not fraction * days * 86400 % 1]
    if not lengths or not 0 <= fraction <= 1:
        raise CaseError(f"the fraction {plain(fraction)} is no part of whole seconds: a change is told to the second, state six decimals at most")
    end = FIRST_DAY + timedelta(days=lengths[0])
    begins = datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day, tzinfo=UTC)
    changed = begins + timedelta(seconds=int((1 - fraction) * lengths[0] * 86400))
    old = flat("old", decimal_of(case.parameter("old"), "old"), proration="seconds")
    new = flat("new", decimal_of(case.parameter("new"), "new"), proration="seconds")
    return _changed(case, (old,), (new,), FIRST_DAY, end, changed.date(), changed)


def _changed(
    case: Case, old: Sequence[Charge], new: Sequence[Charge], start: date, end: date, changed_on: date, changed_at: datetime | None = None
) -> Answered:
    """Only the period of the change is looked at: both plans end with it."""
    days = (end - start).days
    partly = changed_at is not None and changed_at != datetime(changed_on.year, changed_on.month, changed_on.day, tzinfo=UTC)
    over = changed_on + timedelta(days=1 if partly else 0)
    billed = Subscription(old, start, end, "old", start, days)
    before = Subscription(old, start, over, "old", start, days, ends_at=changed_at, known_in_run=1)
    after = Subscription(new, changed_on, end, "new", start, days, starts_at=changed_at, known_in_run=1)
    return Answered(
        {MAIN: Scenario((billed, before, after), (landed_until(end),), currency=currency_of(case), runs=2)},
        {
            "credit": lambda rated: plain(rated[MAIN].runs[1].net("credit_memo")),
            "charge": lambda rated: plain(rated[MAIN].runs[1].net("invoice")),
            "net": lambda rated: plain(rated[MAIN].runs[1].net()),
        },
    )


@compiles("credit_note_unused_time")
def unused_time(case: Case) -> Answered:
    """A fee was billed for its period; the subscription ends before the period does."""
    days, unused = whole(case, "period_days", 30), whole(case, "unused_days", 0)
    start = day_of(case.period["start"]) if case.period else FIRST_DAY
    taxes = taxes_of(case)
    charge = flat("fee", decimal_of(case.parameter("fee_minor"), "fee_minor") * minor_unit(case), taxes=taxes)
    end = start + timedelta(days=days)
    billed = Subscription((charge,), start, end, anchor_on=start, period_days=days)
    ended = Subscription((charge,), start, end - timedelta(days=unused), anchor_on=start, period_days=days, known_in_run=1)

    due = number(case, "new_invoice_total_minor") or Decimal(0)

    def total(rated: Rated) -> int:
        run = rated[MAIN].runs[1]
        return -run.net_minor("credit_memo") - run.tax_minor("credit_memo")

    return Answered(
        {MAIN: Scenario((billed, ended), (landed_until(end),), currency=currency_of(case), runs=2)},
        {
            "credit_sub_total_minor": lambda rated: str(-rated[MAIN].runs[1].net_minor("credit_memo")),
            "credit_tax_minor": lambda rated: str(-rated[MAIN].runs[1].tax_minor("credit_memo")),
            "credit_total_minor": lambda rated: str(total(rated)),
            "invoice_due_after_credit_minor": lambda rated: plain(max(Decimal(0), due - total(rated))),
        },
    )


@compiles("minimum_commitment_charge", "minimum_commitment_plan", "minimum_commitment_charge_with_tax", "minimum_commitment_amount")
def commitment(case: Case) -> Answered:
    """What is missing to a committed amount, both for the days that were served."""
    minimum = next((number(case, name) for name in ("minimum_minor", "commitment_minor") if name in case.params), None)
    committed = minimum * minor_unit(case) if minimum is not None else decimal_of(case.parameter("minimum"), "minimum")
    period_days = whole(case, "period_days", 30)
    days = whole(case, "days", period_days)
    taxes = taxes_of(case)
    used, events = _committed_usage(case, taxes)
    charges = [*used, flat("commitment", committed, "commitment", "minimum", taxes, commitment_rounding=commitment_rounding(case))]
    if "plan_fee_minor" in case.params:
        charges.append(flat("fee", decimal_of(case.params["plan_fee_minor"], "plan_fee_minor") * minor_unit(case), taxes=taxes))
    end = FIRST_DAY + timedelta(days=days)
    scenario = Scenario((Subscription(charges, FIRST_DAY, end, period_days=period_days),), [*events, landed_until(end)], currency=currency_of(case))

    def documents(rated: Rated, charge: str) -> int:
        return sum(line.tax_minor for line in _first(rated).documents if line.charge == charge)

    def line(rated: Rated, charge: str) -> RatedLine:
        return _first(rated).line(charge)

    return Answered(
        {MAIN: scenario},
        {
            "true_up": lambda rated: plain(Decimal(line(rated, "commitment").amount_minor).scaleb(-rated[MAIN].exponent)),
            "true_up_minor": lambda rated: str(line(rated, "commitment").amount_minor),
            "usage_minor": lambda rated: str(line(rated, "usage").amount_minor),
            "usage_tax_minor": lambda rated: str(documents(rated, "usage")),
            "true_up_tax_minor": lambda rated: str(documents(rated, "commitment")),
            "fees_minor": lambda rated: str(_first(rated).net_minor()),
            "tax_minor": lambda rated: str(_first(rated).tax_minor()),
            "total_minor": lambda rated: str(_first(rated).net_minor() + _first(rated).tax_minor()),
        },
    )


def _committed_usage(case: Case, taxes: Sequence[str]) -> tuple[list[Charge], list[Any]]:
    """What was billed is a quantity at a price of one; a quantity is priced by the terms of the case."""
    usage, unit = case.usage, minor_unit(case)
    if isinstance(usage, dict):
        minor = next((usage[name] for name in ("billed_minor", "usage_fees_minor") if name in usage), None)
        billed = decimal_of(minor, "usage") * unit if minor is not None else decimal_of(usage.get("already_billed", "0"), "already_billed")
        if decimal_of(usage.get("current", "0"), "current"):
            raise CaseError("current usage needs a price: state it in already_billed, or the usage as one quantity")
        return [Charge("per_unit", (Tier(unit_price="1"),), taxes=taxes)], [quantity_event(FIRST_DAY, billed)]
    quantity = decimal_of(usage, "usage")
    if "tiers" in case.params:
        charge = Charge("graduated", tiers_of(case), tier_terms(case), taxes=taxes)
    elif "package_price" in case.params:
        charge = Charge("package", (package_of(case),), taxes=taxes)
    elif "unit_price_minor" in case.params:
        charge = Charge(
            "per_unit",
            (Tier(unit_price=format(decimal_of(case.params["unit_price_minor"], "unit_price_minor") * unit, "f")),),
            taxes=taxes,
        )
    else:
        charge = Charge("per_unit", (Tier(unit_price=text(case.parameter("unit_price"), "unit_price")),), taxes=taxes)
    return [charge], [quantity_event(FIRST_DAY, quantity)]


def _service(case: Case) -> tuple[date, date]:
    """The days that are served: those of the period, or as many as are stated."""
    days = number(case, "days")
    if not case.period and days is None:
        raise CaseError("the case has no period")
    if not case.period:
        return FIRST_DAY, FIRST_DAY + timedelta(days=whole(case, "days", 0))
    start, end = bounds(case, by_dates=case.model == "day_count")
    if days is not None and days != (end - start).days:
        raise CaseError(f"params say {days} days, the period has {(end - start).days}")
    return start, end


def _whole_period(case: Case, start: date, end: date) -> tuple[date, int]:
    """Where it is not said, the whole period ends with the service; its length is that of the service or as stated."""
    if "period_start" in case.params:
        first = day_of(case.params["period_start"])
        return first, (day_of(case.parameter("period_end_exclusive")) - first).days
    days = whole(case, "period_days", (end - start).days)
    return end - timedelta(days=days), days


def _first(rated: Rated) -> RatedRun:
    return rated[MAIN].runs[0]
