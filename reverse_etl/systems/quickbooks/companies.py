"""What a company's ids stand for, and the readings that find them out. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reverse_etl.errors import DestinationError
from reverse_etl.settings import SANDBOX_URL, Settings
from reverse_etl.systems.http_system import HttpRequest, Reading
from reverse_etl.transport import Answer

MINOR_VERSION = ("minorversion", "75")
PAGE_SIZE = 1000
WITHOUT_DECIMALS = frozenset(
    ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"),
)
"""ISO 4217; every other currency that QuickBooks has two decimals for is read with two."""


@dataclass(frozen=True, slots=True)
class Company:
    """One legal entity's books: account ids by QuickBooks' account number, and back. ``ours``: number -> our account code, where that is another."""

    entity: str
    realm: str
    home_currency: str
    ids: Mapping[str, str]
    codes: Mapping[str, str]
    ours: Mapping[str, str] = field(default_factory=dict)

    def our_code(self, identifier: str) -> str:
        """Our code of the account with this id; the number it has there where none of ours means it alone."""
        number = self.codes.get(identifier, identifier)
        return self.ours.get(number, number)


def realm_of(settings: Settings, name: str, entity: str) -> str:
    """The id of an entity's company. Raises ConfigurationError: the settings do not say it."""
    destination = settings.destination(name)
    if destination.url == SANDBOX_URL and "realm" not in {**destination.options, **destination.entities.get(entity, {})}:
        from reverse_etl.sandbox.quickbooks import realm_of as realm_of_sandbox

        return realm_of_sandbox(entity)
    return settings.option(name, "realm", entity)


def exponent_of(currency: str) -> int:
    return 0 if currency in WITHOUT_DECIMALS else 2


def place(realm: str, *parts: str) -> str:
    return "/".join(("/v3/company", realm, *parts))


def query(realm: str, text: str) -> HttpRequest:
    return HttpRequest("GET", place(realm, "query"), (("query", text), MINOR_VERSION), {"Accept": "application/json"})


def quoted(value: str) -> str:
    """A value of a query."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def found(answer: Answer, entity: str) -> list[Mapping[str, Any]]:
    """The objects of a query's answer. Raises DestinationError: it is none."""
    response = content_of(answer).get("QueryResponse")
    items = response.get(entity, []) if isinstance(response, dict) else None
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise DestinationError(f"not the answer to a query: {answer.shown()}")
    return items


def content_of(answer: Answer) -> Mapping[str, Any]:
    """Raises DestinationError: the answer is not a success with a JSON object."""
    content = answer.content()
    if answer.status != 200 or not isinstance(content, dict):
        raise DestinationError(answer.shown())
    return content


def pages(realm: str, entity: str, condition: str) -> Reading[list[Mapping[str, Any]]]:
    """Every object, in the order of ids; a page that repeats what was read ends in an error."""
    items: list[Mapping[str, Any]] = []
    known: set[str] = set()
    while True:
        text = f"select * from {entity}{condition} orderby Id startposition {len(items) + 1} maxresults {PAGE_SIZE}"
        page = found((yield query(realm, text)), entity)
        if any(item["Id"] in known for item in page):
            raise DestinationError(f"the pages of {entity} changed while they were read: read again")
        known.update(item["Id"] for item in page)
        items += page
        if len(page) < PAGE_SIZE:
            return items


def company(entity: str, realm: str, ours: Mapping[str, str]) -> Reading[Company]:
    """Reads the chart of accounts and the home currency. An account without a number is known by its full name."""
    preferences = content_of((yield HttpRequest("GET", place(realm, "preferences"), (MINOR_VERSION,), {"Accept": "application/json"})))
    home = preferences["Preferences"]["CurrencyPrefs"]["HomeCurrency"]["value"]
    accounts = yield from pages(realm, "Account", "")
    numbers = {account["Id"]: account.get("AcctNum") or account["FullyQualifiedName"] for account in accounts}
    return Company(entity, realm, home, {code: identifier for identifier, code in numbers.items()}, numbers, ours)
