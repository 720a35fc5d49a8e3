"""Drill 3: the billing job runs again: on the same files, on files that come again under other names, on a warehouse built from nothing."""

from __future__ import annotations

import shutil

from drill import Drill, Story, expect
from drill_company import CLOSED, PERIOD, Company
from drill_counts import writes


def run(company: Company, story: Story) -> None:
    before, taken = company.amounts(), writes(company.settings)
    copied = 0
    for file in [path for path in company.settings.inbox.glob("*/*/*") if path.parent.name <= LAST_DAY]:
        copy = file.with_name(f"again-{file.name}")
        if file.parent.parent.name == "control_totals":
            copy.write_text(told_again(file.read_text()))
        else:
            shutil.copyfile(file, copy)
        copied += 1
    rebuilt = company.dbt("run", "--full-refresh")
    expect(rebuilt.returncode == 0, rebuilt.stdout[-2000:])
    story.line(f"{copied} files were delivered again under other names, and every model was built from nothing")
    again = company.command("close", PERIOD)
    expect(again.returncode == 0, f"{again.stdout[-500:]} {again.stderr[-2000:]}")
    expect(company.amounts() == before, "other documents than before")
    expect(writes(company.settings) == taken, "something was sent")
    [events] = company.read(DUPLICATES)
    story.line(f"'tieout close {PERIOD}' again: 0 new documents, nothing sent; {events['duplicates']} events came twice and count once")
    company.quiet(story)
    company.done(story, PERIOD)


def told_again(text: str) -> str:
    """What the producer says that it sent, of the files under their other names."""
    header, *rows = text.splitlines()
    place = header.split(",").index("file")
    cells = [row.split(",") for row in rows]
    return "\n".join([header, *(",".join([*row[:place], f"again-{row[place]}", *row[place + 1 :]]) for row in cells)]) + "\n"


LAST_DAY = "2026-02-01"
DUPLICATES = "select count(*) as duplicates from usage.usage_event_dispositions where disposition = 'duplicate'"

DRILL = Drill(
    name="billing_rerun",
    title="Billing rerun",
    happens="Every file comes again under another name, every model is built from nothing, and 'tieout close' runs a second time.",
    goes_on="Everything: a rerun is no error.",
    waits="Nothing.",
    alert="None: nothing is wrong.",
    resumes="There is nothing to resume.",
    starts_from=CLOSED,
    periods=(PERIOD,),
    run=run,
)
