"""Drill 1: the ERP's declared maintenance window opens between two deliveries of a close."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from drill import Drill, Story, expect
from drill_company import LANDED, PERIOD, Company

from reverse_etl.documents import State

DESTINATIONS = {
    "stripe": {"url": "sandbox", "secret_environment": "STRIPE_API_KEY", "secret_file": "secrets/stripe_api_key"},
    "tryton": {
        "url": "sandbox",
        "secret_environment": "TRYTON_PASSWORD",
        "secret_file": "secrets/tryton_password",
        "username": "admin",
        "database": "erp",
    },
}
LASTS = timedelta(hours=1)
# So slowly that the window opens while documents are under way.
REQUESTS_PER_SECOND = 2.0
DELIVERING_FOR_SECONDS = 1.0
LOADING_SECONDS = 8.0


def run(company: Company, story: Story) -> None:
    usual = company.usual_seconds()
    steps = list(usual)
    before = sum(usual[step] for step in steps[: steps.index("deliveries")])
    opens = datetime.now(UTC) + timedelta(seconds=LOADING_SECONDS + before)
    window = {"since": opens.isoformat(), "until": (opens + LASTS).isoformat()}
    undeclared = company.settings_text()
    company.configure(
        destinations={
            "stripe": DESTINATIONS["stripe"],
            "tryton": {**DESTINATIONS["tryton"], "requests_per_second": REQUESTS_PER_SECOND, "maintenance": [window]},
        }
    )
    with company.paused("deliveries", "close", PERIOD):
        time.sleep(max(0.0, (opens - datetime.now(UTC)).total_seconds() - DELIVERING_FOR_SECONDS))
    closed = company.wait()
    expect(not closed.succeeded and f"{PERIOD} stays open" in closed.failures, f"the close did not wait for the ERP: {closed.result}")
    states = {system: company.states_at(system) for system in ("stripe", "tryton")}
    expect(set(states["stripe"]) == {State.VERIFIED}, f"billing did not go on: {states['stripe']}")
    # A journal of which the draft was made and not posted yet is in flight, and waits with the rest.
    waiting = states["tryton"][State.PENDING] + states["tryton"][State.IN_FLIGHT]
    through = states["tryton"][State.POSTED] + states["tryton"][State.VERIFIED]
    expect(waiting > 0 and waiting + through == states["tryton"].total(), f"journals did not wait: {states['tryton']}")
    told = f"{states['stripe'].total()} documents at Stripe, verified; at Tryton {through} were through, {waiting} wait"
    story.line(f"the window of Tryton opened in mid-close: {told}; {PERIOD} stays open")
    company.alerted(story, "tryton", "maintenance", f"{opens + LASTS:%Y-%m-%d %H:%M}")
    company.blocked(story, PERIOD, "journals delivered", "tryton", "maintenance")

    company.write_settings(undeclared)
    again = company.close(PERIOD)
    expect(again.succeeded, f"the close did not resume: {again.failures}")
    expect(company.is_as_undisturbed(), "other documents than an undisturbed close seals")
    story.line("the window ended; closed again: the rest was delivered, and every checkpoint ties")
    company.over(story)
    company.done(story, PERIOD)


DRILL = Drill(
    name="maintenance_window",
    title="ERP maintenance window in mid-close",
    happens="A maintenance window that tieout.yaml declares for the ERP opens while the close delivers.",
    goes_on="Invoices reach the billing platform and are verified; journals are sealed.",
    waits="What the ERP had not taken; the period stays open.",
    alert="The maintenance window of the ERP, until when, and how many documents wait for it.",
    resumes="Closing again after the window.",
    starts_from=LANDED,
    periods=(PERIOD,),
    run=run,
)
