"""Every command of every guide runs, in the order in which somebody reads them, and shows what the guide says that it shows."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from guide import commands, guides, predecessor
from register_stores import PostgreSQL
from shell import Reader


class Journey:
    """One reader, who follows the guides that go before the one that is asked for."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._outcomes: dict[Path, str | None] = {}

    def follow(self, guide: Path) -> None:
        before = predecessor(guide)
        if before is not None:
            self._go(before)
            if self._outcomes[before] is not None:
                pytest.skip(f"{before.name}, which this guide continues, fails")
        self._go(guide)
        if self._outcomes[guide] is not None:
            pytest.fail(str(self._outcomes[guide]), pytrace=False)

    def _go(self, guide: Path) -> None:
        if guide in self._outcomes:
            return
        before = predecessor(guide)
        if before is not None:
            self._go(before)
            if self._outcomes[before] is not None:
                self._outcomes[guide] = f"{before.name} fails"
                return
        self._outcomes[guide] = None
        try:
            self._reader.follow(commands(guide))
        except AssertionError as error:
            self._outcomes[guide] = str(error)


@pytest.fixture(scope="module")
def journey() -> Iterator[Journey]:
    if os.geteuid() != 0:
        pytest.skip("two people follow the guides: only root can be both")
    missing = [program for program in ("curl", "setpriv") if shutil.which(program) is None]
    if missing and not os.environ.get("CI"):
        pytest.skip(f"a reader of the guides has {' and '.join(missing)}")
    server = PostgreSQL.start()
    reader = Reader.arriving({"PGHOST": str(server.folder), "PGUSER": "postgres"}, programs=server.server.bin_path)
    try:
        yield Journey(reader)
    finally:
        reader.leave()
        server.stop()


@pytest.mark.parametrize("guide", guides(), ids=lambda guide: guide.stem)
def test_a_reader_who_follows_the_guide_sees_what_it_shows(journey: Journey, guide: Path) -> None:
    journey.follow(guide)
