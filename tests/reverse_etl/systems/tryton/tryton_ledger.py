"""A running Tryton server as the specifications see it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from reverse_etl.sandbox.tryton.server import TrytonServer
from reverse_etl.settings import Destination, Settings
from reverse_etl.systems.contract import Manifest
from reverse_etl.systems.tryton import Tryton, open_tryton
from reverse_etl.systems.tryton.connection import Connection
from reverse_etl.systems.tryton.system import MANIFEST

PASSWORD = "a password for the specification"


@dataclass
class Ledger:
    """A running server, the system that speaks to it, and what an accountant in Tryton's own client could do."""

    folder: Path
    server: TrytonServer
    home: Path

    def open(self, deadline_seconds: float = 60.0, url: str | None = None, manifest: Manifest = MANIFEST, **options: str) -> Tryton:
        destination = Destination(secret_environment="TRYTON_PASSWORD", secret_file="secrets/tryton_password", options=options)
        settings = Settings(home=self.home, destinations={"tryton": destination})
        return open_tryton(settings, url or self.server.url, replace(manifest, send_deadline=timedelta(seconds=deadline_seconds)))

    @property
    def accountant(self) -> Connection:
        return Connection(self.server.url, "erp", "admin", PASSWORD)

    def do(self, method: str, *parameters: Any) -> Any:
        return self.accountant.read(f"model.{method}", parameters, 30.0)

    def ids(self, model: str, domain: list[Any]) -> list[int]:
        found = self.do(f"{model}.search", domain, 0, None, None, {})
        assert isinstance(found, list)
        return found

    def period_ids(self, entity: str, period: str) -> list[int]:
        return self.ids("account.period", [["company.party.code", "=", entity], ["name", "=", period]])
