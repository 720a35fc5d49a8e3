"""What makes two alerts the same, and in which order people read them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from reverse_etl.alerting import Alert, AlertKind, MoneyAtRisk, Severity
from reverse_etl.alerting.alert import money_at_risk, worst_first

NOON = datetime(2026, 2, 2, 12, 0, tzinfo=UTC)
ALERT = Alert(AlertKind.EXCEPTIONS, Severity.ERROR, "document_parked", "two documents are parked", NOON, entity="northlight_us", period="2026-01")


def test_an_alert_is_the_same_however_its_cause_amount_and_severity_change() -> None:
    grown = replace(
        ALERT, cause="three documents are parked", severity=Severity.CRITICAL, at_risk=(MoneyAtRisk("USD", 5),), since=NOON + timedelta(1)
    )
    assert grown.identity == ALERT.identity


@pytest.mark.parametrize(
    "change", [{"kind": AlertKind.DRIFT}, {"entity": "northlight_eu"}, {"period": "2026-02"}, {"period": None}, {"subject": "x"}]
)
def test_an_alert_about_something_else_is_another(change: dict[str, object]) -> None:
    assert replace(ALERT, **change).identity != ALERT.identity  # type: ignore[arg-type]


def test_words_that_wander_between_fields_do_not_make_two_alerts_one() -> None:
    assert replace(ALERT, entity="a", period="b").identity != replace(ALERT, entity=None, period="a, b").identity


def test_a_record_holds_all_of_an_alert() -> None:
    alert = replace(
        ALERT,
        at_risk=(MoneyAtRisk("JPY", 5, 0), MoneyAtRisk("USD", 1234)),
        next_command="tieout exceptions",
        since=NOON.astimezone(timezone(timedelta(hours=2))),
    )
    assert alert.to_record()["since"] == "2026-02-02T12:00:00Z"
    assert Alert.from_record(alert.to_record()) == alert


def test_an_instant_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no zone"):
        replace(ALERT, since=NOON.replace(tzinfo=None))


def test_amounts_are_exact_with_the_digits_of_their_currency() -> None:
    found = money_at_risk([("USD", 10**17 + 1), ("JPY", 1234), ("BHD", 5), ("EUR", 5), ("EUR", -5)], {"JPY": 0, "BHD": 3})
    assert [str(money) for money in found] == ["BHD 0.005", "JPY 1,234", "USD 1,000,000,000,000,000.01"]


def test_the_worst_comes_first_then_the_most_money_then_the_oldest() -> None:
    alerts = [
        replace(ALERT, subject="young"),
        replace(ALERT, subject="rich", at_risk=(MoneyAtRisk("USD", 100),)),
        replace(ALERT, subject="rich in yen", at_risk=(MoneyAtRisk("JPY", 50, 0),)),
        replace(ALERT, subject="old", since=NOON - timedelta(1)),
        replace(ALERT, subject="worst", severity=Severity.CRITICAL),
        replace(ALERT, subject="worst", severity=Severity.INFO),
    ]
    assert [alert.subject for alert in worst_first(alerts)] == ["worst", "rich in yen", "rich", "old", "young"]
