"""A closed period is what it was closed with: whatever changes it behind the register is found and named (J12)."""

from __future__ import annotations

import pytest
from register_rows import ENTITY, credit_memo, invoice, journal
from register_stores import change, run

from reverse_etl.errors import BrokenSealError
from reverse_etl.register import LandedFiles, Register
from reverse_etl.register.records.periods import HARD_CLOSED

COPIED = (
    "contract_version, system, entity, document_type, natural_id, business_key || ':copy', revision, operation, series, number, document_date, "
    "posting_date, period, currency, total_minor, depends_on, sensitivity, cause, subtracted_key, register_head, register_incarnation, "
    "content_hash, reference, payload"
)
SEALED_BEHIND = (
    f"insert into documents select 999, {COPIED} from documents where document_type = 'invoice'",
    "insert into deliveries select 999, state, generation, completed, written_ahead_at, first_written_at, doubt, resend_exhausted, believable_at, "
    "resolutions, next_attempt_at, remote_id, remote_number, epoch, reason, posted_at from deliveries limit 1",
)


@pytest.fixture
def closed(register: Register) -> Register:
    """January: an invoice, a credit memo and a journal entry."""
    sealed = register.seal([invoice(register), journal(register)], "tests", "run").sealed
    [billed] = [document for document in sealed if document.document_type == "invoice"]
    assert register.seal([credit_memo(register, head=billed.position)], "tests", "run").sealed
    register.close_period(ENTITY, "2026-01", 7, "tests", landed_files=LandedFiles(7, 3, "abc"))
    return register


def test_a_seal_counts_documents_accounts_and_landed_files(closed: Register) -> None:
    seal = closed.period_seal(ENTITY, "2026-01")
    assert seal is not None
    assert [(str(one), one.item_count, one.total_minor, one.functional_minor) for one in seal.measures] == [
        ("all_documents", 3, None, None),
        ("documents credit_memo in USD", 1, 120, None),
        ("documents invoice in USD", 1, 1200, None),
        ("documents journal_entry in USD", 1, 1200, None),
        ("account 1100 in USD", 2, 0, 0),
        ("landed_files", 3, None, None),
    ]
    assert closed.verify_seals() == []
    assert closed.verify_chain().intact


@pytest.mark.parametrize(
    ("statements", "named"),
    [
        (SEALED_BEHIND, f"stripe/{ENTITY}/invoice/C0001:2026-01:1:copy (sealed after the close)"),
        (("delete from documents where document_type = 'credit_memo'",), "a document (removed)"),
        (("update documents set total_minor = total_minor - 1 where document_type = 'invoice'",), "documents invoice in USD"),
        (("update documents set content_hash = 'other' where document_type = 'invoice'",), "documents invoice in USD"),
        (("update documents set payload = replace(payload, '1100', '1200') where document_type = 'journal_entry'",), "account 1200 in USD"),
        (("update documents set period = '2026-02' where document_type = 'journal_entry'",), "documents journal_entry in USD"),
    ],
)
def test_what_changes_underneath_a_closed_period_is_named(closed: Register, register_url: str, statements: tuple[str, ...], named: str) -> None:
    change(register_url, *statements)

    found = closed.verify_seals(ENTITY)

    assert named in [one.what for one in found]
    assert all((one.entity, one.period) == (ENTITY, "2026-01") and one.sealed != one.now for one in found)
    # Whoever reads a figure knows what it is of.
    assert all("minor units" in figure for one in found for figure in (one.sealed, one.now) if "total" in figure)
    assert closed.verify_seals("northlight_eu") == []
    with pytest.raises(BrokenSealError, match="J12 northlight_us 2026-01"):
        closed.cancel(next(one for one in closed.documents() if one.document_type == "invoice"), "tests", "not wanted")


def test_what_is_broken_is_not_hard_closed(closed: Register, register_url: str) -> None:
    change(register_url, "update documents set total_minor = total_minor - 1 where document_type = 'invoice'")
    run(register_url, "update deliveries set state = 'verified'")

    with pytest.raises(BrokenSealError, match="documents invoice in USD"):
        closed.close_period(ENTITY, "2026-01", None, "tests", HARD_CLOSED)


def test_a_cancelled_document_leaves_the_seal_by_a_fact_of_the_log(closed: Register) -> None:
    before = closed.period_seal(ENTITY, "2026-01")
    closed.cancel(next(one for one in closed.documents() if one.document_type == "invoice"), "ada", "not wanted")

    after = closed.period_seal(ENTITY, "2026-01")

    assert before is not None
    assert after is not None
    assert (before.landed_files, before.measures[0].item_count, after.measures[0].item_count) == (after.landed_files, 3, 2)
    assert closed.verify_seals() == []
