"""Reads a specification from its file, and says which manifest it declares."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import yaml
from pydantic import ValidationError

from reverse_etl.errors import ConfigurationError
from reverse_etl.systems.contract import Manifest, Particular
from reverse_etl.systems.http.specification import Specification


class _Loader(yaml.SafeLoader):
    """YAML as of version 1.2: only true and false are truth values (``no`` is a name that APIs like), and days are text."""


_SURPRISING = ("tag:yaml.org,2002:bool", "tag:yaml.org,2002:timestamp")
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in _SURPRISING]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))


def load_specification(path: Path) -> Specification:
    """The specification in a file.

    Raises:
        ConfigurationError: it is missing, or not what a specification may be.
    """
    try:
        content = yaml.load(path.read_text(), _Loader)
    except FileNotFoundError:
        raise ConfigurationError(f"{path}: not found; a destination of the kind http is described there (docs/destinations.md shows how)") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{path}: cannot be read: {' '.join(str(error).split())}") from error
    if not isinstance(content, Mapping):
        raise ConfigurationError(f"{path}: expected a mapping, got {type(content).__name__}")
    try:
        return Specification.model_validate(content)
    except ValidationError as error:
        found = [f"{_place(part['loc'])}: {part['msg'].removeprefix('Value error, ')}" for part in error.errors()]
        raise ConfigurationError(f"{path}: {'; '.join(found)}") from error


def manifest_of(specification: Specification, system: str) -> Manifest:
    """The manifest that a specification declares."""
    capabilities, limits = specification.capabilities, specification.limits
    particulars = {}
    for name, document in specification.documents.items():
        retention = capabilities.key_retention if document.key_retention is None else document.key_retention
        lag = None if document.look_up is None else capabilities.look_up_lag if document.look_up_lag is None else document.look_up_lag
        if (retention, lag) != (capabilities.key_retention, capabilities.look_up_lag):
            particulars[name] = Particular(retention, lag, capabilities.replays_errors, capabilities.refuses_changed_body)
    return Manifest(
        system=system,
        key_retention=capabilities.key_retention,
        look_up_lag=capabilities.look_up_lag,
        send_deadline=capabilities.send_deadline,
        in_flight_bound=capabilities.in_flight_bound,
        replays_errors=capabilities.replays_errors,
        requests_per_second=limits.requests_per_second,
        concurrency=limits.concurrency,
        batch_size=limits.batch_size,
        document_types=tuple(specification.documents),
        look_up_batch_size=limits.look_up_batch_size,
        particulars=particulars,
        refuses_changed_body=capabilities.refuses_changed_body,
        batch_is_atomic=capabilities.batch_is_atomic,
        requests_per_day=limits.requests_per_day,
    )


def _place(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location) or "the whole"
