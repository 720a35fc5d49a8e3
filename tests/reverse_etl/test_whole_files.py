"""A file is written whole or not at all, by whoever writes it at the same time."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from reverse_etl.whole_files import write_whole


@pytest.mark.parametrize("durable", [False, True])
def test_a_file_is_replaced_and_its_folder_made(durable: bool, tmp_path: Path) -> None:
    path = tmp_path / "new" / "told.json"
    for content in ("first and longer", b"\xc3\xa9"):
        write_whole(path, content, durable=durable)
    assert path.read_text(encoding="utf-8") == "é"
    assert [found.name for found in path.parent.iterdir()] == ["told.json"]


def test_what_cannot_be_written_leaves_what_was_there_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "told"
    write_whole(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_whole(path, "half a character: \ud800")
    assert path.read_text() == "old"
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        write_whole(tmp_path / "folder", "no file takes the place of a folder")
    assert sorted(found.name for found in tmp_path.iterdir()) == ["folder", "told"]


def test_a_secret_is_readable_by_its_owner_alone_from_the_first_moment(tmp_path: Path) -> None:
    write_whole(tmp_path / "secret", "s", mode=0o600)
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600


def test_threads_that_write_at_the_same_time_leave_one_of_their_files(tmp_path: Path) -> None:
    contents, start = [str(digit) * 100_000 for digit in range(4)], threading.Barrier(4)

    def write(content: str) -> None:
        start.wait()
        write_whole(tmp_path / "told", content)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(write, contents))
    assert (tmp_path / "told").read_text() in contents
    assert len(list(tmp_path.iterdir())) == 1
