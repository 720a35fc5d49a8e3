"""A misposting corrected in a real Tryton, and what a comparison with it finds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest
from tryton_documents import US, Driver, entry
from tryton_ledger import Ledger

from reverse_etl.documents import OutboxRow, SealedDocument, State
from reverse_etl.oversight.comparisons import compare
from reverse_etl.posting import push
from reverse_etl.register import Register
from reverse_etl.systems.tryton import Tryton

PERIOD = "2026-01"


@pytest.fixture
def register(tmp_path: Path) -> Iterator[Register]:
    opened = Register.open(f"sqlite:///{tmp_path / 'register.sqlite'}")
    yield opened
    opened.close()


def row(register: Register, document: SealedDocument) -> OutboxRow:
    """The row that a document of these specifications would have been sealed from."""
    shared = {field.name for field in fields(OutboxRow)} & {field.name for field in fields(SealedDocument)}
    total = sum(line["amount_minor"] for line in document.payload.get("lines", ()) if line["side"] == "debit")
    return OutboxRow(
        **{name: getattr(document, name) for name in shared - {"total_minor"}},
        contract_version=1,
        series=None,
        total_minor=total,
        subtracted_key=document.business_key,
        register_head=0,
        register_incarnation=register.incarnation,
    )


def seal(register: Register, *documents: SealedDocument) -> tuple[SealedDocument, ...]:
    report = register.seal([row(register, document) for document in documents], "specification", "sealing")
    assert not report.refused, [refusal.reason for refusal in report.refused]
    return report.sealed


def test_a_corrected_entry_is_in_tryton_three_times_and_counts_once(system: Tryton, register: Register, tmp_path: Path) -> None:
    [original] = seal(register, entry(minor=23800))
    push(register, system, US, settings_or_lock_folder=tmp_path, actor="specification")
    request = register.ask_to_repost(original.business_key, "posted to the wrong journal", "ada")
    register.approve(request.request_id, request.content_hash, "grace")
    push(register, system, US, settings_or_lock_folder=tmp_path, actor="specification")

    states = {(one.natural_id.partition(":")[2], one.revision): delivery.state for one, delivery in register.deliveries()}
    assert states == {("", 1): State.REVERSED, ("reversed:1", 1): State.VERIFIED, ("", 2): State.VERIFIED}
    entries = register.documents()
    held = system.look_up(entries, {})
    assert {held[one.reference].status for one in entries} == {"posted"}
    balances: dict[tuple[str | None, str | None], int] = {}
    for one in entries:
        for line in held[one.reference].lines:
            balances[line.account, line.party] = balances.get((line.account, line.party), 0) + (line.functional_minor or 0)
    assert balances == {("1100", "C0001"): 23800, ("4000", None): -20000, ("2200", None): -3800}


def test_a_comparison_finds_drafts_and_entries_that_the_register_does_not_know(ledger: Ledger, driver: Driver, register: Register) -> None:
    sealed, _ = seal(register, entry(), entry())
    driver.create(sealed)
    unknown = entry()
    driver.post(unknown)

    found = compare(register, ledger.open(), US, PERIOD)

    kinds = {one.reference: one.kind for one in found.differences}
    assert (kinds[sealed.reference], kinds[unknown.reference]) == ("draft", "extra")
    assert found.checkpoints()["K8"].startswith("breaks")
