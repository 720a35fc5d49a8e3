"""Bad reference data is refused when it lands, by file, line and rule; what is refused is not used, and what would need it waits."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
from refused_rows import BAD, CUSTOMERS, DAY, REST

from dagster_project.cli import run
from dagster_project.cli.installing.installation import initialize
from dagster_project.close import Installation
from reverse_etl.settings import Settings


@dataclass(frozen=True)
class Landed:
    installation: Installation
    code: int
    told: str
    refused: list[dict[str, Any]]

    def rows(self, statement: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.installation.warehouse.read(statement).to_pylist()
        return rows


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> Landed:
    settings = Settings(home=tmp_path_factory.mktemp("acme"), entities=("acme",))
    initialize(settings)
    (settings.home / "tieout.yaml").write_text("entities: [acme, other]\n")
    for source, (header, lines) in BAD.items():
        deliver(settings, f"{source}/{DAY}/{source}.csv", [header, *(row for row, _ in lines)])
    for source, rows in REST.items():
        deliver(settings, f"{source}/{DAY}/{source}.csv", rows)
    usage = [event(name, "median" if name == "METER" else "calls") for name in (*CUSTOMERS, "ADRIFT")]
    deliver(settings, f"usage/{DAY}/events.jsonl", usage)
    with pytest.MonkeyPatch.context() as patch:
        # A terminal is as wide as it is; the test reads whole lines.
        patch.setenv("COLUMNS", "240")
        code, told = command(settings, "land")
    installation = Installation(settings)
    rows = installation.warehouse.read("select * from staging.refused_reference_rows order by file_name, line_number, rule")
    return Landed(installation, code, told, rows.to_pylist())


def deliver(settings: Settings, name: str, lines: list[str]) -> None:
    path = settings.inbox / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


def event(customer: str, meter: str) -> str:
    attributes = {"specversion": "1.0", "id": customer, "source": "test", "type": "com.example.usage.recorded.v1", "subject": customer}
    return json.dumps({**attributes, "time": "2026-01-15T12:00:00Z", "data": {"meter": meter, "quantity": "10"}})


def command(settings: Settings, *arguments: str) -> tuple[int, str]:
    from contextlib import redirect_stdout
    from io import StringIO

    with redirect_stdout(StringIO()) as out:
        code = run(["--home", str(settings.home), *arguments])
    return code, out.getvalue()


@pytest.mark.parametrize("source", BAD)
def test_every_broken_rule_is_named_with_its_file_and_line_and_nothing_else_is(landed: Landed, source: str) -> None:
    expected = {
        (f"{source}/{DAY}/{source}.csv", number, rule, subject)
        for number, (_, rules) in enumerate(BAD[source][1], start=2)
        for rule, subject in rules.items()
    }
    found = {(row["file_name"], row["line_number"], row["rule"], row["subject"]) for row in landed.refused if f"/{source}.csv" in row["file_name"]}
    assert found == expected


def test_a_rule_says_what_it_means_and_what_to_do(landed: Landed) -> None:
    rules = {row["rule"] for row in landed.rows("select rule from constants.reference_rules")}
    assert {row["rule"] for row in landed.refused} == rules
    assert all(row["meaning"] and row["what_to_do"] for row in landed.refused)


def test_landing_says_so_at_once_and_its_exit_code_too(landed: Landed) -> None:
    assert landed.code == 1
    assert f"{len(landed.refused)} rows of reference data are refused and not used" in landed.told
    line = next(line for line in landed.told.splitlines() if "gapped_tiers" in line)
    assert f"prices/{DAY}/prices.csv" in line
    assert " 6 " in line
    # Landing again finds nothing new and refuses nothing anew.
    code, told = command(landed.installation.settings, "land", "--json")
    assert code == 0
    assert json.loads(told)["refused"] == []


@pytest.fixture(scope="module")
def planned(landed: Landed) -> Landed:
    """The same installation after a plan, which publishes what it computed."""
    code, _ = command(landed.installation.settings, "plan", "2026-01")
    assert code == 0
    return landed


def test_what_is_refused_is_not_used_and_what_would_need_it_is_held(planned: Landed) -> None:
    rated = planned.rows("select customer_id, amount_minor, hold_reason from rating.rated_lines where kind = 'usage'")
    assert {row["customer_id"]: row["hold_reason"] for row in rated} == {
        "GOOD": None,
        # Of its plan one charge has an unknown kind: nobody can say what the month costs.
        "KIND": "refused_charge",
        "METER": "refused_charge",
        # The only price in pounds is negative.
        "POUND": "missing_price",
        # Rated by the days of UTC, and not billed.
        "ADRIFT": None,
    }
    [adrift] = planned.rows("select hold_reason from invoicing.held_lines where customer_id = 'ADRIFT'")
    assert adrift["hold_reason"] == "refused_customer"
    assert [row["amount_minor"] for row in rated if row["customer_id"] == "GOOD"] == [1000]


def test_an_opening_names_the_rows_that_keep_it_from_being_approved(planned: Landed) -> None:
    settings = planned.installation.settings
    code, told = command(settings, "opening", "other", "--no-land", "--json")
    assert code == 1
    shown = json.loads(told)
    rules = [
        rule for source, (_, lines) in BAD.items() if source.startswith("opening_") for row, rules in lines if "never" not in row for rule in rules
    ]
    # Two rows are right and lack their accounts.
    assert sorted(row["rule"] for row in shown["refused"]) == sorted([*rules, "missing_account_mapping", "missing_account_mapping"])
    assert all(row["what_to_do"] and row["file_name"] for row in shown["refused"])
    assert (shown["documents"], shown["request"], shown["is_sealed"]) == ({}, None, False)
    assert command(settings, "opening", "other", "--no-land", "--request")[0] == 1


def test_what_is_refused_stays_an_exception_and_the_preview_names_what_waits_for_it(planned: Landed) -> None:
    settings = planned.installation.settings
    exceptions = json.loads(command(settings, "exceptions", "--json")[1])
    told = [entry for entry in exceptions if entry["kind"] == "refused row"]
    assert len(told) == len(planned.refused)
    assert {f"prices/{DAY}/prices.csv line 6", f"charges/{DAY}/charges.csv line 4"} <= {entry["subject"] for entry in told}
    assert all(entry["what_to_do"] for entry in told)
    lines = json.loads(command(settings, "preview", "--json")[1])
    held = {line["customer_id"]: line["reason"] for line in lines if line["state"] == "held"}
    assert held["KIND"].startswith("Held: A charge of the subscription's plan is refused")
    assert held["POUND"].startswith("Held: No price is effective")
    assert [(line["net_minor"], line["new_minor"]) for line in lines if line["customer_id"] == "POUND"] == [(None, None)]
    # Nothing has been closed: there are no periods to show, and that is no error.
    assert json.loads(command(settings, "status", "--json")[1])["checkpoints"] == []
