"""A running stand-in, the destination that speaks to it, and a register whose documents go there."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx

from reverse_etl.documents import OutboxRow, SealedDocument, State
from reverse_etl.posting import PushReport, push
from reverse_etl.register import Register
from reverse_etl.register.access.transactions import utc_now
from reverse_etl.sandbox.processes import ServerProcess, launch, wait_until_ready
from reverse_etl.sandbox.quickbooks import realm_of
from reverse_etl.sandbox.tryton.specification import Account, Company, LedgerSpecification
from reverse_etl.settings import Authorization, Destination, Settings
from reverse_etl.systems.quickbooks import QuickBooks, open_system

US, JP = "northlight_us", "northlight_jp"
PERIOD = "2026-01"
ACCOUNTS = (
    ("1100", "Accounts receivable", "asset", True),
    ("2200", "Tax payable", "liability", False),
    ("4000", "Usage revenue", "revenue", False),
)
SPECIFICATION = LedgerSpecification(
    companies=(Company(US, "Northlight Inc.", "USD"), Company(JP, "Northlight KK", "JPY")),
    accounts=tuple(Account(entity, *account) for entity in (US, JP) for account in ACCOUNTS),
    currencies={"USD": 2, "JPY": 0},
    first_year=2026,
    last_year=2026,
)
CREDENTIALS = {"client_id": "tieout", "client_secret": "a-client-secret", "refresh_token": "a-refresh-token"}


@dataclass
class Books:
    url: str
    process: ServerProcess
    register: Register
    folder: Path
    batch_size: int = 30

    @property
    def settings(self) -> Settings:
        destination = Destination(
            url=self.url,
            entities={entity: {"realm": realm_of(entity)} for entity in (US, JP)},
            account_codes={"4000": "4000", "4000-sold-abroad": "4000", f"{US}/2200-taxes": "2200"},
            authorization=Authorization(client_id="tieout", token_url=f"{self.url}/oauth2/v1/tokens/bearer"),
            requests_per_second=1000.0,
            batch_size=self.batch_size,
            send_deadline_seconds=60.0,
        )
        return Settings(home=self.folder, entities=(US, JP), destinations={"quickbooks": destination})

    def open(self) -> QuickBooks:
        """The destination with bounds that a test can wait for."""
        system = open_system(self.settings, "quickbooks")
        system.manifest = replace(system.manifest, in_flight_bound=timedelta(seconds=0.5), look_up_lag=timedelta(seconds=0.1))
        return system

    def push(self, entity: str = US, period: str | None = PERIOD) -> PushReport:
        return self._push(self.open(), entity, period)

    def deliver(self) -> None:
        """Push what answers are lost of, and once more some minutes later: a machine that stands still for a moment loses answers of its own."""
        system = self.open()
        system.manifest = replace(system.manifest, send_deadline=timedelta(seconds=1))
        self._push(system, US, PERIOD)
        self._push(system, US, PERIOD, later=timedelta(minutes=6))

    def _push(self, system: QuickBooks, entity: str, period: str | None, later: timedelta = timedelta(0)) -> PushReport:
        locks = self.folder / "locks"
        return push(self.register, system, entity, period, settings_or_lock_folder=locks, actor="t", patience=60.0, clock=lambda: utc_now() + later)

    def seal(self, *rows: OutboxRow) -> tuple[SealedDocument, ...]:
        report = self.register.seal(rows, "specification", "sealing")
        assert not report.refused, [refusal.reason for refusal in report.refused]
        return report.sealed

    def customer(self, customer_id: str, name: str = "Ada Ltd", revision: int = 1) -> OutboxRow:
        payload = {"customer_id": customer_id, "name": name, "email": f"{customer_id.lower()}@example.test", "country": "US", "currency": "USD"}
        return self._row("customer", customer_id, payload | {"tax_id": None, "payment_term_days": 30}, revision=revision)

    def entry(self, name: str, minor: int = 11900, customer_id: str | None = "C1", day: date = date(2026, 1, 31), **changes: Any) -> OutboxRow:
        """An issued invoice: the receivable of a customer against revenue and tax."""
        tax = minor * 19 // 119
        lines = [
            line(f"{name}#receivable", "1100", "debit", minor, customer_id),
            line(f"{name}#line:1", "4000", "credit", minor - tax, customer_id),
            line(f"{name}#tax", "2200", "credit", tax),
        ]
        payload = {
            "source_number": f"INV-{name}",
            "event": "invoice_issued",
            "description": "Invoice issued",
            "currency": "USD",
            "currency_exponent": 2,
        }
        payload |= {"functional_currency": "USD", "functional_exponent": 2, "lines": lines} | changes
        needs = () if customer_id is None else (f"quickbooks/{US}/customer/{customer_id}",)
        return self._row("journal_entry", name, payload, day=day, depends_on=needs)

    def states(self) -> dict[str, State]:
        return {document.natural_id: delivery.state for document, delivery in self.register.deliveries()}

    def numbers(self) -> Counter[str]:
        """How many entries the books hold by document number."""
        return Counter({item["number"]: item["count"] for item in httpx.get(f"{self.url}/_state", trust_env=False, timeout=120).json()["numbers"]})

    def assert_everything_is_there_exactly_once(self) -> None:
        assert set(self.states().values()) == {State.VERIFIED}, (self.states(), [record.reason for record in self.register.exceptions()])
        entries = [document for document in self.register.documents() if document.document_type == "journal_entry"]
        assert self.numbers() == {document.reference: 1 for document in entries}

    def order(self, **fault: Any) -> None:
        assert httpx.post(f"{self.url}/_faults", json=fault, trust_env=False, timeout=120).status_code == 200

    def faults(self) -> list[dict[str, Any]]:
        ordered: list[dict[str, Any]] = httpx.get(f"{self.url}/_faults", trust_env=False, timeout=120).json()
        return ordered

    def books(self, **changes: Any) -> None:
        assert httpx.post(f"{self.url}/_books", json={"realm": realm_of(US), **changes}, trust_env=False, timeout=120).status_code == 200

    def _row(
        self,
        document_type: str,
        name: str,
        payload: Mapping[str, Any],
        *,
        day: date = date(2026, 1, 31),
        depends_on: Sequence[str] = (),
        revision: int = 1,
    ) -> OutboxRow:
        key = f"quickbooks/{US}/{document_type}/{name}"
        sealed = self.register.deliveries(business_key=key)
        return OutboxRow(
            contract_version=1,
            system="quickbooks",
            entity=US,
            document_type=document_type,
            natural_id=name,
            business_key=key,
            revision=revision,
            operation="create" if revision == 1 else "update",
            series=None,
            document_date=day,
            posting_date=day,
            period=f"{day:%Y-%m}",
            currency=str(payload["currency"]),
            total_minor=sum(line["amount_minor"] for line in payload.get("lines", ()) if line["side"] == "debit"),
            depends_on=tuple(depends_on),
            sensitivity="internal",
            cause="rating",
            subtracted_key=key,
            register_head=max((document.position for document, _ in sealed), default=0),
            register_incarnation=self.register.incarnation,
            payload=payload,
        )


def line(key: str, account: str, side: str, minor: int, customer_id: str | None = None, amount_minor: int | None = None) -> dict[str, Any]:
    amounts = {"functional_minor": minor, "amount_minor": minor if amount_minor is None else amount_minor}
    return {"line_key": key, "account": account, "side": side, "customer_id": customer_id, "description": "API calls"} | amounts


def launch_stand_in(folder: Path, *options: str) -> tuple[str, ServerProcess]:
    (folder / "specification.json").write_text(SPECIFICATION.to_json())
    (folder / "credentials.json").write_text(json.dumps(CREDENTIALS))
    command = [sys.executable, "-m", "reverse_etl.sandbox.quickbooks", "--state", str(folder / "state.sqlite"), "--ready-file", str(folder / "ready")]
    given = ["--specification", str(folder / "specification.json"), "--credentials", str(folder / "credentials.json")]
    process = launch([*command, *given, *(options or ("--unlimited",))], folder / "log")
    wait_until_ready(process, (folder / "ready").is_file, 120.0, folder / "log", "the stand-in")
    return str(json.loads((folder / "ready").read_text())["url"]), process
