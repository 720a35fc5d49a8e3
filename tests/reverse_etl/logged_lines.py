"""What is in the log."""

from __future__ import annotations

import json
from typing import Any

from reverse_etl.settings import Settings
from reverse_etl.structured_log import FILE


def log_lines(settings: Settings) -> list[dict[str, Any]]:
    """The lines of the current file, oldest first."""
    return [json.loads(line) for line in (settings.log_folder / FILE).read_text(encoding="utf-8").splitlines()]
