"""A guide as the suite reads it: the shell commands of a Markdown file, each with its line, what it shows, and why it may not be run here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
GUIDES = REPOSITORY / "docs" / "guides"
ANYTHING = "…"
_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)(?P<options>.*)$")
_NOT_RUN = re.compile(r"^<!-- not run: (?P<reason>.+) -->$")
_NEXT = re.compile(r"^<!-- continues: (?P<guide>[\w.-]+) -->$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Commands:
    """One ``sh`` block. ``line``: of its first command, from 1. ``shows``: the output that the guide gives, with ``…`` for what varies; None where
    it gives none. ``fails``: the guide says that it ends with exit code 1 (```` ```sh exits 1 ````). ``not_run``: why the suite leaves it out."""

    guide: Path
    line: int
    text: str
    shows: str | None
    fails: bool
    not_run: str | None

    @property
    def place(self) -> str:
        return f"{self.guide.relative_to(REPOSITORY)}:{self.line}"


@dataclass(frozen=True, slots=True)
class _Block:
    language: str
    options: str
    line: int
    text: str
    before: str
    """The last line before the block that is not empty."""
    follows_block: bool


def commands(path: Path) -> tuple[Commands, ...]:
    """The ``sh`` blocks of a Markdown file, in order; a ``text`` block right after one is what it shows."""
    found: list[Commands] = []
    for block in _blocks(path.read_text().splitlines()):
        if block.language == "sh":
            reason = _NOT_RUN.match(block.before)
            found.append(Commands(path, block.line, block.text, None, "exits 1" in block.options, reason["reason"] if reason else None))
        elif block.language == "text" and block.follows_block and found and found[-1].shows is None:
            last = found[-1]
            found[-1] = Commands(path, last.line, last.text, block.text, last.fails, last.not_run)
    return tuple(found)


def predecessor(path: Path) -> Path | None:
    """The guide that leaves what this one begins with."""
    named = _NEXT.search(path.read_text())
    return path.with_name(named["guide"]) if named else None


def guides() -> tuple[Path, ...]:
    """The guides in the order of their index, which is the order of their reader."""
    named = re.findall(r"\]\(([\w-]+\.md)\)", (GUIDES / "README.md").read_text())
    return tuple(GUIDES / name for name in dict.fromkeys(named))


def _blocks(lines: list[str]) -> Iterator[_Block]:
    inside: re.Match[str] | None = None
    content: list[str] = []
    first = 0
    before = ""
    follows = False
    for number, line in enumerate(lines, start=1):
        fence = _FENCE.match(line)
        if inside is not None:
            if fence is None or fence["language"]:
                content.append(line.removeprefix(inside["indent"]))
                continue
            yield _Block(inside["language"], inside["options"], first, "\n".join(content), before, follows)
            inside, follows, before = None, True, ""
        elif fence is not None:
            inside, content, first = fence, [], number + 1
        elif line.strip():
            before, follows = line.strip(), False


def differences(shown: str, printed: str) -> str | None:
    """None where ``printed`` is what the guide shows: ``…`` alone on a line is any number of lines, within one any text."""
    wanted = "".join(_line_pattern(line) for line in shown.splitlines())
    if re.fullmatch(wanted, printed if printed.endswith("\n") or not printed else printed + "\n"):
        return None
    return f"the guide shows\n{shown}\n\nand it printed\n{printed}"


def _line_pattern(line: str) -> str:
    if line.strip() == ANYTHING:
        return r"(?:.*\n)*?"
    return r"[^\n]*?".join(re.escape(part) for part in line.rstrip().split(ANYTHING)) + r" *\n"
