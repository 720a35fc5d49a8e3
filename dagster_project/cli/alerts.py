"""``tieout alerts``: what holds now, how the channels fare, and sending without a daemon."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from dagster_project.cli.session import Session, with_session

if TYPE_CHECKING:
    from reverse_etl.alerting import Alert
    from reverse_etl.alerting.policy import Holding
    from reverse_etl.alerting.sending import ChannelState

CHANNEL_COLUMNS = ("channel", "kind", "state", "last_sent", "messages_sent")


@click.group("alerts", invoke_without_command=True)
@with_session
@click.pass_context
def alerts_command(context: click.Context, session: Session) -> None:
    """List what needs somebody now, the worst first, and how the channels fare. See docs/alerts.md."""
    if context.invoked_subcommand is None:
        _list(session)


@alerts_command.command("list")
@with_session
def list_command(session: Session) -> None:
    """List what needs somebody now, as 'tieout alerts' does."""
    _list(session)


@alerts_command.command("send")
@with_session
def send_command(session: Session) -> int:
    """Tell every channel what it does not know yet: new alerts, reminders, and what is over. For cron, where no Dagster daemon runs.

    The exit code is 1 where a channel could not be told; it is tried again by a later run, with growing pauses.
    """
    from dagster_project.alerting.telling import tell
    from reverse_etl.errors import ConfigurationError

    installation = session.installation
    if not installation.settings.alerts.channels:
        raise ConfigurationError(
            f"there is no channel: add one under alerts.channels of {installation.settings.home / 'tieout.yaml'} (docs/alerts.md)"
        )
    found, reports = tell(installation, audit=True)
    for report in reports:
        session.line(str(report))
    session.result({"alerts": _records(found), "channels": [asdict(report) for report in reports]})
    return 1 if any(report.outcome in ("failed", "unusable", "waiting") for report in reports) else 0


@alerts_command.command("test")
@click.argument("channel")
@with_session
def test_command(session: Session, channel: str) -> None:
    """Send a test alert by CHANNEL, whatever kinds and severities it wants, and say what came back."""
    from reverse_etl.alerting.sending import send_test

    installation = session.installation
    told = send_test(installation.settings, channel, datetime.now(UTC), installation.actor)
    session.line(f"{channel} works: {told}")
    session.result({"channel": channel, "told": told})


@contextmanager
def alerting(session: Session) -> Iterator[None]:
    """Tell the channels what has become of the work in the block, however it ended; nothing that goes wrong in that spoils it."""
    try:
        yield
    except Exception:
        _tell_of(session)
        raise
    _tell_of(session)


def _tell_of(session: Session) -> None:
    if session.settings.alerts.channels:
        from dagster_project.alerting.telling import told_after

        for line in told_after(session.installation):
            session.line(line)


def _list(session: Session) -> None:
    from dagster_project.alerting.gathering import holding
    from reverse_etl.alerting.sending import channel_states

    installation = session.installation
    found = holding(installation)
    states = channel_states(installation.settings) if installation.settings.alerts.channels else ()
    for alert in found.alerts:
        _show(session, alert)
    if not found.alerts:
        session.line("No alerts")
    for kind, reason in sorted(found.blind.items()):
        session.line(f"Could not look at {kind.value.replace('_', ' ')}: {reason}")
    if states:
        session.table("Channels", [_channel(state) for state in states], CHANNEL_COLUMNS)
    else:
        session.line("No channel is set up: nobody is told (docs/alerts.md)")
    session.result(
        {
            "alerts": _records(found),
            "blind": {kind.value: reason for kind, reason in found.blind.items()},
            "channels": [asdict(state) for state in states],
        }
    )


def _records(found: Holding) -> list[dict[str, Any]]:
    return [alert.to_record() for alert in found.alerts]


def _show(session: Session, alert: Alert) -> None:
    """A paragraph each: a cause is a sentence, and a command is to be copied whole."""
    session.line(f"{alert.severity.label}: {alert.title}")
    at_risk = f", {', '.join(map(str, alert.at_risk))} at risk" if alert.at_risk else ""
    session.line(f"  since {alert.since.astimezone(UTC):%Y-%m-%d %H:%M} UTC{at_risk}")
    session.paragraph(alert.cause)
    if alert.next_command:
        session.line(f"  Next: {alert.next_command}")
    session.line("")


def _channel(state: ChannelState) -> dict[str, Any]:
    history = state.history
    if state.problem is not None:
        told = f"cannot be used: {state.problem}"
    elif history.failures:
        again = f", tried again after {history.retry_at:%H:%M:%S} UTC" if history.retry_at else ""
        told = f"{history.failures} failed in a row since {history.failing_since:%Y-%m-%d %H:%M} UTC: {history.last_failure}{again}"
    else:
        told = "works" if history.messages_sent else "not used yet ('tieout alerts test' tries it)"
    return {
        "channel": state.name,
        "kind": state.kind,
        "state": told,
        "last_sent": None if history.last_sent_at is None else f"{history.last_sent_at:%Y-%m-%d %H:%M}",
        "messages_sent": history.messages_sent,
    }
