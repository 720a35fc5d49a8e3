"""Every path of a world up to a number of faults, breadth first, so that the first broken rule is found on a shortest path."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from model_world import ENDED, Rules, World, broken_rule

from reverse_etl.documents import State
from reverse_etl.register.records.deliveries import Delivery


@dataclass(frozen=True)
class Broken:
    """A rule that does not hold, and the steps to the world where it does not."""

    rule: str
    path: tuple[str, ...]

    def __str__(self) -> str:
        steps = [f"  {number:>2}. {step}" for number, step in enumerate(self.path, 1)]
        return "\n".join([f"{self.rule}:", *steps])


@dataclass(frozen=True)
class Explored:
    states: int
    broken: Broken | None
    ended: frozenset[State]


def explore(rules: Rules, limit: int | None = None) -> Explored:
    """``limit``: give up after so many states (of a search for a mistake)."""
    first = World(Delivery(1))
    ways: dict[World, tuple[World, str] | None] = {first: None}
    ended: set[State] = set()
    waiting = deque([first])
    while waiting:
        world = waiting.popleft()
        rule = broken_rule(rules.manifest, rules.calls, world)
        if rule is not None:
            return Explored(len(ways), Broken(rule, _path(ways, world)), frozenset(ended))
        following = list(rules.following(world))
        if not following:
            ended.add(world.row.state)
            # Whatever waits for a closed period waits for a person.
            if world.row.state not in ENDED and not world.closed:
                return Explored(len(ways), Broken(f"left {world.row.state}, and nothing goes on", _path(ways, world)), frozenset(ended))
        for what, other in following:
            if other not in ways:
                ways[other] = (world, what)
                waiting.append(other)
        if limit is not None and len(ways) > limit:
            break
    return Explored(len(ways), None, frozenset(ended))


def _path(ways: dict[World, tuple[World, str] | None], world: World) -> tuple[str, ...]:
    path: list[str] = []
    way = ways[world]
    while way is not None:
        path.append(f"{way[0].now:>4} s: {way[1]}")
        way = ways[way[0]]
    return tuple(reversed(path))
