"""Drill 4: one customer's client runs away, and sends a hundred times its month on one day."""

from __future__ import annotations

import json
from decimal import Decimal

from drill import Drill, Story, expect
from drill_company import CLOSED, NEXT_PERIOD, PERIOD, Company

from dagster_project.close.approvals import approve
from reverse_etl.register.records.approvals import RUN_GATE, USAGE_SPIKE

AFTER = "2026-03"
DAY = "2026-02-10"
FILE = "runaway.jsonl"
FACTOR = 100
BYSTANDERS = "select count(*) as events from raw.usage_events"
QUANTITY = """
    select cast(sum(quantity) as varchar) as quantity from usage.usage_summaries
    where customer_id = ? and meter = ? and strftime(service_period_start, '%Y-%m') = ?
"""
LARGEST = """
    select summaries.customer_id, summaries.meter, cast(summaries.quantity as varchar) as quantity
    from usage.usage_summaries as summaries
    where strftime(service_period_start, '%Y-%m') = ? and customer_id in (select customer_id from staging.stg_crm__customers where entity = ?)
    order by customer_id, meter limit 1
"""


def run(company: Company, story: Story) -> None:
    [usual] = company.read(LARGEST, PERIOD, company.settings.entities[0])
    [landed_before] = company.read(BYSTANDERS)
    customer, meter, quantity = usual["customer_id"], usual["meter"], Decimal(usual["quantity"])
    number = FACTOR * int(landed_before["events"])
    # Its own month a hundred times, and a little for the norm to be exceeded by.
    each = (quantity * (FACTOR + 10) / number).quantize(Decimal("0.0001"))
    events = [
        json.dumps(
            {
                "specversion": "1.0",
                "id": f"runaway-{one}",
                "source": "northlight/gateway/eu-1",
                "type": "io.northlight.usage.recorded.v1",
                "subject": customer,
                "time": f"{DAY}T{one % 24:02d}:00:00Z",
                "data": {"meter": meter, "quantity": str(each)},
            }
        )
        for one in range(number)
    ]
    company.deliver("usage", DAY, FILE, events)
    company.deliver("control_totals", DAY, "runaway.csv", ["source,sent_on,file,row_count,quantity,is_last_day", f"usage,{DAY},{FILE},{number},,"])
    landed = company.land(NEXT_PERIOD)
    expect(landed.succeeded, landed.failures)
    story.line(
        f"{number:,} events of {customer} on {DAY}, {FACTOR} times what all customers sent in {PERIOD}: landed in {landed.seconds:.1f} s,"
        f" {landed.largest_memory_bytes / 2**20:.0f} MiB at most"
    )
    closed = company.close(NEXT_PERIOD)
    expect(closed.succeeded, f"the spike kept everybody from closing: {closed.failures}")
    usual_seconds = sum(company.usual_seconds().values())
    story.line(
        f"{NEXT_PERIOD} closed in {closed.seconds:.0f} s ({usual_seconds:.0f} s for {PERIOD}), {closed.largest_memory_bytes / 2**20:.0f} MiB at most,"
        " and every checkpoint ties"
    )
    requests = [request for request in company.open_requests() if request.kind in (USAGE_SPIKE, RUN_GATE)]
    expect(bool(requests), "nothing was stopped")
    expect(all(request.kind == USAGE_SPIKE for request in requests), f"more is stopped than the spike: {requests}")
    invoiced = company.invoiced(NEXT_PERIOD)
    expect(customer not in invoiced and bool(invoiced), f"invoiced are {invoiced}")
    story.line(f"{len(invoiced)} other customers are invoiced and posted; {customer} waits for approval: {requests[0].reason}")
    company.alerted(story, customer, meter)

    for request in requests:
        approve(company.acting_as("grace"), request.request_id)
    landed = company.land(AFTER)
    expect(landed.succeeded, landed.failures)
    again = company.close(AFTER)
    expect(again.succeeded, f"the close after the approval failed: {again.failures}")
    expect(
        company.billed_of(customer, meter, NEXT_PERIOD) == quantity_of(company, customer, meter, NEXT_PERIOD), f"{customer} is not billed its usage"
    )
    story.line(f"a second user approved it; the close of {AFTER} invoiced it whole, and every checkpoint ties")
    company.over(story)
    company.done(story, AFTER)


def quantity_of(company: Company, customer: str, meter: str, period: str) -> Decimal:
    [found] = company.read(QUANTITY, customer, meter, period)
    return Decimal(found["quantity"])


DRILL = Drill(
    name="usage_spike",
    title="Usage spike x100",
    happens="On one day a customer sends a hundred times its usage of a month, in a hundred times the events that everybody sends in a month.",
    goes_on="Everybody else is billed, posted and closed on time, in bounded memory.",
    waits="The document of that customer, until another user approves the line as it was computed.",
    alert="The customer, the meter, the quantity and its norm.",
    resumes="Approving; the next close brings the rest.",
    starts_from=CLOSED,
    periods=(PERIOD, NEXT_PERIOD, AFTER),
    run=run,
)
