"""The register notices every change of what it recorded, and refuses a store it cannot trust."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from register_rows import ENTITY, credit_memo, invoice
from register_stores import change

from reverse_etl.errors import RegisterError
from reverse_etl.register import NewException, Register


@pytest.fixture
def filled(register: Register, register_url: str) -> str:
    register.seal([invoice(register, f"C{n}") for n in range(5)], "tests", "run")
    register.close_period(ENTITY, "2026-01", landing_position=7, actor="tests")
    register.record_exception(NewException("landing", "usage.jsonl:3", "truncated", "deliver the file again"))
    assert register.verify_chain().intact
    return register_url


@pytest.mark.parametrize(
    ("statement", "position"),
    [
        ("update documents set total_minor = total_minor + 1 where position = 4", 4),
        ("update documents set payload = replace(payload, '1000', '9000') where position = 3", 3),
        ("update transitions set reason = 'other' where position = 9", 9),
        ("update periods set landing_position = 8", 12),
        ("update exceptions set action = 'ignore it'", 15),
        ("update log set actor = 'somebody else' where position = 5", 5),
        ("update log set at = '2020-01-01T00:00:00.000000Z' where position = 6", 6),
        ("delete from documents where position = 2", 2),
        ("delete from log where position = 8", 8),
        ("delete from log where position = 13", 13),
        ("insert into periods (position, entity, period, status) values (99, 'northlight_us', '2026-02', 'hard_closed')", 99),
        ("update deliveries set state = 'verified' where document_position = 2", 7),
    ],
)
def test_tampering_is_detected_and_its_position_named(filled: str, statement: str, position: int) -> None:
    change(filled, statement)

    report = Register.open(filled).verify_chain()

    assert (report.intact, report.first_broken) == (False, position)
    assert report.reason


@pytest.mark.parametrize("register_url", ["sqlite"], indirect=True)
def test_every_connection_is_durable(register: Register) -> None:
    with register._reading() as connection:
        assert connection.exec_driver_sql("pragma synchronous").scalar() == 2
        assert connection.exec_driver_sql("pragma journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("pragma busy_timeout").scalar() == 30_000


SEAL_MANY = """
import sys
sys.path.insert(0, sys.argv[2])
from register_rows import invoice
from reverse_etl.errors import RegisterError
from reverse_etl.register import Register
register = Register.open(sys.argv[1])
try:
    register.seal([invoice(register, f"D{n}") for n in range(2000)], "tests", "run")
except RegisterError as error:
    print(error)
    sys.exit(3)
"""


def _small_disk() -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))


@pytest.mark.parametrize("register_url", ["sqlite"], indirect=True)
def test_a_full_disk_is_a_register_error_and_leaves_nothing_half_done(filled: str) -> None:
    run = subprocess.run(
        [sys.executable, "-c", SEAL_MANY, filled, str(Path(__file__).parent)],
        env=dict(os.environ),
        capture_output=True,
        text=True,
        preexec_fn=_small_disk,
        check=False,
        timeout=300,
    )

    assert run.returncode == 3, run.stderr
    assert "nothing of this step was recorded" in run.stdout
    register = Register.open(filled)
    assert len(register.documents()) == 5
    assert register.verify_chain().intact


def test_a_read_only_register_is_a_register_error(filled: str) -> None:
    path, server = filled.removeprefix("sqlite:///"), f"{filled}%20-c%20default_transaction_read_only%3Don"
    register = Register.open(f"sqlite:///file:{path}?mode=ro&uri=true" if path != filled else server)

    assert len(register.documents()) == 5
    with pytest.raises(RegisterError, match=r"write access|read-only"):
        register.seal([credit_memo(register, "C9")], "tests", "run")
    assert not Path("file:").exists()


def test_a_url_nobody_understands_is_a_register_error() -> None:
    with pytest.raises(RegisterError, match="not understood"):
        Register.open("not a url")
