"""What a person does in Tryton's own client, beside everything that Tieout posts."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from reverse_etl.sandbox.supervisor import endpoint_url
from reverse_etl.settings import Settings
from reverse_etl.systems.tryton.connection import Connection
from reverse_etl.systems.tryton.directory import load_company

SECONDS = 30.0


def post_by_hand(settings: Settings, entity: str, day: date, debited: str, credited: str, amount: Decimal) -> str:
    """Post an entry of two lines, in the functional currency; the number that Tryton gives it."""
    destination = settings.destination("tryton")
    connection = Connection(endpoint_url(settings, "tryton"), str(destination.database), str(destination.username), settings.secret("tryton"))
    company = load_company(connection, entity)
    [period] = [found.id for found in company.periods if found.start <= day <= found.end]
    nothing = {"__class__": "Decimal", "decimal": "0"}
    stated = {"__class__": "Decimal", "decimal": str(amount)}
    lines = [
        {"account": company.accounts[debited], "debit": stated, "credit": nothing},
        {"account": company.accounts[credited], "debit": nothing, "credit": stated},
    ]
    move = {
        "company": company.id,
        "journal": company.journal,
        "period": period,
        "date": {"__class__": "date", "year": day.year, "month": day.month, "day": day.day},
        "description": "Receipt of a bank",
        "lines": [["create", lines]],
    }
    [made] = connection.read("model.account.move.create", [[move], dict(company.context)], SECONDS)
    connection.read("model.account.move.post", [[made], dict(company.context)], SECONDS)
    [posted] = connection.read("model.account.move.read", [[made], ["number"], dict(company.context)], SECONDS)
    return str(posted["number"])
