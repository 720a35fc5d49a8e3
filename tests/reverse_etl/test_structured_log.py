"""The log is JSON lines that say what they are about, hold no secret and nothing of a person, and stay of a bounded size."""

from __future__ import annotations

import json
import logging
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from logged_lines import log_lines

from reverse_etl.correlation import correlated
from reverse_etl.redaction import Redaction
from reverse_etl.settings import Settings
from reverse_etl.structured_log import FILE, LOGGERS, RotatedFile, write_log

LOG = logging.getLogger("reverse_etl.specification")
RUN = "0d4b8a4e-3f0c-4a52-9d70-6f5a3a1b2c3d"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    monkeypatch.setenv("STRIPE_API_KEY", "sk_live_0123456789abcdef")
    settings = Settings(home=tmp_path)
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "tryton_password").write_text("correct horse battery\n")
    before = {name: (list(logging.getLogger(name).handlers), logging.getLogger(name).level) for name in LOGGERS}
    write_log(settings)
    yield settings
    for name, (handlers, level) in before.items():
        logger = logging.getLogger(name)
        for handler in [one for one in logger.handlers if one not in handlers]:
            logger.removeHandler(handler)
            if isinstance(handler, RotatedFile):
                handler.close()
        for handler in [one for one in handlers if one not in logger.handlers]:
            logger.addHandler(handler)
        logger.setLevel(level)


def test_a_line_says_what_it_is_about(settings: Settings) -> None:
    with correlated(RUN, entity="northlight_us", period="2026-01", destination="tryton"):
        LOG.info("pushed %d documents", 3)
        LOG.warning("stopped", extra={"document": "TO-0123456789ABCDEF", "detail": "no such account", "sensitivity": "confidential-financial"})
    LOG.info("on its own")
    first, second, third = log_lines(settings)
    assert {name: first[name] for name in ("level", "logger", "message", "run_id", "trace_id", "entity", "period", "destination")} == {
        "level": "info",
        "logger": "reverse_etl.specification",
        "message": "pushed 3 documents",
        "run_id": RUN,
        "trace_id": RUN.replace("-", ""),
        "entity": "northlight_us",
        "period": "2026-01",
        "destination": "tryton",
    }
    assert first["time"].endswith("Z")
    assert (second["level"], second["document"], second["detail"]) == ("warning", "TO-0123456789ABCDEF", "no such account")
    assert set(third) == {"time", "level", "logger", "message"}
    assert (settings.log_folder / FILE).stat().st_mode & 0o077 == 0, "it is for its owner alone"


def test_no_secret_and_nothing_of_a_person_gets_in(settings: Settings) -> None:
    LOG.error("refused: Authorization: Bearer abcdefgh12345678 for ada@example.test", extra={"detail": "key sk_live_0123456789abcdef"})
    LOG.error("password was correct horse battery", extra={"detail": "name: Ada Lovelace", "sensitivity": "personal"})
    try:
        raise ValueError("card 4242 4242 4242 4242 of DE89 3704 0044 0532 0130 00")
    except ValueError:
        LOG.exception("broken off")
    text = (settings.log_folder / FILE).read_text()
    for secret in ("abcdefgh12345678", "ada@example", "0123456789abcdef", "correct horse", "Lovelace", "4242", "3704"):
        assert secret not in text
    assert log_lines(settings)[1]["detail"] == "withheld, for it is personal"
    assert "ValueError" in log_lines(settings)[2]["exception"]


@pytest.mark.parametrize(
    "text",
    [
        "TO-0123456789ABCDEF",
        "in_73410d72dc3e14d9c4c34d16",
        "INV-NORTHLIGHT_US-000001",
        "119.00 EUR of 2026-01-31",
        "12345678 minor units",
        RUN,
        "K10: 0 breaks",
    ],
)
def test_what_identifies_documents_and_amounts_stays_readable(text: str) -> None:
    assert Redaction(["a-secret-of-the-installation"]).text(text) == text


def test_processes_that_write_at_once_leave_whole_lines_and_files_of_a_bounded_size(tmp_path: Path) -> None:
    path = tmp_path / "logs" / FILE
    script = f"""
import logging, pathlib
from reverse_etl.structured_log import RotatedFile
handler = RotatedFile(pathlib.Path({str(path)!r}), largest=20_000, kept=2)
logger = logging.getLogger("x"); logger.addHandler(handler); logger.setLevel("INFO")
for number in range(400):
    logger.info('{{"number": %d, "filling": "%s"}}', number, "." * 100)
"""
    writers = [subprocess.Popen([sys.executable, "-c", script]) for _ in range(2)]
    assert [writer.wait(300) for writer in writers] == [0, 0]
    files = sorted(file for file in path.parent.iterdir() if file.suffix == ".jsonl")
    assert [file.name for file in files] == ["tieout.1.jsonl", "tieout.2.jsonl", "tieout.jsonl"]
    for file in files:
        assert file.stat().st_size < 25_000
        assert all(json.loads(line)["filling"] for line in file.read_text().splitlines())


def test_a_log_that_cannot_be_written_stops_nobody(tmp_path: Path) -> None:
    blocked = tmp_path / "home"
    blocked.mkdir()
    (blocked / "logs").write_text("a file where the folder should be")
    write_log(Settings(home=blocked))
    LOG.info("goes on")


def test_a_log_whose_folder_is_gone_stops_nobody_and_is_written_again_when_the_installation_is_opened_again(settings: Settings) -> None:
    LOG.info("before")
    shutil.rmtree(settings.log_folder)
    LOG.info("nowhere")
    write_log(settings)
    LOG.info("after")
    assert [line["message"] for line in log_lines(settings)] == ["after"]
