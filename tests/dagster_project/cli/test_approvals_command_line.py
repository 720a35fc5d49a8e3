"""Decisions on the command line: whoever the operating system says asked cannot approve."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from dagster_project.cli import run
from dagster_project.cli.installing.installation import initialize
from dagster_project.close import Installation
from dagster_project.close.approvals import approve
from dagster_project.close.installation import operating_system_user
from reverse_etl.documents import OutboxRow
from reverse_etl.register import NewApprovalRequest
from reverse_etl.settings import Settings

LINE = {"line_key": "first@C1:2026-01:1", "amount_minor": 1000, "tax_minor": 200}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An installation in which one invoice of 10.00 and 2.00 of tax is issued."""
    settings = Settings(home=tmp_path)
    initialize(settings)
    payload = {
        "customer_id": "C1",
        "currency": "USD",
        "currency_exponent": 2,
        "subtotal_minor": 1000,
        "tax_minor": 200,
        "total_minor": 1200,
        "lines": [LINE],
    }
    with closing(Installation(settings).open_register()) as register:
        row = OutboxRow(
            contract_version=1,
            system="stripe",
            entity="acme",
            document_type="invoice",
            natural_id="C1:2026-01:1",
            business_key="stripe/acme/invoice/C1:2026-01:1",
            revision=1,
            operation="create",
            series="invoice",
            document_date=date(2026, 1, 31),
            posting_date=date(2026, 1, 31),
            period="2026-01",
            currency="USD",
            total_minor=1200,
            depends_on=(),
            sensitivity="confidential-financial",
            cause="usage_and_fees",
            subtracted_key="stripe/acme/account/C1",
            register_head=0,
            register_incarnation=register.incarnation,
            payload=payload,
        )
        assert register.seal([row], "tests", "run").sealed
    return tmp_path


def answered(home: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert run(["--home", str(home), *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def refused(home: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run(["--home", str(home), *arguments]) != 0
    return capsys.readouterr().err


def test_one_user_asks_and_only_another_approves(home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answered(home, capsys, "credit", "INV-ACME-000001", "--amount", "2.50", "--reason", "an outage")
    assert (asked["kind"], asked["amount_minor"], asked["status"], asked["requested_by"]) == ("goodwill", 250, "open", operating_system_user())
    for variable in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(variable, "somebody-else")
    assert "cannot approve it: another user must" in refused(home, capsys, "approve", asked["request_id"])

    approve(Installation(Settings(home=home), acting_as="grace"), asked["content_hash"][:12])

    assert answered(home, capsys, "approvals") == []
    [shown] = answered(home, capsys, "approvals", "--all")
    assert (shown["status"], shown["decided_by"], shown["four_eyes"]) == ("approved", "grace", "required")


def test_the_one_open_request_about_something_is_named_by_it(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = answered(home, capsys, "credit", "INV-ACME-000001", "--amount", "2.50", "--reason", "an outage")
    maria = Installation(Settings(home=home), acting_as="maria")
    assert approve(maria, asked["subject"]).request_id == asked["request_id"]
    assert "is no request" in refused(home, capsys, "approve", asked["subject"]), "it is decided"
    for amount in ("1", "2"):
        answered(home, capsys, "credit", "INV-ACME-000001", "--amount", amount, "--reason", "another outage")
    assert "more than one request" in refused(home, capsys, "approve", asked["subject"])


def test_a_refund_and_a_write_off_are_asked_for_and_wait(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    refund = answered(home, capsys, "credit", "INV-ACME-000001", "--amount", "2.50", "--disposition", "refund", "--reason", "an outage")
    assert (refund["kind"], refund["disposition"], refund["amount_minor"]) == ("goodwill", "refund", 250)
    loss = answered(home, capsys, "write-off", "INV-ACME-000001", "--amount", "12", "--reason", "insolvent")
    assert (loss["kind"], loss["amount"], loss["disposition"]) == ("write_off", "USD 12.00 gross", None)
    assert [request["status"] for request in answered(home, capsys, "approvals")] == ["open", "open"]


def test_an_installation_of_one_person_approves_its_own_and_records_it(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "tieout.yaml").write_text("approvals: {four_eyes: false}\n")
    asked = answered(home, capsys, "void", "INV-ACME-000001", "--no-rebill", "--reason", "wrong address")
    assert (asked["kind"], asked["rebill"]) == ("void", "no")
    assert answered(home, capsys, "approve", asked["request_id"])["four_eyes"] == "waived"
    assert answered(home, capsys, "reject", asked["request_id"], "--reason", "right after all")["status"] == "rejected"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("credit", "INV-ACME-000009", "--amount", "1", "--reason", "x"), "no invoice INV-ACME-000009 is issued"),
        (("credit", "INV-ACME-000001", "--amount", "1.001", "--reason", "x"), "1.001 is no amount of USD: above zero, with 2 decimals at most"),
        (("credit", "INV-ACME-000001", "--amount", "nan", "--reason", "x"), "is no amount, such as 12.34"),
        (("credit", "INV-ACME-000001", "--amount", "1", "--line", "other", "--reason", "x"), "has no line other"),
        (("credit", "INV-ACME-000001", "--amount", "1", "--disposition", "gift", "--reason", "x"), "'gift' is not one of"),
        (("adjust", "C1", "--product", "api", "--period", "2026-01", "--amount", "-1", "--reason", "x"), "ask with 'tieout credit'"),
        (("adjust", "C1", "--product", "api", "--period", "2026-01", "--amount", "1", "--reason", "x"), "nothing is published yet"),
        (("write-off", "INV-ACME-000009", "--reason", "x"), "no invoice INV-ACME-000009 is issued"),
        (("write-off", "INV-ACME-000001", "--amount", "0", "--reason", "x"), "0 is no amount of USD"),
        (("write-off", "INV-ACME-000001", "--reason", "x"), "nothing is published yet"),
        (("void", "INV-ACME-000001", "--reason", "x"), "Missing option"),
        (("approve", "nothing"), "nothing is no request; list them with 'tieout approvals'"),
    ],
)
def test_what_cannot_be_asked_for_is_answered_by_one_line(
    home: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], says: str
) -> None:
    answer = refused(home, capsys, *arguments)
    assert says in answer
    assert answer.count("\n") == 1


def test_a_plan_that_was_computed_anew_is_listed_no_more(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = NewApprovalRequest("run_gate", "acme", "acme/correction", "4 lines", content_hash="a" * 64)
    with closing(Installation(Settings(home=home)).open_register()) as register:
        register.ask(plan, "close")
        register.ask(replace(plan, content_hash="b" * 64), "close")
    assert [request["content_hash"] for request in answered(home, capsys, "approvals")] == ["b" * 64]
    assert {request["status"] for request in answered(home, capsys, "approvals", "--all")} == {"superseded", "open"}
