"""An installation that posts to a ledger's stand-in: its register, documents to seal, and pushes through the real poster."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from ledger_stand_in import EU, US

from reverse_etl.crash_points import CRASH_VARIABLE
from reverse_etl.documents import OutboxRow, SealedDocument, State
from reverse_etl.posting import PushReport, push
from reverse_etl.register import Register
from reverse_etl.register.access.transactions import utc_now
from reverse_etl.settings import Settings
from reverse_etl.systems.contract import RenderContext
from reverse_etl.systems.http_system import HttpSystem
from reverse_etl.systems.registry import open_system

FUNCTIONAL = {US: "USD", EU: "EUR"}
FORK = multiprocessing.get_context("fork")


class Installation:
    """``name`` is the destination; ``limits`` replace what its manifest declares."""

    def __init__(self, home: Path, name: str, destination: Mapping[str, Any], **limits: Any) -> None:
        self.name = name
        self.settings = Settings.model_validate({"home": home, "entities": (US, EU), "destinations": {name: destination}})
        self.limits = limits
        self.register = Register.open(f"sqlite:///{home / 'register.sqlite'}")

    def open(self, **limits: Any) -> HttpSystem:
        system = open_system(self.settings, self.name)
        assert isinstance(system, HttpSystem)
        system.manifest = replace(system.manifest, **{**self.limits, **limits})
        return system

    def close(self) -> None:
        self.register.close()

    def push(self, entity: str = US, *, patience: float = 60.0, later: timedelta = timedelta(0), **limits: Any) -> PushReport:
        """Push; ``later``: as if so much time had gone by."""
        system = self.open(**limits)
        try:
            return push(
                self.register,
                system,
                entity,
                settings_or_lock_folder=self.settings,
                actor="specification",
                patience=patience,
                clock=lambda: utc_now() + later,
            )
        finally:
            system.close()

    def deliver(self, **limits: Any) -> None:
        """Push what answers are lost of, and once more some minutes later: a machine that stands still for a moment loses answers of its own."""
        self.push(**{**QUICK, **limits})
        self.push(**{**QUICK, **limits}, later=timedelta(minutes=6))

    def push_until_killed(self, crash_point: str, entity: str = US) -> int:
        """Push in a process of its own that kills itself at the point; its exit code, negative if a signal ended it."""

        def work(register_url: str) -> None:
            os.environ[CRASH_VARIABLE] = crash_point
            push(Register.open(register_url), self.open(), entity, settings_or_lock_folder=self.settings, actor="killed")

        process = FORK.Process(target=work, args=(self.register.url,))
        process.start()
        process.join(120)
        assert process.exitcode is not None
        return process.exitcode

    def customer(self, customer_id: str = "C1", name: str = "Aurora Robotics", entity: str = US, revision: int = 1) -> SealedDocument:
        return self._seal("customer", customer_id, {"customer_id": customer_id, "name": name}, entity, revision=revision)

    def entry(
        self,
        natural_id: str,
        minor: int = 11900,
        *,
        entity: str = US,
        posting_date: date = date(2026, 1, 31),
        customer_id: str | None = "C1",
        lines: Sequence[Mapping[str, Any]] | None = None,
        **payload: Any,
    ) -> SealedDocument:
        """An issued invoice: a receivable of a customer against revenue and tax."""
        tax = minor * 19 // 119
        own = lines or (
            line(f"{natural_id}#receivable", "1100", "debit", minor, customer_id=customer_id),
            line(f"{natural_id}#line:1", "4000", "credit", minor - tax),
            line(f"{natural_id}#tax", "2200", "credit", tax),
        )
        content = {
            "source_number": f"INV-{natural_id}",
            "event": "invoice_issued",
            "description": "Invoice issued",
            "currency": FUNCTIONAL[entity],
            "currency_exponent": 2,
            "functional_currency": FUNCTIONAL[entity],
            "functional_exponent": 2,
            "lines": [dict(item) for item in own],
        }
        keys = {f"{self.name}/{entity}/customer/{item['customer_id']}" for item in own if item.get("customer_id")}
        return self._seal("journal_entry", natural_id, content | payload, entity, posting_date=posting_date, depends_on=tuple(sorted(keys)))

    def yen_entry(self, natural_id: str) -> SealedDocument:
        """1,500 yen: 10.01 dollars of receivable against 10.00 of revenue, so that a cent of rounding remains without yen."""
        lines = (
            line(f"{natural_id}#receivable", "1100", "debit", 1001, amount_minor=1500, customer_id="C1"),
            line(f"{natural_id}#line:1", "4000", "credit", 1000, amount_minor=1500),
            line(f"{natural_id}#rounding", "7900", "credit", 1, amount_minor=0),
        )
        return self.entry(natural_id, lines=lines, currency="JPY", currency_exponent=0)

    def rendered(self, document: SealedDocument) -> bytes:
        system = self.open()
        (call,) = system.call_names(document)
        return system.render(RenderContext(document, {}, {}), call)

    def states(self) -> dict[str, State]:
        return {document.natural_id: delivery.state for document, delivery in self.register.deliveries()}

    def reasons(self) -> dict[str, str]:
        """Why documents stopped or wait, by natural id."""
        return {document.natural_id: delivery.reason or "" for document, delivery in self.register.deliveries() if delivery.reason}

    def exceptions(self) -> list[str]:
        return [f"{record.kind}: {record.reason}" for record in self.register.exceptions()]

    def _seal(
        self,
        document_type: str,
        natural_id: str,
        payload: Mapping[str, Any],
        entity: str,
        *,
        posting_date: date = date(2026, 1, 31),
        depends_on: tuple[str, ...] = (),
        revision: int = 1,
    ) -> SealedDocument:
        key = f"{self.name}/{entity}/{document_type}/{natural_id}"
        sealed = self.register.deliveries(business_key=key)
        row = OutboxRow(
            contract_version=1,
            system=self.name,
            entity=entity,
            document_type=document_type,
            natural_id=natural_id,
            business_key=key,
            revision=revision,
            operation="create" if revision == 1 else "update",
            series=None,
            document_date=posting_date,
            posting_date=posting_date,
            period=f"{posting_date:%Y-%m}",
            currency=str(payload.get("currency", "USD")),
            total_minor=sum(item["amount_minor"] for item in payload.get("lines", ()) if item["side"] == "debit"),
            depends_on=depends_on,
            sensitivity="internal",
            cause="rating",
            subtracted_key=key,
            register_head=max((document.position for document, _ in sealed), default=0),
            register_incarnation=self.register.incarnation,
            payload=payload,
        )
        report = self.register.seal([row], "specification", "sealing")
        assert not report.refused, [refusal.reason for refusal in report.refused]
        return report.sealed[0]


def line(
    key: str, account: str, side: str, functional_minor: int, *, amount_minor: int | None = None, customer_id: str | None = None
) -> dict[str, Any]:
    return {
        "line_key": key,
        "account": account,
        "side": side,
        "amount_minor": functional_minor if amount_minor is None else amount_minor,
        "functional_minor": functional_minor,
        "customer_id": customer_id,
        "description": "API calls",
    }


PATIENT = {"send_deadline": timedelta(seconds=60), "in_flight_bound": timedelta(seconds=0.1), "look_up_lag": timedelta(0)}
"""Limits that a busy machine keeps: where no answer is lost, nobody waits for the deadline."""
QUICK = {"send_deadline": timedelta(seconds=1)}
"""With this a lost answer is resolved within seconds."""
