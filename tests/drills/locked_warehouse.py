"""Drill 5: in mid-close an analyst opens the warehouse file for writing, keeps it, and dies with it open."""

from __future__ import annotations

import signal
import subprocess
import sys

from drill import Drill, Story, expect
from drill_company import LANDED, PERIOD, Company

from dagster_project.close.steps import publish

ANALYST = """
import duckdb, sys
connection = duckdb.connect(sys.argv[1])
connection.execute("begin")
connection.execute("create table my_notes as select 1 as note")
print("open", flush=True)
sys.stdin.read()
"""


def run(company: Company, story: Story) -> None:
    publish(company.installation)
    limit = company.settings.warehouse_wait_seconds
    with company.paused("read_backs", "close", PERIOD):
        analyst = opened(company)
    try:
        closed = company.wait()
        holder = f"(process {analyst.pid})"
        expect(not closed.succeeded and holder in closed.failures, f"the close does not name {holder}: {closed.result}")
        told = closed.failures.partition("held by ")[2].partition(";")[0]
        story.line(f"an analyst opened the file before the read-back; the close waited {limit:.0f} s and named who it is: held by {told}")
        company.alerted(story, holder)
        company.blocked(story, PERIOD, "failed", holder)
        refused = company.retry()
        expect(not refused.succeeded and holder in refused.failures, f"a retry does not name {holder}: {refused.result}")
        expect(refused.seconds < limit + 600.0, f"the retry took {refused.seconds:.0f} s")
        readers = company.read("select count(*) as files from raw.landed_files")
        expect(readers[0]["files"] > 0, "readers do not see what is published")
        status = company.tieout("status")
        expect(status["code"] == 0, status["problems"])
        story.line(
            f"retried while it was held: refused after {refused.seconds:.1f} s; analysts and 'tieout status' read the published copy meanwhile"
        )
    finally:
        analyst.send_signal(signal.SIGKILL)
        analyst.wait()
    resumed = company.retry()
    expect(resumed.succeeded, f"the close did not resume: {resumed.failures}")
    expect(company.is_as_undisturbed(), "other documents than an undisturbed close seals")
    [notes] = company.read("select count(*) as tables from information_schema.tables where table_name = 'my_notes'")
    expect(notes["tables"] == 0, "what the analyst had not committed is there")
    story.line(
        f"the analyst was killed with the file open: a dead holder holds nothing; retried from {resumed.result['steps'][0]} on, every checkpoint ties"
    )
    company.over(story)
    company.done(story, PERIOD)


def opened(company: Company) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", ANALYST, str(company.settings.warehouse_path)]
    analyst = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert analyst.stdout is not None
    expect(analyst.stdout.readline() == "open\n", "the analyst could not open the file")
    return analyst


DRILL = Drill(
    name="locked_warehouse",
    title="Warehouse locked by someone",
    happens="An analyst opens the warehouse file for writing in mid-close and keeps it; then that process dies with the file open.",
    goes_on="Readers of the published copy, 'tieout status', and what was delivered stays delivered.",
    waits="The close, within its limit; then it fails, naming the program, its process and its user.",
    alert="Who holds the file.",
    resumes="Re-execution from failure once the holder is gone.",
    starts_from=LANDED,
    periods=(PERIOD,),
    run=run,
)
