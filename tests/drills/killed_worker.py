"""Drill 6: the worker of Dagster dies in each step of the close, at its beginning, in its middle and at its end, and the run is retried."""

from __future__ import annotations

from collections import Counter

from drill import Drill, Story, expect
from drill_company import LANDED, PERIOD, Company, Death, Worked
from drill_counts import count
from dying_event_log import BEGINNING, END, MIDDLE

# What a step does that cannot be taken back is at these points of its protocol; in the middle of it is worse than at half of its time.
WORST_POINTS = {"seal": "inside_seal_commit:1", "deliver": "after_send:3"}

DELIVERIES = "deliveries"
LASTING = ("seal", "deliver", "close")
"""Steps whose effects outlast the warehouse, by the beginning of their names."""


def run(company: Company, story: Story) -> None:
    usual = company.usual_seconds()
    # In the order in which they run, of which the job's own says only what follows from what.
    steps = list(usual)
    expect(set(steps) == set(company.steps()), f"the undisturbed close ran {steps}, and not every step of the job")
    places: Counter[str] = Counter()

    def killed(worked: Worked, step: str) -> None:
        expect(worked.killed, f"the worker survived in {step}: {worked.result}")
        places[worked.place or MIDDLE] += 1
        expect(not (found := count(company.settings, ()).doubled), f"after a death in {step}: {found}")

    for number, step in enumerate(steps):
        # What cannot be built again is also reached from the start, through all that died since the last time.
        from_the_start = number == 0 or step.startswith(LASTING)
        begun = Death(step, BEGINNING)
        killed(company.close(PERIOD, begun) if from_the_start else company.retry(death=begun), step)
        point = next((point for prefix, point in WORST_POINTS.items() if step.startswith(prefix)), "")
        killed(company.retry(death=Death(step, MIDDLE, usual.get(step, 1.0) / 2, point)), step)
        killed(company.retry(death=Death(step, END)), step)
        how = "closed from the start" if from_the_start else "retried"
        if step == DELIVERIES:
            company.alerted(story, step)
        story.line(f"{step}: {how}, killed at its beginning; retried, killed in its middle; retried, killed at its end")
    last = company.retry()
    expect(last.succeeded, f"the last retry failed: {last.failures}")
    story.line(
        f"retried: {len(last.result['steps'])} step ran, the period is closed; {places.total()} workers killed in {len(steps)} steps ({told(places)})"
    )
    again = company.close(PERIOD)
    expect(again.succeeded, f"closing once more failed: {again.failures}")
    expect(company.is_as_undisturbed(), "other documents than an undisturbed close seals")
    story.line("closed once more: nothing new; the documents are those of a close that nobody disturbed")
    company.over(story)
    company.done(story, PERIOD)


def told(places: Counter[str]) -> str:
    return ", ".join(f"{places[place]} at the {place}" for place in (BEGINNING, MIDDLE, END))


DRILL = Drill(
    name="killed_worker",
    title="Dagster worker killed in each step",
    happens="The process that runs the close gets SIGKILL at the beginning, in the middle and at the end of every step, one death after another.",
    goes_on="What a step had done stays done: sealed documents are sealed, what a destination took is not sent again.",
    waits="The period, until a run comes through.",
    alert="The run that was left unfinished, and the step that it was in.",
    resumes="Re-execution from failure (Dagster's own), and 'tieout close' from the start, in turns.",
    starts_from=LANDED,
    periods=(PERIOD,),
    run=run,
)
