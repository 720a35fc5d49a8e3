"""The report GeneralLedger: https://developer.intuit.com/app/developer/qbo/docs/api/accounting/report-entities/generalledger.

What every account moved from one day to another, in the company's currency, with the sum that the ledger itself makes of it.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from decimal import Decimal
from typing import Any

from reverse_etl.sandbox.quickbooks.accounting.journal_entries import DEBIT, home_movements
from reverse_etl.sandbox.quickbooks.errors import refused
from reverse_etl.sandbox.quickbooks.store import Company, Store

COLUMNS = {"tx_date": "Date", "txn_type": "Transaction Type", "doc_num": "Num", "debt_amt": "Debit", "credit_amt": "Credit"}


def general_ledger(store: Store, company: Company, parameters: dict[str, str]) -> dict[str, Any]:
    """Raises QuickBooksError: a day is none, or another column is asked for than the stand-in knows."""
    first, last = _day(parameters, "start_date"), _day(parameters, "end_date")
    wanted = parameters.get("columns", ",".join(COLUMNS)).split(",")
    if unknown := [name for name in wanted if name not in COLUMNS]:
        raise refused("2170", "Invalid Enumeration", f"column {unknown[0]}", "columns")
    rows: defaultdict[str, list[dict[str, str]]] = defaultdict(list)
    sums: defaultdict[str, dict[str, Decimal]] = defaultdict(lambda: {"debt_amt": Decimal(0), "credit_amt": Decimal(0)})
    for entry in store.every(company.realm, "JournalEntry"):
        if first <= entry["TxnDate"] <= last:
            for account_id, side, amount in home_movements(entry):
                column = "debt_amt" if side == DEBIT else "credit_amt"
                shown = {"tx_date": entry["TxnDate"], "txn_type": "Journal Entry", "doc_num": entry.get("DocNumber", "")}
                rows[account_id].append(shown | {column: format(amount, "f")})
                sums[account_id][column] += amount
    sections = []
    for account in store.every(company.realm, "Account"):
        moved = rows.get(account["Id"])
        if moved:
            title = {"value": account["Name"], "id": account["Id"]}
            total = {name: format(amount, "f") for name, amount in sums[account["Id"]].items() if amount}
            sections.append(
                {
                    "Header": {"ColData": [title, *({"value": ""} for _ in wanted[1:])]},
                    "Rows": {"Row": [{"ColData": [{"value": row.get(name, "")} for name in wanted], "type": "Data"} for row in moved]},
                    "Summary": {"ColData": [{"value": f"Total for {account['Name']}"}, *({"value": total.get(name, "")} for name in wanted[1:])]},
                    "type": "Section",
                }
            )
    header = {"Time": store.timestamp(), "ReportName": "GeneralLedger", "StartPeriod": first, "EndPeriod": last, "Currency": company.home_currency}
    columns = [
        {"ColTitle": COLUMNS[name], "ColType": "Money" if name.endswith("_amt") else "String", "MetaData": [{"Name": "ColKey", "Value": name}]}
        for name in wanted
    ]
    return {"Header": header, "Columns": {"Column": columns}, "Rows": {"Row": sections}}


def _day(parameters: dict[str, str], name: str) -> str:
    try:
        return date.fromisoformat(parameters.get(name, "")).isoformat()
    except ValueError:
        raise refused("2030", "Invalid value", f"{name} must be a date (YYYY-MM-DD)", name) from None
