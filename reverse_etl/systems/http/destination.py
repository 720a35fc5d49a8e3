"""Opens a described destination, and checks a description without sending anything."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from reverse_etl.systems.contract import DocumentUrl, Manifest
from reverse_etl.systems.http.links import link_of, link_template
from reverse_etl.systems.http.loading import load_specification, manifest_of
from reverse_etl.systems.http.mapping import SpecifiedMapping
from reverse_etl.systems.http.specification import Specification
from reverse_etl.systems.http_system import HttpSystem, destination_url, open_http_system
from reverse_etl.systems.registry import adjusted

if TYPE_CHECKING:
    from reverse_etl.settings import Settings

KIND = "http"
FOLDER = "destinations"

MANIFEST = Manifest(
    system=KIND,
    key_retention=timedelta(0),
    look_up_lag=None,
    send_deadline=timedelta(seconds=30),
    in_flight_bound=timedelta(seconds=60),
    replays_errors=True,
    requests_per_second=None,
    concurrency=4,
    batch_size=1,
    document_types=(),
)


def open_system(settings: Settings, name: str) -> HttpSystem:
    """The destination that ``destinations/<name>.yaml`` describes.

    Raises:
        ConfigurationError: the file, the URL, the network or the authorization cannot be used, or a secret is missing.
    """
    specification, mapping = _described(settings, name)
    manifest = adjusted(manifest_of(specification, name), settings, name)
    return open_http_system(settings, name, manifest, mapping, destination_url(settings, name), specification.authorization)


def document_url(settings: Settings, name: str) -> DocumentUrl:
    """As the file says it of each document type. Raises ConfigurationError: the file cannot be used."""
    specification, _ = _described(settings, name)
    chosen = settings.destination(name)
    pages = {
        document_type: link_template(document.document_url, f"{specification_file(settings, name)}: documents.{document_type}.document_url")
        for document_type, document in specification.documents.items()
        if document.document_url is not None
    }

    def url(entity: str, document_type: str, remote_id: str) -> str | None:
        if document_type not in pages:
            return None
        options = {**chosen.options, **chosen.entities.get(entity, {})}
        return link_of(pages[document_type], {"remote_id": remote_id, "entity": entity, "document_type": document_type, "options": options})

    return url


def check(settings: Settings, name: str) -> tuple[str, ...]:
    """What the description says, in lines for people. Raises ConfigurationError: it cannot be used."""
    specification, _ = _described(settings, name)
    lines = [f"described in {specification_file(settings, name)}"]
    for document_type, document in specification.documents.items():
        calls = ", ".join(f"{call.name} ({call.method} {call.path})" for call in (*document.calls, *document.update_calls))
        lines.append(f"{document_type}: {calls}")
        if document.found is not None and document.found.lines is not None and not document.compared.lines:
            lines.append(f"{document_type}: its lines are not compared, for compared.lines is empty")
    if specification.read_back is None:
        lines.append("without read_back, what the destination holds cannot be tied out")
    return tuple(lines)


def specification_file(settings: Settings, name: str) -> Path:
    return settings.home / FOLDER / f"{name}.yaml"


def _described(settings: Settings, name: str) -> tuple[Specification, SpecifiedMapping]:
    path = specification_file(settings, name)
    specification = load_specification(path)
    chosen = settings.destination(name)

    def options(entity: str) -> Mapping[str, str]:
        return {**chosen.options, **chosen.entities.get(entity, {})}

    def account_code(entity: str, account: str) -> str:
        return settings.account_code(name, entity, account)

    mapping = SpecifiedMapping(specification, str(path), options, account_code)
    for option in sorted(mapping.needed_options()):
        # Refused here: while it is missing, every document would have to be rejected.
        for entity in chosen.entities or (None,):
            settings.option(name, option, entity)
    return specification, mapping
