"""Example mappings for foreign files, and the delivery of one such file through all of them."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

from reverse_etl.errors import ConfigurationError
from reverse_etl.landing.mapping import BUILT_IN
from reverse_etl.settings import Settings

EXAMPLES = BUILT_IN / "examples"


def deliver_example(example: str, file: Path, settings: Settings, landed_on: date) -> None:
    """Install an example's mappings, and put ``file`` into the inbox of each of their sources, with the reference data that the file lacks.

    Raises:
        ConfigurationError: there is no such example.
    """
    folder = EXAMPLES / example
    if not folder.is_dir():
        raise ConfigurationError(f"no example {example!r}: there are {', '.join(sorted(path.name for path in EXAMPLES.iterdir()))}")
    settings.mappings.mkdir(parents=True, exist_ok=True)
    for mapping in sorted(folder.glob("*.yaml")):
        shutil.copyfile(mapping, settings.mappings / mapping.name)
        _deliver(file, settings.inbox / mapping.stem / landed_on.isoformat() / file.name)
    for reference in sorted((folder / "reference").glob("*.csv")):
        _deliver(reference, settings.inbox / reference.stem / landed_on.isoformat() / f"{example}.csv")


def _deliver(file: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, target)
