"""A real browser without a screen, for what Tieout draws: its pages and Dagster's interface on its definitions."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

# Only what the page under test asks for reaches the network: a browser's own errands would wait for hosts that nobody serves here.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
NAMES = ("chromium", "chromium-browser", "google-chrome")
# What appears at all has this long on a busy machine.
LONGEST_MILLISECONDS = 120_000


# Playwright keeps an event loop running in the thread until it is stopped, and no test of another file may meet that.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium as the system or playwright has it. Without one these tests say what is missing; in continuous integration they fail."""
    with sync_playwright() as playwright:
        installed = next((path for name in NAMES if (path := shutil.which(name))), None)
        if installed is None and not Path(playwright.chromium.executable_path).is_file():
            told = "no Chromium: install it (on Debian: apt-get install chromium) or run '.venv/bin/playwright install chromium'"
            if os.environ.get("CI"):
                pytest.fail(told)
            pytest.skip(told)
        expect.set_options(timeout=LONGEST_MILLISECONDS)
        chromium = playwright.chromium.launch(executable_path=installed, args=list(ARGUMENTS), timeout=LONGEST_MILLISECONDS)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    context.set_default_timeout(LONGEST_MILLISECONDS)
    yield context.new_page()
    context.close()
