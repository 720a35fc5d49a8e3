"""What is documented exists: every shell block of the guides is run or says why not, and every ``tieout`` command that a page names is one."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from guide import GUIDES, REPOSITORY, commands, guides

from dagster_project.cli import tieout

PAGES = sorted([REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", *(REPOSITORY / "docs").rglob("*.md")])
# Place -> why the suite does not run it. Whoever adds one says so here, too.
NOT_RUN = {
    "docs/guides/get-started.md": ["the suite runs in the checkout that these two made"],
    "docs/guides/go-to-production.md": [
        "the suite installs the wheel by itself (tests/dagster_project/test_wheel.py)",
        "groups belong to the machine",
        "services belong to the machine",
        "it would change the checkout that the suite runs in",
    ],
}
_INDENTED = re.compile(r"^ {4,}(?:\d+\. )?(tieout .+)$")
_INLINE = re.compile(r"`(tieout [^`]+)`")
_EXPLAINED = re.compile(r" {2,}| +# | +\\$|;| > ")


def test_every_shell_block_is_run_or_says_why_not() -> None:
    blocks = [block for page in PAGES for block in commands(page)]
    followed = set(guides())
    assert {block.guide for block in blocks} == followed, "shell blocks stand in guides, which the suite follows; other pages indent their commands"
    left_out: dict[str, list[str]] = {}
    for block in blocks:
        if block.not_run is not None:
            left_out.setdefault(block.guide.relative_to(REPOSITORY).as_posix(), []).append(block.not_run)
    assert left_out == NOT_RUN
    assert sum(block.not_run is None for block in blocks) > 5 * len(followed)


def test_the_index_leads_to_every_guide() -> None:
    assert set(guides()) == set(GUIDES.glob("*.md")) - {GUIDES / "README.md"}


def named_commands() -> Iterator[tuple[str, str]]:
    """Place and command line of whatever a page names, alternatives (``start|stop``) apart."""
    for page in PAGES:
        for number, line in enumerate(page.read_text().splitlines(), start=1):
            found = _INDENTED.match(line)
            texts = [found[1]] if found else _INLINE.findall(line)
            for text in texts:
                yield from ((f"{page.relative_to(REPOSITORY)}:{number}", one) for one in _alternatives(_EXPLAINED.split(text)[0].strip()))


def _alternatives(text: str) -> list[str]:
    words = text.split(" ")
    place = next((place for place, word in enumerate(words) if "|" in word.strip("|") and not word.startswith(("'", '"'))), None)
    if place is None:
        return [text]
    return [" ".join([*words[:place], choice, *words[place + 1 :]]) for choice in words[place].strip("[]").split("|")]


def problem(line: str) -> str | None:
    """What is wrong with a command line; None where click would take it. Values are not looked at: they stand for the reader's own."""
    command: click.Command = tieout
    context = click.Context(tieout, info_name="tieout")
    words = shlex.split(line)[1:]
    while words and words[0].startswith("--") and command is tieout:
        words = words[2:] if words[0] == "--home" else words[1:]
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        if words[0] == "COMMAND":
            return None
        following = command.get_command(context, words[0])
        if following is None:
            return f"there is no command {words[0]!r} of {command.name}"
        command, context, words = following, click.Context(following, parent=context, info_name=words[0]), words[1:]
    try:
        _, left, _ = command.make_parser(context).parse_args(list(words))
        left = [word for word in left if word != "..."]
    except click.UsageError as error:
        return error.format_message()
    return f"{left} is too much" if left else None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(REPOSITORY).as_posix())
def test_every_command_that_a_page_names_is_one(page: Path) -> None:
    place = page.relative_to(REPOSITORY).as_posix()
    wrong = [f"{where}: {line}: {told}" for where, line in named_commands() if where.startswith(f"{place}:") and (told := problem(line))]
    assert not wrong, "\n".join(wrong)


def test_what_is_no_command_is_noticed() -> None:
    assert problem("tieout clos 2026-01") == "there is no command 'clos' of tieout"
    assert problem("tieout close 2026-01 --entty x") is not None
    assert problem("tieout close 2026-01 2026-02") == "['2026-02'] is too much"
    assert problem("tieout periods hard-close 2026-01 --entity acme") is None
