"""Telling people what needs them: what an alert is, the channels it goes out by, and the memory of what was sent."""

from reverse_etl.alerting.alert import Alert, AlertKind, MoneyAtRisk, Severity

__all__ = ["Alert", "AlertKind", "MoneyAtRisk", "Severity"]
