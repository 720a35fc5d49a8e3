"""What the sandbox ledger consists of: companies, currencies, chart of accounts and accounting years."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from reverse_etl.errors import ConfigurationError

ACCOUNT_TYPES = ("asset", "liability", "revenue", "expense", "equity")
DEFAULT_CURRENCIES = {"EUR": 2, "JPY": 0, "USD": 2}
# ISO 4217 exponents other than 2, for currencies that the reference files add to the default ones.
EXPONENTS_OTHER_THAN_TWO = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}


@dataclass(frozen=True, slots=True, order=True)
class Company:
    """A legal entity; ``currency`` is its functional currency (ISO 4217)."""

    entity_id: str
    name: str
    currency: str


@dataclass(frozen=True, slots=True, order=True)
class Account:
    """One account of one entity; ``account_type`` is one of ``ACCOUNT_TYPES``; a receivable account demands a party."""

    entity_id: str
    account_code: str
    name: str
    account_type: str
    is_receivable: bool


@dataclass(frozen=True, slots=True)
class LedgerSpecification:
    """``currencies`` maps ISO codes to exponents; every year from ``first_year`` to ``last_year`` gets twelve monthly periods."""

    companies: tuple[Company, ...]
    accounts: tuple[Account, ...]
    currencies: Mapping[str, int]
    first_year: int
    last_year: int

    def __post_init__(self) -> None:
        entities = {company.entity_id for company in self.companies}
        for account in self.accounts:
            if account.entity_id not in entities:
                raise ConfigurationError(f"account {account.account_code}: no legal entity {account.entity_id!r}; add it or correct the account")
            if account.account_type not in ACCOUNT_TYPES:
                raise ConfigurationError(
                    f"account {account.account_code} of {account.entity_id}: type {account.account_type!r} is none of {', '.join(ACCOUNT_TYPES)}"
                )
        for company in self.companies:
            if company.currency not in self.currencies:
                raise ConfigurationError(f"legal entity {company.entity_id}: currency {company.currency!r} is not among the ledger's currencies")
        if self.first_year > self.last_year:
            raise ConfigurationError(f"the ledger's first year {self.first_year} lies after its last year {self.last_year}")

    def to_json(self) -> str:
        """Canonical text: equal specifications give equal text."""
        content = {
            **asdict(self),
            "companies": [asdict(company) for company in sorted(self.companies)],
            "accounts": [asdict(account) for account in sorted(self.accounts)],
        }
        return json.dumps(content, sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> LedgerSpecification:
        content: dict[str, Any] = json.loads(text)
        return cls(
            companies=tuple(Company(**company) for company in content["companies"]),
            accounts=tuple(Account(**account) for account in content["accounts"]),
            currencies=content["currencies"],
            first_year=content["first_year"],
            last_year=content["last_year"],
        )


def specification_from_inbox(inbox: Path, first_year: int, last_year: int) -> LedgerSpecification:
    """The ledger that the delivered reference files describe: every CSV below ``inbox`` whose columns are those of
    ``raw.legal_entities``, ``raw.accounts`` and, for its currencies, ``raw.customers``. Later partitions win.

    Raises:
        ConfigurationError: there are no legal entities or no accounts, or they contradict each other.
    """
    companies: dict[str, Company] = {}
    accounts: dict[tuple[str, str], Account] = {}
    currencies = set(DEFAULT_CURRENCIES)
    for columns, rows in _reference_files(inbox):
        if {"entity_id", "name", "functional_currency"} <= columns:
            for row in rows:
                companies[row["entity_id"]] = Company(row["entity_id"], row["name"], row["functional_currency"].upper())
        elif {"entity_id", "account_code", "account_type", "is_receivable"} <= columns:
            for row in rows:
                key = (row["entity_id"], row["account_code"])
                accounts[key] = Account(
                    *key, row["name"], row["account_type"], row["is_receivable"].strip().lower() in ("true", "1", "yes", "t", "y")
                )
        elif {"customer_id", "entity_id", "currency"} <= columns:
            currencies |= {row["currency"].upper() for row in rows if len(row["currency"]) == 3 and row["currency"].isalpha()}
    if not companies or not accounts:
        missing = "legal entities" if not companies else "accounts"
        raise ConfigurationError(f"{inbox}: no file with {missing}; deliver them (or run 'tieout sample') before starting the sandbox ledger")
    currencies |= {company.currency for company in companies.values()}
    return LedgerSpecification(
        companies=tuple(sorted(companies.values())),
        accounts=tuple(sorted(account for account in accounts.values() if account.entity_id in companies and account.account_type in ACCOUNT_TYPES)),
        currencies={code: EXPONENTS_OTHER_THAN_TWO.get(code, 2) for code in sorted(currencies)},
        first_year=first_year,
        last_year=last_year,
    )


def _reference_files(inbox: Path) -> Iterator[tuple[set[str], Sequence[Mapping[str, str]]]]:
    # <source>/<YYYY-MM-DD>/<file>: by date first, so that the latest delivery wins.
    for path in sorted(inbox.glob("*/*/*.csv"), key=lambda found: (found.parent.name, str(found))):
        with path.open(newline="", encoding="utf-8", errors="replace") as stream:
            reader = csv.DictReader(stream)
            columns = set(reader.fieldnames or ())
            # Usage files may be CSV too, and large: only read what can be reference data.
            if "entity_id" in columns:
                yield columns, [{name: row.get(name) or "" for name in columns} for row in reader]
