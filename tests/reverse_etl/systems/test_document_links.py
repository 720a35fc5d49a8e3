"""A document's link leads to the page on which a person sees it: at the vendor, or at the stand-in that takes the vendor's place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reverse_etl.errors import ConfigurationError
from reverse_etl.settings import Settings
from reverse_etl.systems.document_links import DocumentLinks
from reverse_etl.systems.http.links import link_template
from reverse_etl.systems.registry import document_url_of

US = "northlight_us"
JOURNAL = "3e776c4b-ea9e-4bb1-96be-6b0c7a71a37f"


def settings(home: Path, **destinations: Any) -> Settings:
    return Settings.model_validate({"home": home, "destinations": destinations})


@pytest.mark.parametrize(
    ("key", "remote_id", "url"),
    [
        ("sk_live_x", "in_1", "https://dashboard.stripe.com/invoices/in_1"),
        ("sk_test_x", "in_1", "https://dashboard.stripe.com/test/invoices/in_1"),
        ("rk_test_x", "cn_2", "https://dashboard.stripe.com/test/credit_notes/cn_2"),
        ("sk_live_x", "cus_3", "https://dashboard.stripe.com/customers/cus_3"),
        ("sk_live_x", "a-usage-report", None),
        ("sk_live_x", "in_1/../../settings", None),
    ],
)
def test_stripe_shows_live_and_test_documents_at_their_own_pages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str, remote_id: str, url: str | None
) -> None:
    monkeypatch.setenv("STRIPE_SECRET", key)
    links = DocumentLinks(settings(tmp_path, stripe={"url": "https://api.stripe.com"}))
    assert links.url("stripe", US, "invoice", remote_id) == url


def test_what_the_platform_issued_by_itself_is_at_the_platform(tmp_path: Path) -> None:
    links = DocumentLinks(settings(tmp_path, stripe={"url": "https://api.stripe.com", "options": {"account": "acct_9"}}))
    assert links.url("platform", US, "invoice", "in_1") == "https://dashboard.stripe.com/acct_9/invoices/in_1"


def test_ledgers_link_to_their_own_pages(tmp_path: Path) -> None:
    xero = {"url": "https://api.xero.com", "entities": {US: {"tenant": "t", "short_code": "!23eYt"}, "northlight_eu": {"tenant": "u"}}}
    links = DocumentLinks(
        settings(
            tmp_path,
            tryton={"url": "https://erp.example.com", "database": "books"},
            netsuite={"url": "https://1234567-sb1.suitetalk.api.netsuite.com"},
            quickbooks={"url": "https://sandbox-quickbooks.api.intuit.com", "options": {"realm": "9130"}},
            xero=xero,
        )
    )

    def of(system: str, document_type: str, remote_id: str, entity: str = US) -> str | None:
        return links.url(system, entity, document_type, remote_id)

    assert of("tryton", "journal_entry", "12") == "https://erp.example.com/#books/model/account.move/12"
    assert of("tryton", "customer", "7") == "https://erp.example.com/#books/model/party.party/7"
    assert of("netsuite", "journal_entry", "12") == "https://1234567-sb1.app.netsuite.com/app/accounting/transactions/journal.nl?id=12"
    assert of("netsuite", "customer", "7") == "https://1234567-sb1.app.netsuite.com/app/common/entity/custjob.nl?id=7"
    assert of("quickbooks", "journal_entry", "12") == "https://app.sandbox.qbo.intuit.com/app/journal?txnId=12&companyId=9130"
    assert of("quickbooks", "customer", "7") == "https://app.sandbox.qbo.intuit.com/app/customerdetail?nameId=7&companyId=9130"
    login = "https://go.xero.com/organisationlogin/default.aspx?shortcode=!23eYt&redirecturl="
    assert of("xero", "journal_entry", JOURNAL) == f"{login}/Journal/View.aspx?invoiceID={JOURNAL}"
    assert of("xero", "customer", JOURNAL, "northlight_eu") == f"https://go.xero.com/Contacts/View/{JOURNAL}"
    assert of("xero", "journal_entry", "12") is None


def test_a_described_destination_links_as_its_file_says(tmp_path: Path) -> None:
    (tmp_path / "destinations").mkdir()
    journal = 'calls: [{name: post, method: POST, path: /vouchers, success: {remote_id: id}}]\n    document_url: "https://{options.host}/v/{remote_id}?in={entity}"'
    (tmp_path / "destinations" / "books.yaml").write_text(f"documents:\n  journal_entry:\n    {journal}\n")
    told = {"kind": "http", "url": "https://books.example", "entities": {US: {"host": "us.books.example"}}}
    links = DocumentLinks(settings(tmp_path, books=told))
    assert links.url("books", US, "journal_entry", "a/b 1") == "https://us.books.example/v/a%2Fb%201?in=northlight_us"
    assert links.url("books", "northlight_eu", "journal_entry", "1") is None
    assert links.url("books", US, "customer", "1") is None


@pytest.mark.parametrize(
    "template", ["books.example/{remote_id}", "javascript:alert(1)//{remote_id}", "https://{remote_id}.example/", "https://b/{amount}"]
)
def test_a_template_that_is_no_page_is_refused_where_it_is_written(template: str) -> None:
    with pytest.raises(ConfigurationError, match=r"books\.yaml"):
        link_template(template, "books.yaml")


def test_without_a_document_a_page_or_a_destination_there_is_no_link(tmp_path: Path) -> None:
    links = DocumentLinks(settings(tmp_path, tryton={}, netsuite={"url": "https://proxy.example.com"}))
    assert links.url("tryton", US, "journal_entry", None) is None
    assert links.url("tryton", US, "journal_entry", "1") is None, "the sandbox was never started"
    assert links.url("netsuite", US, "journal_entry", "1") is None, "the account's domain cannot be told from a proxy's"
    assert links.url("gone", US, "journal_entry", "1") is None
    assert document_url_of(settings(tmp_path), "gone")(US, "invoice", "in_1") is None
