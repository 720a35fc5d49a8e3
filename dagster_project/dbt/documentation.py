"""dbt's documentation of an installation as one page: models, columns, tests, lineage, and the relations as they were last published."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from dagster_project.dbt.project import DbtPaths, invoke
from reverse_etl.errors import ConfigurationError
from reverse_etl.settings import Settings
from reverse_etl.whole_files import write_whole

PAGE = "dbt-docs.html"
STATIC_PAGE = "static_index.html"


def documentation_path(settings: Settings) -> Path:
    """Where the page of an installation is, whether or not it was made yet."""
    return settings.home / "pages" / PAGE


def write_documentation(settings: Settings, folder: Path | None = None) -> Path:
    """Make the page; the one before is replaced at once. Waits for no writer: dbt looks into a copy of the published copy.

    Raises:
        ConfigurationError: nothing is published yet, or dbt cannot make it.
    """
    if not settings.published_path.is_file():
        raise ConfigurationError(f"nothing is published yet at {settings.published_path}; run 'tieout close PERIOD' first")
    target = (folder or documentation_path(settings).parent) / PAGE
    target.parent.mkdir(parents=True, exist_ok=True)
    own = DbtPaths.of(settings)
    with TemporaryDirectory(prefix="tieout-docs-") as scratch:
        # dbt opens what it documents for writing, which would keep readers of the published copy out.
        warehouse = Path(scratch) / settings.published_path.name
        shutil.copyfile(settings.published_path, warehouse)
        paths = replace(own, target=Path(scratch) / "target", warehouse=warehouse)
        paths.target.mkdir()
        if (own.target / "partial_parse.msgpack").is_file():
            shutil.copyfile(own.target / "partial_parse.msgpack", paths.target / "partial_parse.msgpack")
        outcome = invoke(paths, ["docs", "generate", "--static"])
        page = paths.target / STATIC_PAGE
        if not outcome.success or not page.is_file():
            reason = " ".join(str(outcome.exception or "see its log").split())
            raise ConfigurationError(f"dbt cannot document the project {paths.project}: {reason}; see {paths.logs / 'dbt.log'}")
        write_whole(target, page.read_bytes())
    return target
