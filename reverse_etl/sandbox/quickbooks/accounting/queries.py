"""Queries: https://developer.intuit.com/app/developer/qbo/docs/learn/explore-the-quickbooks-online-api/data-queries."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from reverse_etl.sandbox.quickbooks.errors import query_error, refused
from reverse_etl.sandbox.quickbooks.store import Company, Object, Store

MOST_RESULTS, USUAL_RESULTS = 1000, 100
LONGEST_QUERY = 20_000
FILTERED = {
    "JournalEntry": ("Id", "DocNumber", "TxnDate", "MetaData.CreateTime", "MetaData.LastUpdatedTime"),
    "Customer": ("Id", "DisplayName", "CompanyName", "GivenName", "FamilyName", "Active", "MetaData.CreateTime", "MetaData.LastUpdatedTime"),
    "Account": ("Id", "Name", "AccountType", "Classification", "Active", "MetaData.CreateTime", "MetaData.LastUpdatedTime"),
    "CompanyInfo": (),
    "Preferences": (),
}
_TOKEN = re.compile(r"\s*(?:'((?:[^'\\]|\\.)*)'|(>=|<=|[=<>(),*])|([A-Za-z][A-Za-z.]*)|(\d{1,9}))", re.DOTALL)
Test = Callable[[Object], bool]


@dataclass(frozen=True, slots=True)
class Query:
    entity: str
    counts: bool
    tests: tuple[Test, ...]
    order: tuple[str, bool] | None
    start: int
    most: int


def execute(store: Store, company: Company, text: str) -> dict[str, Any]:
    """The member ``QueryResponse`` of the answer.

    Raises:
        QuickBooksError: it is no query that the stand-in understands.
    """
    query = _Parser(text).query()
    found = [item for item in _all(store, company, query.entity) if all(test(item) for test in query.tests)]
    if query.counts:
        return {"totalCount": len(found)}
    if query.order is not None:
        name, descends = query.order
        found.sort(key=lambda item: str(_member(item, name)), reverse=descends)
    page = found[query.start - 1 : query.start - 1 + query.most]
    return {query.entity: page, "startPosition": query.start, "maxResults": len(page)} if page else {}


def company_information(company: Company) -> Object:
    return {"Id": "1", "SyncToken": "0", "domain": "QBO", "sparse": False, "CompanyName": company.name, "LegalName": company.name}


def with_balance(store: Store, company: Company, customer: Object) -> Object:
    """A customer with what it owes."""
    return customer | {"Balance": store.owed(company.realm, customer["Id"])}


def preferences(company: Company) -> Object:
    accounting = {"BookCloseDate": company.closed_until} if company.closed_until else {}
    currency = {"MultiCurrencyEnabled": company.multicurrency, "HomeCurrency": {"value": company.home_currency}}
    header = {"Id": "1", "SyncToken": "0", "domain": "QBO", "sparse": False}
    return header | {"AccountingInfoPrefs": accounting, "CurrencyPrefs": currency}


def _all(store: Store, company: Company, entity: str) -> Iterator[Object]:
    if entity == "CompanyInfo":
        yield company_information(company)
    elif entity == "Preferences":
        yield preferences(company)
    elif entity == "Customer":
        yield from (with_balance(store, company, item) for item in store.every(company.realm, entity))
    else:
        yield from store.every(company.realm, entity)


class _Parser:
    def __init__(self, text: str) -> None:
        if len(text) > LONGEST_QUERY:
            raise query_error("the query is too long")
        self._tokens: list[tuple[str, str]] = []
        place = 0
        text = text.strip()
        while place < len(text):
            match = _TOKEN.match(text, place)
            if match is None:
                raise query_error(f"Encountered something unexpected at column {place + 1}")
            string, sign, word, number = match.groups()
            if string is not None:
                self._tokens.append(("string", re.sub(r"\\(.)", r"\1", string, flags=re.DOTALL)))
            else:
                self._tokens.append(("sign", sign) if sign else ("word", word) if word else ("number", number))
            place = match.end()
        self._place = 0

    def query(self) -> Query:
        self._word("select")
        counts = self._takes_word("count")
        if counts:
            self._sign("(")
        self._sign("*")
        if counts:
            self._sign(")")
        self._word("from")
        entity = next((name for name in FILTERED if name.lower() == self._peek()[1].lower()), None)
        if entity is None:
            raise query_error(f"Encountered {self._peek()[1]!r}, expecting an entity")
        self._place += 1
        tests: list[Test] = []
        if self._takes_word("where"):
            tests.append(self._condition(entity))
            while self._takes_word("and"):
                tests.append(self._condition(entity))
        # Names of lists leave out what is inactive unless it is asked for.
        if entity in ("Customer", "Account") and not any(getattr(test, "asks_active", False) for test in tests):
            tests.append(lambda item: bool(item["Active"]))
        order = None
        if self._takes_word("orderby") or (self._takes_word("order") and self._takes_word("by")):
            order = self._field(entity), self._takes_word("desc") or not (self._takes_word("asc") or True)
        start = self._number() if self._takes_word("startposition") else 1
        most = self._number() if self._takes_word("maxresults") else USUAL_RESULTS
        if self._place < len(self._tokens):
            raise query_error(f"Encountered {self._peek()[1]!r}, expecting the end")
        if start < 1 or not 1 <= most <= MOST_RESULTS:
            raise refused("4001", "Invalid query", f"startposition begins at 1, maxresults is at most {MOST_RESULTS}")
        return Query(entity, counts, tuple(tests), order, start, most)

    def _condition(self, entity: str) -> Test:
        name = self._field(entity)
        if self._takes_word("in"):
            self._sign("(")
            wanted = {self._value()}
            while self._peek() == ("sign", ","):
                self._place += 1
                wanted.add(self._value())
            self._sign(")")
            return _Membership(name, frozenset(wanted))
        if self._takes_word("like"):
            pattern = re.compile(".*".join(map(re.escape, self._value().split("%"))), re.IGNORECASE | re.DOTALL)
            return lambda item: _member(item, name) is not None and pattern.fullmatch(str(_member(item, name))) is not None
        kind, sign = self._peek()
        if kind != "sign" or sign not in ("=", "<", ">", "<=", ">="):
            raise query_error(f"Encountered {sign!r}, expecting an operator")
        self._place += 1
        return _Comparison(name, sign, self._value())

    def _field(self, entity: str) -> str:
        kind, text = self._peek()
        name = next((known for known in FILTERED[entity] if kind == "word" and known.lower() == text.lower()), None)
        if name is None:
            raise refused("4001", "Invalid query", f"property {text!r} not found for entity {entity}, or it cannot be filtered by")
        self._place += 1
        return name

    def _value(self) -> str:
        kind, text = self._peek()
        if kind not in ("string", "number") and text.lower() not in ("true", "false"):
            raise query_error(f"Encountered {text!r}, expecting a value")
        self._place += 1
        return text

    def _number(self) -> int:
        kind, text = self._peek()
        if kind != "number":
            raise query_error(f"Encountered {text!r}, expecting a number")
        self._place += 1
        return int(text)

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._place] if self._place < len(self._tokens) else ("end", "<EOF>")

    def _takes_word(self, word: str) -> bool:
        kind, text = self._peek()
        found = kind == "word" and text.lower() == word
        self._place += found
        return found

    def _word(self, word: str) -> None:
        if not self._takes_word(word):
            raise query_error(f"Encountered {self._peek()[1]!r}, expecting {word!r}")

    def _sign(self, sign: str) -> None:
        if self._peek() != ("sign", sign):
            raise query_error(f"Encountered {self._peek()[1]!r}, expecting {sign!r}")
        self._place += 1


@dataclass(frozen=True, slots=True)
class _Membership:
    name: str
    wanted: frozenset[str]

    @property
    def asks_active(self) -> bool:
        return self.name == "Active"

    def __call__(self, item: Object) -> bool:
        held = _member(item, self.name)
        return (str(held).lower() if isinstance(held, bool) else str(held)) in self.wanted


@dataclass(frozen=True, slots=True)
class _Comparison:
    name: str
    sign: str
    value: str

    @property
    def asks_active(self) -> bool:
        return self.name == "Active"

    def __call__(self, item: Object) -> bool:
        held = _member(item, self.name)
        if held is None:
            return False
        text = str(held).lower() if isinstance(held, bool) else str(held)
        wanted = self.value.lower() if isinstance(held, bool) else self.value
        return {"=": text == wanted, "<": text < wanted, ">": text > wanted, "<=": text <= wanted, ">=": text >= wanted}[self.sign]


def _member(item: Object, name: str) -> Any:
    value: Any = item
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value
