"""A ledger that nobody wrote code for: described in a file, posted to, crashed, resumed, verified and read back."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from counted_clock import CountedClock
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from traced_requests import RUN, TRACE
from traceparents import is_valid
from voucher_service import KEY, Ledger, voucher_service

from reverse_etl.conformance import Specimens, Verdict, conformance
from reverse_etl.correlation import correlated
from reverse_etl.crash_points import CRASH_VARIABLE
from reverse_etl.documents import OutboxRow, SealedDocument, State
from reverse_etl.errors import ConfigurationError, DestinationError
from reverse_etl.posting import PushReport, push
from reverse_etl.register import Register
from reverse_etl.settings import Settings, load_settings
from reverse_etl.systems import open_system
from tests.reverse_etl.transport.scripted_server import answering, serving

ENTITY, PERIOD, DAY = "northlight_us", "2026-01", date(2026, 1, 31)
DESCRIPTION = Path(__file__).with_name("vouchers.yaml")


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    with voucher_service() as service:
        yield service


@pytest.fixture
def settings(tmp_path: Path, ledger: Ledger) -> Settings:
    (tmp_path / "destinations").mkdir()
    shutil.copy(DESCRIPTION, tmp_path / "destinations" / "vouchers.yaml")
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "vouchers_secret").write_text(KEY)
    (tmp_path / "tieout.yaml").write_text(
        f"""
destinations:
  vouchers:
    kind: http
    url: {ledger.url}
    options: {{functional_currency: USD}}
    entities: {{northlight_us: {{client: N1}}}}
    account_codes: {{"1100": AR}}
"""
    )
    return load_settings(tmp_path)


@pytest.fixture
def register(settings: Settings) -> Iterator[Register]:
    opened = Register.open(settings.register_url)
    yield opened
    opened.close()


def row(register: Register, document_type: str, name: str, payload: dict[str, Any], total: int = 0, depends_on: tuple[str, ...] = ()) -> OutboxRow:
    key = f"vouchers/{ENTITY}/{document_type}/{name}"
    return OutboxRow(
        contract_version=1,
        system="vouchers",
        entity=ENTITY,
        document_type=document_type,
        natural_id=name,
        business_key=key,
        revision=1,
        operation="create",
        series=None,
        document_date=DAY,
        posting_date=DAY,
        period=PERIOD,
        currency="USD",
        total_minor=total,
        depends_on=depends_on,
        sensitivity="internal",
        cause="rating",
        subtracted_key=key,
        register_head=0,
        register_incarnation=register.incarnation,
        payload=payload,
    )


def customer(register: Register, name: str) -> OutboxRow:
    return row(register, "customer", name, {"customer_id": name, "name": 'Robots "&" {Sons}\n'})


def entry(register: Register, name: str, minor: int = 11910, account: str = "4000") -> OutboxRow:
    def line(key: str, code: str, side: str, amount: int, party: str | None = None) -> dict[str, Any]:
        amounts = {"amount_minor": amount, "functional_minor": amount}
        return {"line_key": f"{name}#{key}", "account": code, "side": side, "customer_id": party, "description": None, **amounts}

    payload = {
        "source_number": "INV-1",
        "description": 'sold "exactly"',
        "currency": "USD",
        "currency_exponent": 2,
        "functional_currency": "USD",
        "functional_exponent": 2,
        "lines": [
            line("receivable", "1100", "debit", minor, "C1"),
            line("line:1", account, "credit", minor - 1910),
            line("tax", "2200", "credit", 1910),
        ],
    }
    return row(register, "journal_entry", name, payload, minor, (f"vouchers/{ENTITY}/customer/C1",))


def seal(register: Register, *rows: OutboxRow) -> None:
    report = register.seal(rows, "specification", "sealing")
    assert not report.refused, [refusal.reason for refusal in report.refused]


def pushed(register: Register, settings: Settings) -> PushReport:
    return push(register, open_system(settings, "vouchers"), ENTITY, settings_or_lock_folder=settings, actor="specification", patience=20)


def states(register: Register) -> set[State]:
    return {delivery.state for _, delivery in register.deliveries()}


def reasons(register: Register) -> list[str]:
    return [record.reason for record in register.exceptions()]


def test_documents_arrive_as_described_and_are_verified(settings: Settings, ledger: Ledger, register: Register) -> None:
    seal(register, customer(register, "C1"), *(entry(register, f"J{number}") for number in range(5)))
    pushed(register, settings)
    assert states(register) == {State.VERIFIED}, reasons(register)
    assert ledger.partners["C1"]["title"] == 'Robots "&" {Sons}\n'
    voucher = ledger.vouchers[0]
    assert {voucher["state"] for voucher in ledger.vouchers} == {"final"}
    assert [str(part) for row in voucher["rows"] for part in (row["code"], row.get("dr"), row.get("cr"), row.get("partner"))] == (
        ["AR", "119.10", "None", "C1", "4000", "None", "100.00", "None", "2200", "None", "19.10", "None"]
    )
    assert voucher["rows"][0]["remark"].endswith("#receivable | line")


@pytest.mark.parametrize("fault", ["busy", "accept_then_500", "accept_then_drop", "redirect"])
def test_a_lost_or_odd_answer_neither_duplicates_nor_loses(settings: Settings, ledger: Ledger, register: Register, fault: str) -> None:
    seal(register, customer(register, "C1"), *(entry(register, f"J{number}") for number in range(3)))
    ledger.faults = [fault, "", fault, "", "", fault]
    pushed(register, settings)
    assert states(register) == {State.VERIFIED}, reasons(register)
    assert set(ledger.counts().values()) == {1}
    assert len(ledger.vouchers) == 3


PUSHING = """
import sys
from pathlib import Path
from reverse_etl.posting import push
from reverse_etl.register import Register
from reverse_etl.settings import load_settings
from reverse_etl.systems import open_system
from reverse_etl.transport import tracing
from tests.reverse_etl.transport.scripted_server import answering, serving
settings = load_settings(Path(sys.argv[1]))
push(Register.open(settings.register_url), open_system(settings, "vouchers"), "northlight_us", settings_or_lock_folder=settings, actor="poster")
"""


@pytest.mark.parametrize("point", ["half_body_sent:2", "all_sent:2", "status_read:3", "body_parsed:3"])
def test_a_poster_killed_in_the_middle_of_an_exchange_is_finished_by_the_next(
    settings: Settings, ledger: Ledger, register: Register, point: str
) -> None:
    seal(register, customer(register, "C1"), *(entry(register, f"J{number}") for number in range(3)))
    died = subprocess.run([sys.executable, "-c", PUSHING, str(settings.home)], env=os.environ | {CRASH_VARIABLE: point}, check=False, timeout=300)
    assert died.returncode == -signal.SIGKILL
    pushed(register, settings)
    assert states(register) == {State.VERIFIED}, reasons(register)
    assert set(ledger.counts().values()) == {1}
    assert len(ledger.vouchers) == 3


def test_a_refused_document_stops_alone_with_the_words_of_the_ledger(settings: Settings, ledger: Ledger, register: Register) -> None:
    seal(register, customer(register, "C1"), entry(register, "J1"), entry(register, "J2", account="9999"))
    pushed(register, settings)
    assert {document.natural_id: delivery.state for document, delivery in register.deliveries()} == {
        "C1": State.VERIFIED,
        "J1": State.VERIFIED,
        "J2": State.REJECTED,
    }
    assert any("UNKNOWN_CODE" in reason for reason in reasons(register))


def test_what_somebody_changed_there_is_found(settings: Settings, ledger: Ledger, register: Register) -> None:
    seal(register, customer(register, "C1"), entry(register, "J1"))
    pushed(register, settings)
    ((document, _),) = [found for found in register.deliveries() if found[0].document_type == "journal_entry"]
    system = open_system(settings, "vouchers")
    ledger.vouchers[0]["day"] = "2026-02-01"
    ledger.vouchers[0]["rows"][1]["cr"] += 1
    remote = system.look_up([document], {})[document.reference]
    assert system.differences(document, None, remote) == (
        "posting date: 2026-02-01 instead of 2026-01-31",
        "period: 2026-02 instead of 2026-01",
        "line J1#line:1: functional_minor -10100 instead of -10000",
    )


def test_what_is_there_twice_is_told(settings: Settings, ledger: Ledger, register: Register) -> None:
    seal(register, customer(register, "C1"), entry(register, "J1"))
    pushed(register, settings)
    ((document, _),) = [found for found in register.deliveries() if found[0].document_type == "journal_entry"]
    ledger.vouchers.append({**ledger.vouchers[0], "no": "V-99"})
    assert open_system(settings, "vouchers").look_up([document], {})[document.reference].duplicates == ("V-99",)


def test_everything_of_a_period_is_read_back_over_its_pages(settings: Settings, ledger: Ledger, register: Register) -> None:
    seal(register, customer(register, "C1"), *(entry(register, f"J{number}") for number in range(4)))
    pushed(register, settings)
    ledger.vouchers.append({**ledger.vouchers[0], "no": "V-77", "externalNo": "by hand"})
    ledger.vouchers.append({**ledger.vouchers[0], "no": "V-78", "day": "2026-02-01"})
    records = list(open_system(settings, "vouchers").read_back(ENTITY, PERIOD))
    moves = [record for relation, record in records if relation == "raw.ledger_moves"]
    lines = [record for relation, record in records if relation == "raw.ledger_move_lines"]
    assert [move["remote_id"] for move in moves] == ["V-1", "V-2", "V-3", "V-4", "V-77"]
    assert [move["reference"] is None for move in moves] == [False] * 4 + [True]
    assert {(line["account_code"], line["debit_minor"], line["credit_minor"]) for line in lines} == {
        ("AR", 11910, 0),
        ("4000", 0, 10000),
        ("2200", 0, 1910),
    }
    assert [line["line_key"] for line in lines if line["remote_id"] == "V-77"] == [None] * 3
    moved = [record for relation, record in records if relation == "raw.ledger_account_movements"]
    turnover = {record["account_code"]: record["debit_minor"] - record["credit_minor"] for record in moved}
    assert turnover == {
        "AR": 59550,
        "4000": -50000,
        "2200": -9550,
    }


def test_the_key_is_in_no_file_that_the_push_wrote(settings: Settings, ledger: Ledger, register: Register) -> None:
    seal(register, customer(register, "C1"), entry(register, "J1"))
    pushed(register, settings)
    written = [path for path in settings.home.rglob("*") if path.is_file() and path.parent.name != "secrets"]
    assert any("register" in path.name for path in written)
    assert [path for path in written if KEY.encode() in path.read_bytes()] == []


VOUCHER_NAMES = [
    "no",
    "externalNo",
    "state",
    "day",
    "rows",
    "code",
    "dr",
    "cr",
    "remark",
    "partner",
    "changed",
    "payload",
    "vouchers",
    "more",
    "total",
]
DAMAGED = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4) | st.sampled_from(["1.005", "NaN", "2026-99-99", 1.5, "V-1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(VOUCHER_NAMES), inner, max_size=8),
    max_leaves=12,
)


@hypothesis_settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(answer=DAMAGED, wrapped=st.booleans())
def test_whatever_is_read_is_understood_or_a_destination_that_could_not_be_read(
    settings: Settings, ledger: Ledger, register: Register, answer: Any, wrapped: bool
) -> None:
    document = documents_of(register)[0]
    content = {"done": True, "payload": {"vouchers": [answer] if isinstance(answer, dict) else answer, "total": 1}} if wrapped else answer
    with serving(answering((200, json.dumps(content).encode(), ""))) as server:
        elsewhere = settings.destinations["vouchers"].model_copy(update={"url": server.url})
        system = open_system(settings.model_copy(update={"destinations": {"vouchers": elsewhere}}), "vouchers")
        with suppress(DestinationError):
            for remote in system.look_up([document], {}).values():
                assert isinstance(system.differences(document, None, remote), tuple)
        with suppress(DestinationError):
            assert {relation for relation, _ in system.read_back(ENTITY, PERIOD)} <= {"raw.ledger_moves", "raw.ledger_move_lines"}


def documents_of(register: Register) -> list[SealedDocument]:
    if not register.deliveries():
        seal(register, customer(register, "C1"), entry(register, "J1"))
    return [document for document, _ in register.deliveries() if document.document_type == "journal_entry"]


def test_the_conformance_kit_finds_every_claim_of_the_description_kept(settings: Settings, ledger: Ledger) -> None:
    specimens = Specimens("vouchers", ENTITY, "run", DAY, debit_account="1100", credit_account="4000")
    report = conformance(open_system(settings, "vouchers"), specimens, kind="http", url=ledger.url, clock=CountedClock())
    assert [finding for finding in report.findings if finding.verdict is Verdict.BROKEN] == []
    kept = {(finding.document_type, finding.probe) for finding in report.findings if finding.verdict is Verdict.KEPT}
    probes = ("look_up", "comparison", "same_key_twice", "same_key_at_once")
    assert kept >= {(document_type, probe) for document_type in ("customer", "journal_entry") for probe in probes} | {("customer", "uniqueness")}


def test_every_request_names_its_run(settings: Settings, ledger: Ledger, register: Register) -> None:
    seal(register, customer(register, "C1"), entry(register, "J1"))
    system = open_system(settings, "vouchers")
    with correlated(RUN):
        assert pushed(register, settings).verified == 2
        list(system.read_back(ENTITY, PERIOD))
        system.ping()
    assert len(ledger.traceparents) > 6
    assert all(map(is_valid, ledger.traceparents))
    assert {str(header).split("-")[1] for header in ledger.traceparents} == {TRACE}


def test_a_description_cannot_name_another_trace(settings: Settings) -> None:
    path = settings.home / "destinations" / "vouchers.yaml"
    path.write_text(path.read_text().replace("headers:", "headers: {Traceparent: mine}\n#", 1))
    with pytest.raises(ConfigurationError, match="Traceparent is not set by a description"):
        open_system(settings, "vouchers")
