"""The companies that there are: one per legal entity of a specification, with its chart of accounts."""

from __future__ import annotations

from reverse_etl.documents import sha256_hex
from reverse_etl.sandbox.quickbooks.store import Company, Object, Store
from reverse_etl.sandbox.tryton.specification import Account, LedgerSpecification

TYPES = {
    "asset": ("Asset", "Other Current Asset"),
    "liability": ("Liability", "Other Current Liability"),
    "equity": ("Equity", "Equity"),
    "revenue": ("Revenue", "Income"),
    "expense": ("Expense", "Expense"),
}
RECEIVABLE, PAYABLE = "Accounts Receivable", "Accounts Payable"


def realm_of(entity: str) -> str:
    """The id of the company that stands for a legal entity: digits, as Intuit's are."""
    return "9130" + str(int(sha256_hex(entity.encode())[:12], 16) % 10**12).zfill(12)


def provide(store: Store, specification: LedgerSpecification) -> None:
    """Companies and accounts that are missing; what is there stays as it is."""
    with store.transaction():
        for company in specification.companies:
            realm = realm_of(company.entity_id)
            if store.company(realm) is None:
                store.put_company(Company(realm, company.name, company.currency))
            known = {account["AcctNum"] for account in store.every(realm, "Account")}
            for account in specification.accounts:
                if account.entity_id == company.entity_id and account.account_code not in known:
                    store.put(realm, "Account", _account(store, realm, account, company.currency))


def _account(store: Store, realm: str, account: Account, currency: str) -> Object:
    classification, kind = ("Asset", RECEIVABLE) if account.is_receivable else TYPES[account.account_type]
    name = account.name or account.account_code
    taken = {other["Name"] for other in store.every(realm, "Account")}
    shown = name if name not in taken else f"{name} {account.account_code}"
    now = store.timestamp()
    return {
        "Id": str(store.next_id(realm)),
        "SyncToken": "0",
        "domain": "QBO",
        "sparse": False,
        "MetaData": {"CreateTime": now, "LastUpdatedTime": now},
        "Name": shown,
        "FullyQualifiedName": shown,
        "AcctNum": account.account_code,
        "AccountType": kind,
        "Classification": classification,
        "CurrencyRef": {"value": currency},
        "Active": True,
        "SubAccount": False,
    }
