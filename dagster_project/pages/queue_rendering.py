"""Makes HTML, or a few lines of Markdown, of the exception queue. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from dagster_project.checklist.step import Money
from dagster_project.pages.queue import ExceptionQueue, QueueItem, Rest, Section, by_kind, counted, oldest, sections, totals
from dagster_project.pages.templating import cell, page, plural

OF_NO_ENTITY = "Of no legal entity"


@dataclass(frozen=True, slots=True)
class Summary:
    """Exceptions that are told together: how many, the money in them by currency, since when the oldest is one, who owns them."""

    title: str
    count: int
    at_risk: tuple[Money, ...]
    since: datetime | None
    owners: tuple[str, ...]

    @classmethod
    def of(cls, title: str, items: Sequence[QueueItem]) -> Summary:
        owners = tuple(dict.fromkeys(item.owner for item in items))
        return cls(title, counted(items), totals(item.money for item in items if item.money), oldest(items), owners)


@dataclass(frozen=True, slots=True)
class ShownSection:
    """The queue of one legal entity, or of none."""

    key: str
    summary: Summary
    shown: tuple[QueueItem, ...]
    shown_count: int
    rest: tuple[Rest, ...]

    @classmethod
    def of(cls, section: Section, queue: ExceptionQueue) -> ShownSection:
        entity = section.entity
        title = OF_NO_ENTITY if entity is None else queue.names.get(entity, f"{entity}, which the settings do not name")
        return cls(entity or "company", Summary.of(title, section.items), section.shown, counted(section.shown), section.rest)


def render_queue(queue: ExceptionQueue) -> str:
    """One self-contained page; the items in the order of the queue."""
    found = sections(queue.items)
    of_entities = [ShownSection.of(section, queue) for section in found]
    return page(
        "exceptions.html",
        queue=queue,
        now=queue.generated_at,
        unrated=queue.unrated,
        sections=of_entities,
        entities=[(section.key, section.summary) for section in of_entities],
        kinds=[(None, Summary.of(kind, items)) for kind, items in by_kind(queue.items).items()],
        shown=counted(item for section in found for item in section.shown),
        shown_money=totals(item.money for section in found for item in section.shown if item.money),
    )


def queue_summary(queue: ExceptionQueue) -> str:
    """The queue in Markdown: how much, and what stands first."""
    if not queue.items:
        return "**The exception queue is empty.**"
    at_risk = ", ".join(map(str, queue.at_risk)) or "no money known to be at risk"
    lines = [
        f"**{queue.count:,} {plural(queue.count, 'exception')}**, {at_risk}.",
        "",
        "| What | Subject | At risk | Next |",
        "| --- | --- | ---: | --- |",
    ]
    for item in queue.items[:10]:
        lines.append(f"| {item.kind} | {cell(item.subject)} | {item.money or ''} | {f'`{cell(item.commands[0])}`' if item.commands else ''} |")
    return "\n".join(lines)
