from company import Deliveries
from defect import Defect, Finding
from outbox_rows import Lines, changed, with_lines

from reverse_etl.documents import OutboxRow


def commit(deliveries: Deliveries) -> None:
    charge = f"{deliveries.entity}.minimum"
    usage = deliveries.row("charges", charge_id=f"{deliveries.entity}.calls")
    deliveries.tables["charges"].append({**usage, "charge_id": charge, "kind": "commitment", "charge_model": "flat", "meter": ""})
    price = deliveries.row("prices", charge_id=f"{deliveries.entity}.base", currency="USD")
    deliveries.tables["prices"].append({**price, "price_id": charge, "charge_id": charge, "flat_fee": "500.00"})
    deliveries.remove("subscriptions", customer_id=deliveries.second)
    deliveries.events = [event for event in deliveries.events if event["subject"] == deliveries.first]


def only_of_the_first(deliveries: Deliveries) -> None:
    deliveries.events = [event for event in deliveries.events if event["subject"] == deliveries.first]


def plant(rows: list[OutboxRow]) -> list[OutboxRow]:
    """The commitment is filled up as if the late usage had not come."""

    def forget_late_usage(lines: Lines) -> Lines:
        [commitment] = [line for line in lines if line["kind"] == "commitment"]
        commitment["amount_minor"] += 500
        return lines

    return changed(rows, "invoice", lambda row: with_lines(row, forget_late_usage))


DEFECT = Defect(
    rule="Late usage under a commitment that is filled up anyway asks for nothing more.",
    caught_by=Finding("K3", "amount"),
    implies=(Finding("K10", "revenue"), Finding("re-performance")),
    deliver=commit,
    deliver_late=only_of_the_first,
    issue=plant,
)
