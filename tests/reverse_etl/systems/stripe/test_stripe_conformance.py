"""What Stripe's manifest claims of keys and look-ups, probed at the stand-in."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from counted_clock import CountedClock

from reverse_etl.conformance import Specimens, Verdict, conformance, reduced
from reverse_etl.conformance.findings import EXPIRY, UNIQUENESS
from reverse_etl.systems.contract import FOREVER
from reverse_etl.systems.stripe import StripeSystem

if TYPE_CHECKING:
    from conftest import Destination

SPECIMENS = Specimens("stripe", "northlight_us", "spec", date(2026, 1, 31))


def test_the_manifest_is_kept_and_a_day_is_not_waited_for(destination: Destination) -> None:
    report = conformance(destination.system, replace(SPECIMENS, run="kept"), kind="stripe", url=destination.url, clock=CountedClock())

    customer = {finding.probe: finding.verdict for finding in report.findings if finding.document_type == "customer"}
    assert not report.broken, report.broken
    assert customer[EXPIRY] is Verdict.UNPROVEN
    assert customer[UNIQUENESS] is Verdict.NOTED


def test_a_key_is_no_unique_reference(destination: Destination) -> None:
    claimed = replace(destination.system.manifest, key_retention=FOREVER)
    system = StripeSystem(claimed, destination.system._client)

    report = conformance(system, replace(SPECIMENS, run="lie"), kind="stripe", url=destination.url, clock=CountedClock())

    assert {(finding.document_type, finding.probe) for finding in report.broken} == {("customer", UNIQUENESS)}
    assert reduced(claimed, report).of("customer").capability_class == "B"
