"""Where Stripe's dashboard shows a document (https://docs.stripe.com/dashboard/basics). Pure."""

from __future__ import annotations

from reverse_etl.errors import ConfigurationError
from reverse_etl.settings import SANDBOX_PAGES, SANDBOX_URL, Settings
from reverse_etl.systems.contract import DocumentUrl
from reverse_etl.systems.http_system import destination_url

DASHBOARD = "https://dashboard.stripe.com"
PAGES = {"in": "invoices", "cn": "credit_notes", "cus": "customers"}
"""The beginning of an object's id -> its list. Usage reports have no page of their own."""
ACCOUNT = "account"
"""The option that names the account (``acct_...``), where one person works with several."""


def document_url(settings: Settings, name: str) -> DocumentUrl:
    """Test and live objects have pages of their own; which ones they are the key tells. Raises ConfigurationError: the sandbox never ran."""
    if settings.destination(name).url == SANDBOX_URL:
        pages = destination_url(settings, name) + SANDBOX_PAGES
        return lambda entity, document_type, remote_id: f"{pages}/{remote_id}" if _list_of(remote_id) else None
    account = settings.destination(name).options.get(ACCOUNT)
    pages = "/".join([DASHBOARD, *([account] if account else []), *(["test"] if _is_test(settings, name) else [])])

    def url(entity: str, document_type: str, remote_id: str) -> str | None:
        listed = _list_of(remote_id)
        return None if listed is None else f"{pages}/{listed}/{remote_id}"

    return url


def _list_of(remote_id: str) -> str | None:
    kind, _, rest = remote_id.partition("_")
    return PAGES.get(kind) if rest.isalnum() else None


def _is_test(settings: Settings, name: str) -> bool:
    try:
        return settings.secret(name).startswith(("sk_test_", "rk_test_"))
    except ConfigurationError:
        return False
