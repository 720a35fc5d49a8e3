from company import Deliveries, serve_on
from defect import Defect, Finding


def plant(deliveries: Deliveries) -> None:
    serve_on(deliveries, currency="CAD")


def withdraw(deliveries: Deliveries) -> None:
    """The rate that its invoice was issued at turns out to be none; the one before it is three weeks old."""
    for day, rate in (("2026-01-30", ""), ("2026-01-09", "0.7210")):
        deliveries.add("exchange_rates", rate_date=day, from_currency="CAD", to_currency="USD", rate=rate)


DEFECT = Defect(
    rule="What is open in another currency is not revalued at a rate that is older than a week, and not left as it is either.",
    caught_by=Finding("K5", "revalued"),
    deliver=plant,
    deliver_late=withdraw,
)
