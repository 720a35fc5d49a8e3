"""Bars for what takes long, where somebody looks at a terminal. Lines go above them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import TextIO

from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from dagster_project.cli.terminal.tables import console
from reverse_etl.progress import Advance

LONGEST_NAME = 40


class Bars:
    """One bar for each task that is under way; one that is over goes."""

    def __init__(self, stream: TextIO) -> None:
        self._console = console(stream)
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[doing]}"),
            console=self._console,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._tasks: dict[str, TaskID] = {}
        self._lock = Lock()

    @contextmanager
    def shown(self) -> Iterator[None]:
        with self._progress:
            yield

    def advance(self, advance: Advance) -> None:
        with self._lock:
            if advance.done >= advance.total:
                ended = self._tasks.pop(advance.task, None)
                if ended is not None:
                    self._progress.remove_task(ended)
                return
            if advance.task not in self._tasks:
                self._tasks[advance.task] = self._progress.add_task(advance.task, total=advance.total, doing="")
            doing = advance.doing if len(advance.doing) <= LONGEST_NAME else f"…{advance.doing[1 - LONGEST_NAME :]}"
            # What is being done is named until something else is.
            if doing:
                self._progress.update(self._tasks[advance.task], doing=doing)
            self._progress.update(self._tasks[advance.task], completed=advance.done, total=advance.total)

    def line(self, text: str) -> None:
        self._console.print(Text(text), soft_wrap=True)

    @property
    def is_on_standard_output(self) -> bool:
        return self._console.file is sys.stdout
