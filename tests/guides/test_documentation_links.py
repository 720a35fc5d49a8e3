"""Where a page leads is there: other pages and their headings, pictures, and the files and folders of the repository that it names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from guide import REPOSITORY

PAGES = sorted([*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md")])
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_NAMED = re.compile(r"`((?:dagster_project|dbt_project|docs|reverse_etl|tests)/[\w.*/-]+)`")


def headings(page: Path) -> set[str]:
    """The headings of a page, as links name them: in small letters, without punctuation, words joined by hyphens."""
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in _HEADING.findall(page.read_text())}


def leads_nowhere(page: Path) -> Iterator[str]:
    text = page.read_text()
    for link in _LINK.findall(text):
        place, _, heading = link.partition("#")
        target = page.parent / place if place else page
        if not link.startswith("https://") and (not target.exists() or (heading and heading not in headings(target))):
            yield link
    for named in _NAMED.findall(text):
        if not any(REPOSITORY.glob(named.rstrip("/"))):
            yield named


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(REPOSITORY).as_posix())
def test_what_a_page_links_to_or_names_is_there(page: Path) -> None:
    assert not list(leads_nowhere(page))


def test_a_link_that_leads_nowhere_is_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A page\n[here](#a-page), [there](#another), [beside](beside.md), `docs/*.md`, `docs/absent.md`")
    assert list(leads_nowhere(page)) == ["#another", "beside.md", "docs/absent.md"]
