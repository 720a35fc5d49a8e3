"""What every client sends: the same rows, and one way to say how long it worked and what that cost."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CONCURRENCY = 32


def rows(count: int) -> list[dict[str, Any]]:
    names = [f"DOC-{number:06}" for number in range(count)]
    return [{"document": name, "reference": name, "amount_minor": 1000 + number, "currency": "USD"} for number, name in enumerate(names)]


def arguments() -> argparse.Namespace:
    """``limit``: requests per second that the destination publishes, 0 = none."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument("--form", choices=("default", "tuned"), required=True)
    parser.add_argument("--documents", type=int, required=True)
    parser.add_argument("--limit", type=float, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    return parser.parse_args()


@contextmanager
def measured(folder: Path) -> Iterator[None]:
    """The work alone: neither the interpreter's start nor imports nor what was prepared before."""
    began, cpu = time.monotonic(), time.process_time()
    error = None
    try:
        yield
    except Exception as problem:
        error = f"{type(problem).__name__}: {problem}"[:200]
        raise
    finally:
        result = {"seconds": time.monotonic() - began, "cpu": time.process_time() - cpu, "error": error}
        (folder / "result.json").write_text(json.dumps(result))


def patiently(post: Callable[[], Any], attempts: int = 6) -> Any:
    """What a careful caller does around a request: again after 429, 5xx and a broken connection, when the server says or later and later."""
    for attempt in range(attempts):
        pause = 0.2 * 2**attempt
        try:
            answer = post()
        except OSError:
            if attempt == attempts - 1:
                raise
        else:
            if answer.status_code != 429 and answer.status_code < 500:
                return answer
            pause = float(answer.headers.get("Retry-After", pause))
        time.sleep(pause)
    return answer
