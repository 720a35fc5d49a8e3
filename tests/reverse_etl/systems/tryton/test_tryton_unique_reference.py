"""With the add-on the server itself refuses a second move under our reference; without it two clients at once make two."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest
from counted_clock import CountedClock
from lossy_relay import lossy_relay
from tryton_documents import EU, SPECIFICATION, US, Driver, customer, entry, line
from tryton_ledger import PASSWORD, Ledger

from reverse_etl.conformance import Specimens, Verdict, conformance
from reverse_etl.conformance.findings import KEY, SIMULTANEOUS, UNIQUENESS
from reverse_etl.documents import SealedDocument
from reverse_etl.sandbox.processes import stop
from reverse_etl.sandbox.tryton.database import ADD_ON_MODULE, DATABASE, install_add_on, module_environment, provision_ledger
from reverse_etl.sandbox.tryton.server import start_server
from reverse_etl.systems.contract import Ambiguous, Outcome, Rejected, Succeeded
from reverse_etl.systems.tryton import Tryton

POSTERS = 4


@pytest.fixture(scope="module")
def unique(tmp_path_factory: pytest.TempPathFactory, home: Path) -> Iterator[Ledger]:
    """A ledger whose server has the add-on."""
    pytest.importorskip("trytond", reason="the extra 'tryton' is not installed")
    folder = tmp_path_factory.mktemp("tryton") / "unique"
    provision_ledger(SPECIFICATION, folder, PASSWORD, unique_reference=True)
    running = Ledger(folder, start_server(folder), home)
    Driver(running.open()).create(customer("C0001"), customer("C0002", "Borealis", entity=EU))
    yield running
    stop(running.server.process)


@pytest.fixture
def system(unique: Ledger) -> Tryton:
    return unique.open(unique_reference="true")


def moves_of(ledger: Ledger, document: SealedDocument) -> list[int]:
    return ledger.ids("account.move", [["description", "like", f"{document.reference}%"]])


def sent_at_once(open_system: Callable[[], Tryton], document: SealedDocument) -> list[Outcome]:
    """The document created by several posters, each over a connection of its own, at the same moment."""
    gate, outcomes = threading.Barrier(POSTERS), []

    def post(driver: Driver) -> None:
        gate.wait()
        outcomes.extend(driver.send([document], "create"))

    drivers = [Driver(open_system()) for _ in range(POSTERS)]
    for driver in drivers:
        # Log in and learn the codes first, so that all are sent together.
        driver.send([entry(posting_date=document.posting_date.replace(year=2031))], "create")
    threads = [threading.Thread(target=post, args=(driver,)) for driver in drivers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def test_the_add_on_makes_an_unlimited_key_of_our_reference(system: Tryton, ledger: Ledger) -> None:
    assert system.manifest.capability_class == "U"
    assert ledger.open().manifest.capability_class == "B"


def test_posters_at_once_make_one_move_with_the_add_on(unique: Ledger) -> None:
    document = entry()

    outcomes = sent_at_once(lambda: unique.open(unique_reference="true"), document)

    [move] = moves_of(unique, document)
    assert {outcome.remote_id for outcome in outcomes if isinstance(outcome, Succeeded)} == {str(move)}


def test_posters_at_once_make_several_moves_without_it(ledger: Ledger) -> None:
    document = entry()

    sent_at_once(ledger.open, document)

    assert len(moves_of(ledger, document)) > 1


def test_what_was_sent_already_is_adopted_in_a_batch_with_what_was_not(unique: Ledger, system: Tryton) -> None:
    driver, documents = Driver(system), [entry() for _ in range(6)]
    first = driver.create(documents[1], documents[4])
    unbalanced = entry(lines=(line("a", "1100", "debit", 1000), line("b", "4000", "credit", 1000)))

    *outcomes, refused = driver.send([*documents, unbalanced], "create", generation=2)

    assert all(isinstance(outcome, Succeeded) for outcome in outcomes)
    assert isinstance(refused, Rejected), "a receivable account demands a party: what is refused for a reason of its own stays refused"
    assert outcomes[1] == Succeeded(str(first[documents[1].reference]["move_id"]), first[documents[1].reference])
    assert [len(moves_of(unique, document)) for document in documents] == [1] * 6


def test_after_a_lost_answer_the_same_is_sent_again_at_once(unique: Ledger, system: Tryton) -> None:
    documents = [entry() for _ in range(20)]
    with lossy_relay(unique.server.url, "account.move.create") as relay:
        outcomes = Driver(unique.open(url=relay.url, unique_reference="true")).send(documents, "create")
    assert {type(outcome) for outcome in outcomes} == {Ambiguous}

    Driver(system).post(*documents)

    assert [len(moves_of(unique, document)) for document in documents] == [1] * 20
    found = system.look_up(documents, {})
    assert {system.differences(document, None, found[document.reference]) for document in documents} == {()}


def test_a_reference_is_unique_within_a_company_and_a_copy_has_none(unique: Ledger, system: Tryton) -> None:
    document = entry()
    [move] = Driver(system).post(document)

    [copied] = unique.do("account.move.copy", [int(move)], {}, {})

    fields = {record["id"]: record["external_id"] for record in unique.do("account.move.read", [int(move), copied], ["external_id"], {})}
    assert fields == {int(move): document.reference, copied: None}
    assert unique.do("account.move.search_count", [["external_id", "=", document.reference], ["company.party.code", "=", US]], 0, None, {}) == 1


def test_what_was_posted_before_the_add_on_has_its_reference_too(start_ledger: Callable[[Path], Ledger], tmp_path: Path) -> None:
    plain = start_ledger(tmp_path / "upgraded")
    document = entry()
    try:
        Driver(plain.open()).create(customer("C0001"))
        Driver(plain.open()).post(document)
        Driver(plain.open()).send([document], "create", generation=2)
    finally:
        stop(plain.server.process)
    activate(plain.folder)
    plain.server = start_server(plain.folder)
    try:
        system = plain.open(unique_reference="true")
        found = system.look_up([document], {})[document.reference]
        assert (found.status, len(found.duplicates)) == ("duplicate", 1)
        assert isinstance(Driver(system).send([document], "create", generation=3)[0], Succeeded)
        assert len(moves_of(plain, document)) == 2, "the second move from before has no reference, and no third one is made"
    finally:
        stop(plain.server.process)


def test_what_the_add_on_promises_is_kept_when_it_is_probed(unique: Ledger, system: Tryton) -> None:
    specimens = Specimens("tryton", US, "unique", date(2026, 5, 31), debit_account="7900", credit_account="4000")
    report = conformance(system, specimens, kind="tryton", url=unique.server.url, patience=5.0, clock=CountedClock())
    entries = {finding.probe: finding.verdict for finding in report.findings if finding.document_type == "journal_entry"}
    assert not report.broken, report.broken
    assert (entries[KEY], entries[SIMULTANEOUS], entries[UNIQUENESS]) == (Verdict.KEPT, Verdict.KEPT, Verdict.KEPT)


def test_a_claim_that_the_server_disproves_is_told_and_counts_as_absent(ledger: Ledger, caplog: pytest.LogCaptureFixture) -> None:
    system = ledger.open(unique_reference="true")
    with caplog.at_level(logging.WARNING):
        system.ping()

    assert system.manifest.capability_class == "B"
    assert "Tryton does not have the add-on tieout_reference: it counts as absent" in caplog.text
    document = entry()
    Driver(system).post(document)
    assert system.look_up([document], {}).keys() == {document.reference}


def activate(folder: Path) -> None:
    """Install the add-on where the server is, and activate it in its database, as an administrator would."""
    install_add_on(folder)
    main = "from trytond.cli.admin import main; main()"
    command = [sys.executable, "-c", main, "-c", str(folder / "trytond.conf"), "-d", DATABASE, "-u", ADD_ON_MODULE]
    subprocess.run(command, check=True, env=module_environment(folder), capture_output=True)
