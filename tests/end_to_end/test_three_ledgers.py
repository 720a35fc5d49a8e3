"""One close over three legal entities whose ledgers are NetSuite, Xero and QuickBooks: every cent tied in each, every entry found in its own ERP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

import httpx
import pytest
from three_ledgers_company import ARRIVAL, ENTITIES, PERIOD, deliver, settings_of

from dagster_project.cli.closing.tie_out import HEADLINES, ledger_balances, tied_checkpoints
from dagster_project.cli.installing.installation import initialize
from dagster_project.close import CloseKey, Installation
from dagster_project.runs.runner import JobRun, JobRunner, exclusive
from reverse_etl.documents import State
from reverse_etl.sandbox.supervisor import start_sandbox, stop_sandbox
from reverse_etl.settings import Settings


@dataclass(frozen=True)
class Closed:
    installation: Installation
    run: JobRun


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Closed]:
    settings = settings_of(tmp_path_factory.mktemp("acme"))
    initialize(settings)
    deliver(settings)
    try:
        settings = with_tenants(settings, start_sandbox(settings)["xero"].url)
        with exclusive(settings, "the test"):
            runner = JobRunner(settings)
            landing = runner.land(ARRIVAL, ARRIVAL)
            assert landing.succeeded, landing.failures
            yield Closed(Installation(settings), runner.close([CloseKey(entity, PERIOD) for entity in ENTITIES]))
    finally:
        stop_sandbox(settings)


def with_tenants(settings: Settings, url: str) -> Settings:
    """The settings with what Xero calls its organisations."""
    state = httpx.get(f"{url}/_state", trust_env=False, timeout=120).json()
    [tenant] = [found["tenant"] for found in state["organisations"] if found["entity"] == "acme_eu"]
    destination = settings.destinations["xero"].model_copy(update={"entities": {"acme_eu": {"tenant": tenant}}})
    return settings.model_copy(update={"destinations": {**settings.destinations, "xero": destination}})


def test_every_checkpoint_ties_in_every_ledger(closed: Closed) -> None:
    assert closed.run.succeeded, closed.run.failures
    checkpoints = tied_checkpoints(closed.installation, PERIOD)
    assert [checkpoint.checkpoint for checkpoint in checkpoints] == list(HEADLINES)
    assert all(checkpoint.tied for checkpoint in checkpoints)


def test_each_entity_posts_to_its_own_ledger_and_only_there(closed: Closed) -> None:
    with closing(closed.installation.open_register()) as register:
        delivered = register.deliveries(document_type="journal_entry")
    assert {delivery.state for _, delivery in delivered} == {State.VERIFIED}
    assert {document.entity: document.system for document, _ in delivered} == {entity: ledger for entity, (_, ledger) in ENTITIES.items()}
    [held] = closed.installation.warehouse.read_published(
        "select count(*) as moves from staging.stg_ledger__moves where state = 'posted'"
    ).to_pylist()
    assert held["moves"] == len(delivered) > len(ENTITIES)


def test_a_document_in_another_currency_is_held_with_its_own_amount(closed: Closed) -> None:
    lines = closed.installation.warehouse.read_published(
        "select entity, currency, sum(signed_minor) as amount, sum(signed_functional_minor) as functional from staging.stg_ledger__move_lines"
        " where party_code = 'BRISE' group by all"
    ).to_pylist()
    assert [(line["entity"], line["currency"]) for line in lines] == [("acme_us", "EUR")]
    assert lines[0]["functional"] != lines[0]["amount"] != 0


def test_a_ledger_that_adds_up_by_itself_agrees(closed: Closed) -> None:
    balances = ledger_balances(closed.installation, PERIOD)
    assert all(balance.equal for balance in balances)
