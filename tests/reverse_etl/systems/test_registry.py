"""Destinations are found by their name, their kind is a module, and what is missing is said with what to do."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from reverse_etl.conformance import ConformanceReport, Finding, Verdict, record
from reverse_etl.conformance.findings import KEY
from reverse_etl.errors import ConfigurationError
from reverse_etl.settings import Settings
from reverse_etl.systems import kinds, open_system
from reverse_etl.systems.registry import manifest_of


def settings(home: Path, **destinations: Any) -> Settings:
    return Settings.model_validate({"home": home, "destinations": destinations})


def test_a_kind_is_a_module_that_declares_a_manifest() -> None:
    assert {"stripe", "tryton"} <= set(kinds())
    assert all(manifest_of(kind) is not None for kind in kinds())
    assert not {"contract", "registry", "journal_entries"} & set(kinds())


def test_two_destinations_of_one_kind_differ_by_name_secret_and_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIPE_US_SECRET", "sk_test_us")
    monkeypatch.setenv("EUROPE_KEY", "sk_test_eu")
    installation = settings(
        tmp_path,
        stripe_us={"kind": "stripe", "url": "https://api.stripe.com", "requests_per_second": 5, "send_deadline_seconds": 7},
        stripe_eu={"kind": "stripe", "url": "https://api.stripe.com", "secret_environment": "EUROPE_KEY"},
    )
    us, eu = open_system(installation, "stripe_us").manifest, open_system(installation, "stripe_eu").manifest
    assert (us.system, us.requests_per_second, us.send_deadline) == ("stripe_us", 5, timedelta(seconds=7))
    assert (eu.system, eu.requests_per_second) == ("stripe_eu", 100)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nowhere", r"no destination named 'nowhere'; there are books, odd, stripe: add it under 'destinations' of tieout.yaml"),
        ("books", r"destination books: no kind 'books'; set its 'kind' in tieout.yaml to one of .*stripe, tryton"),
        ("odd", r"destination odd: no kind '../contract'; set its 'kind'"),
        ("stripe", r"no secret for destination stripe: set STRIPE_SECRET or write .*/secrets/stripe_secret"),
    ],
)
def test_what_cannot_be_opened_says_what_to_do(tmp_path: Path, name: str, message: str) -> None:
    installation = settings(tmp_path, stripe={"url": "https://api.stripe.com"}, books={"url": "https://books.example"}, odd={"kind": "../contract"})
    with pytest.raises(ConfigurationError, match=message):
        open_system(installation, name)


def test_options_and_account_codes_of_an_entity_win_over_those_of_all(tmp_path: Path) -> None:
    installation = settings(
        tmp_path,
        books={
            "options": {"subsidiary": "1", "ledger": "main"},
            "entities": {"northlight_eu": {"subsidiary": "2"}},
            "account_codes": {"1100": "AR", "northlight_eu/1100": "AR-EU"},
        },
    )
    assert [installation.option("books", "subsidiary", entity) for entity in ("northlight_us", "northlight_eu")] == ["1", "2"]
    assert [installation.account_code("books", entity, "1100") for entity in ("northlight_us", "northlight_eu")] == ["AR", "AR-EU"]
    assert installation.account_code("books", "northlight_eu", "4000") == "4000"
    with pytest.raises(ConfigurationError, match=re.escape("destination books needs the option 'realm': set it under destinations.books.options")):
        installation.option("books", "realm", "northlight_us")


def test_what_a_conformance_report_disproved_is_absent_until_it_is_probed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIPE_SECRET", "sk_test")
    installation = settings(tmp_path, stripe={"url": "https://api.stripe.com"})
    lie = Finding("customer", KEY, "a key", "two there", Verdict.BROKEN)
    record(installation, ConformanceReport("stripe", "stripe", "https://api.stripe.com", "2026-01-31T00:00:00+00:00", (lie,)))

    assert open_system(installation, "stripe").manifest.of("customer").capability_class == "B"
    assert open_system(installation, "stripe").manifest.of("invoice").capability_class == "A"
    assert open_system(installation, "stripe", as_claimed=True).manifest.of("customer").capability_class == "A"

    record(installation, ConformanceReport("stripe", "stripe", "https://elsewhere.example", "2026-02-01T00:00:00+00:00", (lie,)))
    assert open_system(installation, "stripe").manifest.of("customer").capability_class == "A"


def test_a_report_that_cannot_be_read_proves_nothing_and_stops_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIPE_SECRET", "sk_test")
    installation = settings(tmp_path, stripe={"url": "https://api.stripe.com"})
    record(installation, ConformanceReport("stripe", "stripe", "https://api.stripe.com", "", ())).write_text("{")

    with pytest.raises(ConfigurationError, match="tieout conformance stripe"):
        open_system(installation, "stripe")
