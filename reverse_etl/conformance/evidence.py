"""Where the last report of a destination is kept, so that every later push goes by what was found."""

from __future__ import annotations

import json
from pathlib import Path

from reverse_etl.conformance.findings import ConformanceReport, Finding, Verdict, as_record
from reverse_etl.errors import ConfigurationError
from reverse_etl.settings import Settings
from reverse_etl.whole_files import write_whole

FOLDER = "conformance"


def record(settings: Settings, report: ConformanceReport) -> Path:
    """Keep the report in place of the one before it; returns its file."""
    path = _path(settings, report.destination)
    write_whole(path, json.dumps(as_record(report), indent=2) + "\n")
    return path


def recorded(settings: Settings, destination: str) -> ConformanceReport | None:
    """The last report of the server that the destination names now; None if it was never probed, or is another one by now.

    Raises:
        ConfigurationError: the file is not a report. What it disproved would silently count as proven.
    """
    path = _path(settings, destination)
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text())
        findings = tuple(Finding(**{**finding, "verdict": Verdict(finding["verdict"])}) for finding in content["findings"])
        report = ConformanceReport(content["destination"], content["kind"], content["url"], content["probed_at"], findings)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ConfigurationError(
            f"{path} is no conformance report ({type(error).__name__}: {error}); run 'tieout conformance {destination}' again, or remove it"
        ) from error
    return report if report.url == settings.destination(destination).url and report.kind == settings.kind(destination) else None


def _path(settings: Settings, destination: str) -> Path:
    return settings.home / FOLDER / f"{destination}.json"
