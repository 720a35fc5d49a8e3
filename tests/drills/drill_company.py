"""The company that is drilled: one legal entity, its ledger in a real Tryton, its billing at the Stripe stand-in, and states of it to begin from.

Every drill begins from a copy of such a state, in the same folder, so that what is loaded of it serves them all.
"""

from __future__ import annotations

import csv
import json
import os
import select
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml
from drill import Story, expect
from drill_alerts import CHANNEL, SECRET, Webhook
from drill_counts import amounts
from dying_event_log import DEATH_VARIABLE, DIED_VARIABLE, PAUSE_VARIABLE, POINT_VARIABLE

from dagster_project.checklist.step import StepState
from dagster_project.cli.closing.close import delivered_days
from dagster_project.cli.installing.installation import initialize
from dagster_project.close import Installation
from dagster_project.close.partitions import first_day_after
from dagster_project.dbt.project import WAREHOUSE_VARIABLE
from dagster_project.shipped import DBT_PROJECT
from reverse_etl.documents import State
from reverse_etl.register import ApprovalRequest
from reverse_etl.sandbox.sample import generate
from reverse_etl.sandbox.supervisor import start_sandbox, stop_sandbox
from reverse_etl.settings import HOME_VARIABLE, Settings, load_settings

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
ENTITY = "northlight_eu"
PERIOD, NEXT_PERIOD = "2026-01", "2026-02"
DELIVERED, LANDED, CLOSED = "delivered", "landed", "closed"
"""States to begin from: files in the inbox, January landed, January closed."""
# What dbt parsed is that of every state, and the worker's.
SHARED = "dbt"
USUAL_SECONDS = "usual_seconds.json"
POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Worked:
    """What came of an order. ``killed``: the process died of a signal, and ``place`` where, as far as it could tell."""

    result: dict[str, Any]
    seconds: float
    largest_memory_bytes: int
    killed: bool = False
    place: str | None = None

    @property
    def succeeded(self) -> bool:
        return not self.killed and bool(self.result.get("succeeded"))

    @property
    def failures(self) -> str:
        return "; ".join(self.result.get("failures", ()))


@dataclass(frozen=True, slots=True)
class Death:
    """Where a worker dies: ``place`` of a step; in its middle at ``point`` (a crash point of the posting protocol) or after ``seconds``."""

    step: str
    place: str
    seconds: float = 1.0
    point: str = ""


class Company:
    def __init__(self, folder: Path, states: Path | None = None) -> None:
        """``states``: where the states are, or are made."""
        self.folder = folder
        self.home = folder / "home"
        self.states = states or folder / "states"
        self._answers, self._died = folder / "answer.json", folder / "died"
        self._webhook = Webhook()
        self._awaited: list[str] = []
        self._worker: subprocess.Popen[str] | None = None

    @property
    def settings(self) -> Settings:
        return load_settings(self.home)

    @property
    def installation(self) -> Installation:
        return Installation(self.settings)

    def acting_as(self, actor: str) -> Installation:
        return Installation(self.settings, acting_as=actor)

    # Settings

    def settings_text(self) -> str:
        return (self.home / "tieout.yaml").read_text()

    def write_settings(self, text: str) -> None:
        (self.home / "tieout.yaml").write_text(text)

    def configure(self, **changed: Any) -> None:
        """Write settings into ``tieout.yaml``, beside what is there."""
        self.write_settings(yaml.safe_dump((yaml.safe_load(self.settings_text()) or {}) | changed))

    # States

    def begin(self, state: str) -> None:
        """Be as the company is in a state, with its counterparties running."""
        if not (self.states / state).is_dir():
            self._make(state)
        self._replace(self.states / state, self.home)
        self._awaited.clear()
        self._webhook.told.clear()
        (self.home / "secrets" / CHANNEL).write_text(SECRET)
        self.configure(alerts=self._webhook.settings)
        start_sandbox(self.settings)

    def prepare(self) -> None:
        """Make every state."""
        if not (self.states / CLOSED).is_dir():
            self._make(CLOSED)

    def abandon(self) -> None:
        """End the worker with whatever it runs."""
        if self._worker is not None:
            os.killpg(self._worker.pid, signal.SIGKILL)
            self._worker.wait()
            self._worker = None

    def end(self) -> None:
        self.abandon()
        if self.home.is_dir():
            stop_sandbox(self.settings)
        self._webhook.close()

    def _make(self, state: str) -> None:
        if state == DELIVERED:
            self.home.mkdir(parents=True)
            (self.home / "tieout.yaml").write_text(yaml.safe_dump({"entities": [ENTITY], "warehouse_wait_seconds": 3.0}))
            initialize(self.settings)
            generate(self.home, events=1000, seed=11, customer_count=20)
            self._let_workers_die()
            start_sandbox(self.settings)
        else:
            self.begin(LANDED if state == CLOSED else DELIVERED)
            done = self.close() if state == CLOSED else self.land(PERIOD)
            expect(done.succeeded, f"the company could not be made: {done.failures}")
            if state == CLOSED:
                (self.home / USUAL_SECONDS).write_text(json.dumps(self.work("usual_seconds").result))
        stop_sandbox(self.settings)
        self._replace(self.home, self.states / state)

    def _let_workers_die(self) -> None:
        path = self.home / "dagster" / "dagster.yaml"
        content = yaml.safe_load(path.read_text())
        content["event_log_storage"] |= {"module": "dying_event_log", "class": "DyingEventLogStorage"}
        path.write_text(yaml.safe_dump(content))

    def _replace(self, source: Path, target: Path) -> None:
        if target == self.home and target.is_dir():
            stop_sandbox(self.settings)
        for path in target.glob("*"):
            if path.name != SHARED:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        shutil.copytree(source, target, ignore=lambda folder, _: {SHARED} if Path(folder) == source else set(), dirs_exist_ok=True)

    # Work

    def land(self, period: str) -> Worked:
        """Land what had arrived by the first day after the period."""
        days = [day for day in delivered_days(self.settings) if day <= first_day_after(period)]
        return self.work("land", days[0].isoformat(), days[-1].isoformat())

    def close(self, period: str = PERIOD, death: Death | None = None, environment: Mapping[str, str] | None = None) -> Worked:
        """What ``tieout close --no-land`` does."""
        return self.work("close", period, death=death, environment=environment)

    def retry(self, run_id: str | None = None, death: Death | None = None) -> Worked:
        """Dagster's own re-execution from failure of a run, or of the last one."""
        return self.work("retry", run_id, death=death)

    def steps(self) -> list[str]:
        return list(self.work("steps").result)

    def usual_seconds(self) -> dict[str, float]:
        """What each step of the undisturbed close took."""
        return dict(json.loads((self.states / CLOSED / USUAL_SECONDS).read_text()))

    def tieout(self, *arguments: str) -> dict[str, Any]:
        """A command of the command line: its code, and what it prints."""
        return self.work("tieout", *arguments).result

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command line as a person types it, in a process that starts from nothing."""
        return self._run(str(Path(sys.executable).with_name("tieout")), *arguments)

    def dbt(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """dbt as an engineer runs it, on this installation's warehouse."""
        folders = ["--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT)]
        return self._run(str(Path(sys.executable).with_name("dbt")), *arguments, *folders, "--target-path", str(self.folder / "dbt"))

    def _run(self, *command: str) -> subprocess.CompletedProcess[str]:
        settings = self.settings
        own = {HOME_VARIABLE: str(self.home), WAREHOUSE_VARIABLE: str(settings.warehouse_path), "PYTHONPATH": self._paths()}
        return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **own})

    def work(self, do: str, *arguments: Any, death: Death | None = None, environment: Mapping[str, str] | None = None) -> Worked:
        self.start(do, *arguments, death=death, environment=environment)
        return self.wait()

    def start(self, do: str, *arguments: Any, death: Death | None = None, environment: Mapping[str, str] | None = None) -> None:
        """Give the worker an order, and do not wait for what comes of it."""
        told = dict(environment or {}) | {DIED_VARIABLE: str(self._died)}
        if death is not None:
            told |= {DEATH_VARIABLE: f"{death.step}:{death.place}:{death.seconds}", POINT_VARIABLE: death.point}
        self._died.unlink(missing_ok=True)
        worker = self._working()
        assert worker.stdin is not None
        worker.stdin.write(json.dumps({"do": do, "arguments": arguments, "environment": told}) + "\n")
        worker.stdin.flush()

    def wait(self) -> Worked:
        worker = self._working()
        assert worker.stdout is not None
        line = worker.stdout.readline()
        expect(bool(line), f"the worker ended; see {self.folder / 'worker.log'}")
        answer = json.loads(line)
        place = self._died.read_text() if self._died.is_file() else None
        return Worked(answer["result"] or {}, answer["seconds"], answer["largest_memory_bytes"], answer["signal"] is not None, place)

    @contextmanager
    def paused(self, step: str, do: str, *arguments: Any) -> Iterator[None]:
        """An order whose run stands still at the beginning of a step until the block ends."""
        marker = self.folder / "paused"
        self.start(do, *arguments, environment={PAUSE_VARIABLE: f"{step}:{marker}"})
        answers = self._working().stdout
        while not marker.exists():
            ended, _, _ = select.select([answers], [], [], POLL_SECONDS)
            expect(not ended, f"the run never came to {step}; see {self.folder / 'worker.log'}")
        try:
            yield
        finally:
            marker.unlink()

    def _working(self) -> subprocess.Popen[str]:
        if self._worker is None:
            with (self.folder / "worker.log").open("ab") as log:
                self._worker = subprocess.Popen(
                    [sys.executable, str(HERE / "drill_worker.py"), str(self.home), str(self._answers)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    text=True,
                    start_new_session=True,
                    env={**os.environ, "PYTHONPATH": self._paths()},
                )
        return self._worker

    def _paths(self) -> str:
        return os.pathsep.join([str(HERE), str(REPOSITORY), *filter(None, [os.environ.get("PYTHONPATH")])])

    def deliver(self, source: str, day: str, name: str, lines: Sequence[str]) -> None:
        folder = self.settings.inbox / source / day
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("\n".join(lines) + "\n")

    # What is there

    def read(self, statement: str, *parameters: Any) -> list[dict[str, Any]]:
        """Rows of the published copy: what readers see, whoever writes."""
        rows: list[dict[str, Any]] = self.installation.warehouse.read_published(statement, list(parameters)).to_pylist()
        return rows

    def amounts(self) -> dict[str, tuple[str, int | None]]:
        return amounts(self.settings)

    @property
    def undisturbed(self) -> Settings:
        """The installation that closed January with nothing in its way."""
        return self.settings.model_copy(update={"home": self.states / CLOSED})

    def is_as_undisturbed(self) -> bool:
        """Whether the same documents with the same amounts are sealed as by a close that nobody disturbed."""
        return self.amounts() == amounts(self.undisturbed)

    def states_at(self, system: str) -> Counter[State]:
        """How many documents of a destination are in which state."""
        with closing(self.installation.open_register()) as register:
            return Counter(delivery.state for _, delivery in register.deliveries(system=system))

    def invoiced(self, period: str) -> set[str]:
        """Who has a verified invoice of the period."""
        with closing(self.installation.open_register()) as register:
            found = register.deliveries(system="stripe", document_type="invoice", period=period)
        return {str(document.payload["customer_id"]) for document, delivery in found if delivery.state is State.VERIFIED}

    def billed_of(self, customer: str, meter: str, period: str) -> Decimal:
        """The quantity of a meter and service month that verified invoices of a customer bill."""
        with closing(self.installation.open_register()) as register:
            found = register.deliveries(system="stripe", document_type="invoice")
        billed = [line for document, delivery in found if delivery.state is State.VERIFIED for line in document.payload["lines"]]
        of_meter = [line for line in billed if (line.get("customer_id"), line.get("meter")) == (customer, meter)]
        return sum((Decimal(line["quantity"]) for line in of_meter if str(line["service_period_start"]).startswith(period)), Decimal(0))

    def customers_in(self, country: str) -> list[str]:
        """The legal entity's customers in a country, as the CRM delivered them."""
        [delivered] = (self.settings.inbox / "customers").glob("*/customers.csv")
        with delivered.open(newline="") as stream:
            return [row["customer_id"] for row in csv.DictReader(stream) if (row["entity_id"], row["country"]) == (ENTITY, country)]

    def open_requests(self) -> list[ApprovalRequest]:
        with closing(self.installation.open_register()) as register:
            return [request for request in register.approval_requests() if request.status == "open"]

    # What people are told

    def alerted(self, story: Story, *words: str) -> None:
        """Alerts are sent now, and the webhook has been told one that has all the words."""
        self._send_alerts()
        standing = self._webhook.standing()
        found = [alert for alert in standing if all(word.lower() in json.dumps(alert, ensure_ascii=False).lower() for word in words)]
        told = "; ".join(f"{alert['title']}: {alert['cause']}" for alert in standing)
        expect(bool(found), f"no alert names {', '.join(words)}; told was: {told or 'nothing'}")
        self._awaited.append(found[0]["identity"])
        story.line(f"alert: {found[0]['cause']}")

    def over(self, story: Story) -> None:
        """Alerts are sent now, and the webhook has been told that those of before are over."""
        self._send_alerts()
        standing = [alert for alert in self._webhook.standing() if alert["identity"] in self._awaited]
        expect(not standing, f"still told: {[alert['cause'] for alert in standing]}")
        story.line(f"told that {len(self._awaited)} alert{'s are' if len(self._awaited) != 1 else ' is'} over")

    def quiet(self, story: Story) -> None:
        """Alerts are sent now, and nothing of the close was told."""
        self._send_alerts()
        loud = [alert["cause"] for alert in self._webhook.standing() if alert["kind"] in ("blocked_close", "degraded", "drift", "failed_run")]
        expect(not loud, f"told was: {loud}")
        story.line("no alert")

    def _send_alerts(self) -> None:
        sent = self.tieout("alerts", "send")
        expect(sent["code"] == 0, f"alerts were not sent: {sent['output']} {sent['problems']}")

    def blocked(self, story: Story, period: str, *words: str) -> None:
        """The checklist of the period is blocked, by a blocker that has all the words."""
        stopped = [one for one in self._checklist(period) if one["state"] == StepState.BLOCKED]
        told = {f"{one['title']}: {blocker['what']}" for one in stopped for blocker in one["blockers"]}
        found = sorted(one for one in told if all(word.lower() in one.lower() for word in words))
        expect(bool(found), f"the checklist names no blocker with {', '.join(words)}: {sorted(told) or 'none'}")
        story.line(f"checklist: blocked: {found[0]}")

    def done(self, story: Story, period: str) -> None:
        """The checklist of the period shows everything up to the soft close as done."""
        steps = self._checklist(period)
        before_people = steps[: [one["step"] for one in steps].index("soft_closed") + 1]
        left = [
            f"{one['step']} is {one['state']}: {[blocker['what'] for blocker in one['blockers']]}" for one in before_people if one["state"] != "done"
        ]
        expect(not left, f"the checklist of {period} is not done: {left}")
        story.line(f"checklist: the {len(before_people)} steps of {period} up to the soft close are done")

    def _checklist(self, period: str) -> list[dict[str, Any]]:
        """As the command says it, whose code says whether anything is left."""
        return list(json.loads(self.tieout("checklist", period, "--json")["output"]))
