"""Whatever is outside: destinations, asked without posting anything, and the channels of alerts."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from dagster_project.doctor.finding import Examined, Finding, ok, problem, warning
from reverse_etl.errors import ConfigurationError, TieoutError

if TYPE_CHECKING:
    from reverse_etl.posting.pacing.overview import DestinationState

TOLERATED_SKEW = timedelta(seconds=60)
ASK_SECONDS = 10.0
NORMAL = "normal"


def destinations(examined: Examined) -> Iterator[Finding]:
    from reverse_etl.posting.pacing.overview import destination_states

    if not examined.settings.lock_folder.is_dir():
        # What is no installation asks nobody, and keeps no account of how it was asked.
        return
    states = destination_states(examined.settings)
    with ThreadPoolExecutor(max(1, len(states)), thread_name_prefix="doctor") as threads:
        # Asked at once, told in order.
        for findings in threads.map(lambda state: list(_destination(examined, state)), states):
            yield from findings


def _destination(examined: Examined, state: DestinationState) -> Iterator[Finding]:
    from reverse_etl.sandbox.supervisor import stopped
    from reverse_etl.systems import open_system

    check, where = f"destination {state.name}", examined.settings.destination(state.name).url
    if state.problem is not None:
        yield problem(check, state.problem, where, f"correct destinations.{state.name} in tieout.yaml; tieout destinations check {state.name}")
        return
    try:
        system = open_system(examined.settings, state.name)
    except (TieoutError, OSError) as error:
        fix = "tieout sandbox start" if where == "sandbox" else f"tieout destinations check {state.name}"
        yield problem(check, str(error), where, fix)
        return
    wrong = False
    if state.mode != NORMAL:
        wrong = True
        told = f"its mode is {state.mode}, set by {state.mode_set_by}: {state.mode_reason}"
        yield warning(check, told, where, f"tieout destinations mode {state.name} normal --reason ... once it may be asked again")
    elif state.withheld:
        wrong = True
        until = f" until {state.withheld_until:%Y-%m-%d %H:%M} UTC" if state.withheld_until else ""
        yield warning(check, f"nothing is sent now{until}: {state.withheld}", where, "wait; the next push goes on by itself")
    for window, (used, allowed) in (state.quota or {}).items():
        if used >= allowed:
            wrong = True
            yield warning(check, f"{used} of {allowed} requests per {window} are used", where, "wait for the next window, or raise the limit there")
    if examined.asks and state.mode != "hold":
        answered = list(_asked(examined, state.name, check))
        yield from answered
        try:
            system.ping()
        except TieoutError as error:
            fix = (
                "tieout sandbox start"
                if stopped(examined.settings, [state.name])
                else f"check its url, its secrets and the network; tieout destinations check {state.name} --ask"
            )
            yield problem(check, f"it cannot be asked: {error}", where, fix)
            return
        if not answered and not wrong:
            yield ok(check, f"it answers and takes our authorization; class {state.capability_class}", where)
    elif not wrong:
        yield ok(check, f"its settings and secrets are whole; class {state.capability_class}", where)


def _asked(examined: Examined, name: str, check: str) -> Iterator[Finding]:
    """How far its clock is from ours: signatures, tokens and what counts as late depend on both."""
    from reverse_etl.systems.http_system import destination_url
    from reverse_etl.transport import Answer, Request, open_transport

    try:
        url = destination_url(examined.settings, name)
        transport = open_transport(examined.settings, name)
    except ConfigurationError:
        return
    began = datetime.now(UTC)
    answer = transport.exchange(Request("GET", url, {}), time.monotonic() + ASK_SECONDS)
    ended = datetime.now(UTC)
    transport.close()
    told = answer.headers.get("date") if isinstance(answer, Answer) else None
    if told is None:
        return
    try:
        theirs = parsedate_to_datetime(told).astimezone(UTC)
    except (ValueError, TypeError):
        return
    # The header has whole seconds; the answer was made at some time between asking and reading.
    skew = began - theirs if theirs < began else theirs - ended
    if skew > TOLERATED_SKEW:
        side = "behind" if theirs < began else "ahead of"
        told = f"its clock is {skew.total_seconds():.0f} s {side} ours"
        yield warning(check, told, url, "set this machine's clock (timedatectl set-ntp true); if ours is right, tell its operator")


def alert_channels(examined: Examined) -> Iterator[Finding]:
    """Channels that are configured: whether all that they need is here. Nothing is sent."""
    from reverse_etl.endpoints import Secret

    for name, channel in examined.settings.alerts.channels.items():
        check, where = f"alert channel {name}", f"alerts.channels.{name}"
        secrets = {part: value for part in ("url", "signing_secret", "password") if isinstance(value := getattr(channel, part, None), Secret)}
        missing = {part: secret for part, secret in secrets.items() if not secret.read(examined.home)}
        for part, secret in missing.items():
            yield problem(check, f"its {part} is not there", where, secret.remedy(examined.home) or f"name where it is: {where}.{part}")
        if not missing:
            yield _channel_works(examined, name, check, where)


def _channel_works(examined: Examined, name: str, check: str, where: str) -> Finding:
    """Whether it can be opened, and how its last messages fared."""
    from reverse_etl.alerting.channels import open_channel
    from reverse_etl.alerting.sending import memory_of

    channel = examined.settings.alerts.channels[name]
    try:
        open_channel(name, channel, examined.home)
        history = memory_of(examined.settings).history(name)
    except TieoutError as error:
        return problem(check, str(error), where, f"correct {where} of tieout.yaml (docs/alerts.md)")
    if history.failures:
        told = f"{history.failures} messages in a row did not arrive since {history.failing_since:%Y-%m-%d %H:%M} UTC: {history.last_failure}"
        return problem(check, told, where, f"tieout alerts test {name}")
    return ok(check, f"{channel.kind}: all that it needs is here; 'tieout alerts test {name}' sends one", where)


def lineage_events(examined: Examined) -> Iterator[Finding]:
    """Where events of OpenLineage go, if anywhere: whether the file can be written, or the endpoint took the last ones and is there."""
    configured = examined.settings.open_lineage
    path, check = configured.path(examined.home), "lineage events"
    if path is not None:
        folder = next(parent for parent in path.parents if parent.is_dir())
        if path.is_dir() or not os.access(path if path.is_file() else folder, os.W_OK):
            yield problem(check, "the file cannot be written", path, "name another file under open_lineage, or give this user the folder")
        else:
            yield ok(check, "the file can be written", path)
    elif configured.url is not None:
        yield from _endpoint(examined, configured.url, check)


def _endpoint(examined: Examined, url: str, check: str) -> Iterator[Finding]:
    from dagster_project.open_lineage.undelivered import delivery_state
    from reverse_etl.transport.addresses import origin_of

    state = delivery_state(examined.settings)
    if state is not None and state.problem is not None:
        told = f"they do not arrive since {state.since}: {state.problem}; {state.waiting} wait{_dropped(state.dropped)}"
        yield warning(check, told, url, "make the endpoint take events again: what waits is sent by the next run, and a close waits for nothing")
        return
    if examined.asks:
        try:
            _, host, port = origin_of(url)
            socket.create_connection((host, port), timeout=ASK_SECONDS).close()
        except (OSError, ValueError) as error:
            yield warning(check, f"the endpoint cannot be reached: {error}", url, "correct the url under open_lineage, or start the endpoint")
            return
    yield ok(check, f"{state.delivered} delivered, {state.waiting} wait{_dropped(state.dropped)}" if state else "none was sent yet", url)


def _dropped(events: int) -> str:
    return f", {events} were dropped" if events else ""
