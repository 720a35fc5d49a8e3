"""Following a guide fails where its reader would: at a command that fails, and at an output that is not what the guide shows."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from guide import REPOSITORY, commands, differences
from shell import GuideFailedError, Reader

GUIDE = """\
# A guide

```sh
cd ~ && greeting=hello
```

{more}
"""


@pytest.fixture
def reader() -> Iterator[Reader]:
    arrived = Reader.arriving({}, programs=Path("/usr/bin"))
    yield arrived
    arrived.leave()


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("guide.REPOSITORY", tmp_path)
    monkeypatch.setattr("shell.REPOSITORY", tmp_path)
    return tmp_path / "guide.md"


def follow(reader: Reader, page: Path, more: str) -> None:
    page.write_text(GUIDE.format(more=more))
    reader.follow(commands(page))


def test_blocks_run_in_one_shell_and_show_what_they_print(reader: Reader, page: Path) -> None:
    follow(reader, page, '```sh\necho "$greeting at $(date)"\necho bye\n```\n```text\nhello at …\nbye\n```')


def test_a_command_that_fails_is_named_with_its_line(reader: Reader, page: Path) -> None:
    with pytest.raises(GuideFailedError, match=r"guide\.md:9: ls /nowhere"):
        follow(reader, page, "```sh\necho first\nls /nowhere\necho last\n```")


def test_another_output_than_the_guide_shows_is_noticed(reader: Reader, page: Path) -> None:
    with pytest.raises(GuideFailedError, match=r"guide\.md:8: the guide shows\ngoodbye"):
        follow(reader, page, '```sh\necho "$greeting"\n```\n```text\ngoodbye\n```')


def test_what_is_to_be_refused_has_to_be_and_the_shell_goes_on(reader: Reader, page: Path) -> None:
    refused = '```sh exits 1\n{}\n```\n```text\n{}\n```\n```sh\ntest "$greeting" = hello\n```'
    follow(reader, page, refused.format("sh -c 'echo no >&2; exit 1'", "no"))
    with pytest.raises(GuideFailedError, match="says that this exits with 1, and it did with 0"):
        follow(reader, page, refused.format("echo yes", "yes"))


def test_what_says_why_it_is_not_run_is_not_run(reader: Reader, page: Path) -> None:
    follow(reader, page, "<!-- not run: it would never end -->\n```sh\nsleep 1000\n```")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
def test_another_user_is_one_for_the_kernel(reader: Reader, page: Path) -> None:
    follow(reader, page, '```sh\ntest "$(sudo -u maria id -u)" != "$(id -u)"\ntest "$(sudo -u maria id -u)" != "$(sudo -u anna id -u)"\n```')


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        ("a … c", "a b c\n", True),
        ("a … c", "a b d\n", False),
        ("a\n…\nd", "a\nb\nc\nd\n", True),
        ("a\n…", "a\n", True),
        ("a", "a\nb\n", False),
        ("a … c", "a b\nc\n", False),
        ("a.b", "axb\n", False),
    ],
)
def test_dots_stand_for_what_varies_and_nothing_else(shown: str, printed: str, same: bool) -> None:
    assert (differences(shown, printed) is None) is same


def test_the_guides_are_those_of_this_checkout() -> None:
    assert (REPOSITORY / "docs" / "guides" / "README.md").is_file()
