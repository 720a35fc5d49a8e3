"""The Tryton server of an installation's database, on a free port of the loopback interface."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from reverse_etl.errors import DestinationError
from reverse_etl.sandbox.processes import ServerProcess, free_port, is_taken, launch, wait_until_ready
from reverse_etl.sandbox.tryton.database import DATABASE, module_environment

CONFIGURATION_FILE = "trytond.conf"
LOG_FILE = "trytond.log"
PAGES = "reverse_etl.sandbox.tryton.pages.Pages"
START_SECONDS = 60.0
PORT_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class TrytonServer:
    url: str
    process: ServerProcess
    log: Path


def start_server(folder: Path, port: int | None = None) -> TrytonServer:
    """Serve the database in ``folder`` (see ``provision_ledger``); ``port`` is preferred if it is free.

    Raises:
        DestinationError: the server did not become ready; the message ends with the tail of its log.
    """
    log = folder / LOG_FILE
    for attempt in range(PORT_ATTEMPTS):
        # A server that answers there already would be taken for this one.
        chosen = port if port is not None and attempt == 0 and not is_taken(port) else free_port()
        configuration = folder / CONFIGURATION_FILE
        configuration.write_text(
            f"[database]\nuri = sqlite://\npath = {folder.resolve()}\n\n[web]\nlisten = 127.0.0.1:{chosen}\n\n[wsgi middleware]\npages = {PAGES}\n"
        )
        # -O: trytond asserts, per record, something about every record of its batch.
        process = launch([sys.executable, "-O", "-m", "trytond.cli", "-c", str(configuration), "-d", DATABASE], log, module_environment(folder))
        server = TrytonServer(f"http://127.0.0.1:{chosen}", process, log)
        try:
            wait_until_ready(process, partial(serves, server.url), START_SECONDS, log, "the sandbox ledger (trytond)")
        except DestinationError:
            # Between finding a free port and listening on it, somebody else may have taken it.
            if attempt == PORT_ATTEMPTS - 1:
                raise
            continue
        return server
    raise AssertionError("unreachable: the last attempt returns or raises")


def serves(url: str) -> bool:
    """Whether a Tryton server with our database answers there."""
    import httpx

    try:
        answer = httpx.post(f"{url}/rpc/", json={"id": 0, "method": "common.db.list", "params": []}, timeout=5.0)
        return bool(answer.status_code == 200 and DATABASE in answer.json().get("result", ()))
    except (httpx.HTTPError, ValueError, TypeError, AttributeError):
        return False
