"""VAT ids as they land: each is checked, and what was found lands beside it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from landing_home import DAY, Home
from stdnum.eu import vat

from reverse_etl.landing.tax_identifiers import CheckedTaxId, check_tax_id


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("FR 83 404 833 048", CheckedTaxId("FR83404833048", "FR")),
        ("de136695976", CheckedTaxId("DE136695976", "DE")),
        ("EL094014201", CheckedTaxId("EL094014201", "GR")),
        ("GR 094014201", CheckedTaxId("EL094014201", "GR")),
        ("FR83404833049", CheckedTaxId(violation="tax_id_of_wrong_check_digit")),
        ("DE12", CheckedTaxId(violation="tax_id_of_wrong_length")),
        ("DE13669597X", CheckedTaxId(violation="tax_id_of_wrong_format")),
        ("136695976", CheckedTaxId(violation="tax_id_of_no_member_state")),
        ("GB980780684", CheckedTaxId(violation="tax_id_of_no_member_state")),
        ("XI980780684", CheckedTaxId(violation="tax_id_of_no_member_state")),
        ("EU372022452", CheckedTaxId(violation="tax_id_of_no_member_state")),
        ("  ", CheckedTaxId(violation="missing_tax_id")),
        (None, CheckedTaxId(violation="missing_tax_id")),
    ],
)
def test_a_vat_id_is_that_of_a_member_state_or_breaks_a_rule(text: str | None, found: CheckedTaxId) -> None:
    assert check_tax_id(text) == found


PREFIXES = st.sampled_from([*sorted(vat.MEMBER_STATES), "EL", "EU", "IM"])


@settings(max_examples=300, deadline=None, database=None)
@given(st.one_of(st.text(max_size=16), st.tuples(PREFIXES, st.text("0123456789ABU *", max_size=14)).map("".join)))
def test_no_text_is_anything_but_a_number_or_a_violation(text: str) -> None:
    found = check_tax_id(text)
    assert (found.violation is None) == (found.number is not None) == (found.country is not None)
    assert found.number is None or check_tax_id(found.number) == found


def test_a_registration_lands_with_what_was_found_and_a_wrong_one_is_told_with_its_line(home: Home) -> None:
    header = "registration_id,customer_id,tax_id,effective_from\n"
    rows = ("R1,C1,NL 0044.95.445B01,2026-01-01\n", "R2,C2,NL004495445B0x,2026-01-01\n", "R3,C3,,2026-01-01\n")
    home.deliver(f"tax_registrations/{DAY}/ids.csv", header + "".join(rows))
    report = home.land()
    assert (report.problems, report.rows) == ((), 3)
    landed = home.rows("select registration_id, checked_tax_id, checked_country, tax_id_violation from raw.tax_registrations order by line_number")
    assert [tuple(row.values()) for row in landed] == [
        ("R1", "NL004495445B01", "NL", None),
        ("R2", None, None, "tax_id_of_wrong_format"),
        ("R3", None, None, "missing_tax_id"),
    ]
    assert [(one.file_name, one.line_number) for one in report.exclusions] == [(f"tax_registrations/{DAY}/ids.csv", line) for line in (3, 4)]
    assert "'NL004495445B0x' is no VAT id: tax_id_of_wrong_format" in report.exclusions[0].reason
    assert home.land().skipped == 1


def test_a_mapping_of_its_own_is_checked_too(home: Home) -> None:
    columns = "registration_id: {template: '{customer}/vat'}, customer_id: customer, tax_id: {template: '{state}{digits}'}, effective_from: since"
    home.map("vat", f"relation: raw.tax_registrations\ncolumns: {{{columns}}}\n")
    home.deliver(f"vat/{DAY}/ids.csv", "customer,state,digits,since\nC1,DE,136695976,2026-01-01\n")
    assert home.land().problems == ()
    assert home.rows("select registration_id, checked_tax_id from raw.tax_registrations") == [
        {"registration_id": "C1/vat", "checked_tax_id": "DE136695976"}
    ]
