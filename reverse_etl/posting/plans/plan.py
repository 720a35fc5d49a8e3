"""A plan: what a push would do with each document, and what has moved since. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

from reverse_etl.documents import canonical_json, sha256_hex
from reverse_etl.posting.plans.amounts import AccountAmount, RevenueAmount

CREATE, UPDATE, FINISH, RESOLVE, VERIFY, REVERSE, REPOST = "create", "update", "finish", "resolve", "verify", "reverse", "repost"
ACTING = (CREATE, UPDATE, FINISH, REVERSE, REPOST, RESOLVE, VERIFY)
"""What a push does something about, in the order in which it is shown."""
SENDING = (CREATE, UPDATE, FINISH, REVERSE, REPOST, RESOLVE)
HELD, UNCHANGED = "held", "unchanged"
# Why something is held.
APPROVAL, DEPENDENCY, PERIOD, DESTINATION = "approval", "dependency", "period", "destination"
PARKED, REJECTED, WITHDRAWN, IN_DOUBT = "parked", "rejected", "held", "in_doubt"


@dataclass(frozen=True, slots=True)
class PlannedDocument:
    """What a push would do with one document: an action, or ``held`` with its code and reason.

    ``delivery_hash`` stands for where the document stands at its destination, as the register has it.
    """

    position: int
    business_key: str
    revision: int
    document_type: str
    number: str | None
    reference: str
    period: str
    currency: str
    total_minor: int
    content_hash: str
    state: str
    delivery_hash: str
    action: str
    code: str | None = None
    reason: str | None = None

    @property
    def acts(self) -> bool:
        return self.action in ACTING

    @property
    def name(self) -> str:
        """How people call it."""
        return self.number or (self.business_key if self.revision == 1 else f"{self.business_key} (revision {self.revision})")


@dataclass(frozen=True, slots=True)
class Total:
    """Documents of one action and currency, ``total_minor`` in minor units."""

    action: str
    currency: str
    documents: int
    total_minor: int


@dataclass(frozen=True, slots=True)
class LanePlan:
    """One destination and entity. ``unchanged`` is only counted; ``withheld``: why the destination takes nothing now.

    ``accounts`` and ``revenue`` are of what would be sent.
    """

    system: str
    entity: str
    documents: tuple[PlannedDocument, ...]
    unchanged: tuple[Total, ...] = ()
    accounts: tuple[AccountAmount, ...] = ()
    revenue: tuple[RevenueAmount, ...] = ()
    withheld: str | None = None

    @property
    def acting(self) -> tuple[PlannedDocument, ...]:
        return tuple(document for document in self.documents if document.acts)

    @property
    def held(self) -> tuple[PlannedDocument, ...]:
        return tuple(document for document in self.documents if not document.acts)

    @property
    def totals(self) -> tuple[Total, ...]:
        """By action and currency, in the order of the actions; what is unchanged last."""
        sums: dict[tuple[str, str], tuple[int, int]] = {}
        for document in self.documents:
            count, total = sums.get((document.action, document.currency), (0, 0))
            sums[document.action, document.currency] = (count + 1, total + document.total_minor)
        ordered = sorted(sums.items(), key=lambda entry: ((*ACTING, HELD).index(entry[0][0]), entry[0][1]))
        return (*(Total(action, currency, *found) for (action, currency), found in ordered), *self.unchanged)

    def moved(self, now: LanePlan) -> Iterator[str]:
        """What is otherwise than planned, one sentence each."""
        then, current = {one.position: one for one in self.documents}, {one.position: one for one in now.documents}
        lane = f"{self.system}/{self.entity}"
        for position in sorted({*then, *current}):
            before, after = then.get(position), current.get(position)
            if before is None and after is not None:
                if after.acts:
                    yield f"{lane}: {after.name} was added since: {after.action}"
            elif before is not None and after is None:
                if before.acts:
                    yield f"{lane}: {before.name} was to {before.action} and is settled, cancelled or gone"
            elif before is not None and after is not None and before != after and (before.acts or after.acts):
                yield f"{lane}: {before.name} {_change(before, after)}"


@dataclass(frozen=True, slots=True)
class Plan:
    """What pushes would do, for one register as it stood at ``register_position``. ``period`` None = every period."""

    register_incarnation: str
    register_position: int
    period: str | None
    lanes: tuple[LanePlan, ...]

    @property
    def content(self) -> Mapping[str, object]:
        """All of it as plain values: what is written and hashed."""
        return {
            "register": {"incarnation": self.register_incarnation, "position": self.register_position},
            "period": self.period,
            "lanes": [
                {**asdict(lane), "totals": [asdict(total) for total in lane.totals], "documents": [asdict(one) for one in lane.documents]}
                for lane in self.lanes
            ],
        }

    @property
    def content_hash(self) -> str:
        return sha256_hex(canonical_json(self.content))

    def lane(self, system: str, entity: str) -> LanePlan:
        """What is planned for one destination and entity; nothing where the plan does not name them."""
        return next((lane for lane in self.lanes if (lane.system, lane.entity) == (system, entity)), LanePlan(system, entity, ()))


def _change(before: PlannedDocument, after: PlannedDocument) -> str:
    if before.content_hash != after.content_hash:
        return "is another document than the one that was planned"
    if not after.acts:
        return f"was to {before.action} and is held now: {after.reason}"
    if before.action != after.action:
        return f"was to {before.action} and would {after.action} now" if before.acts else f"was held and would {after.action} now"
    return f"was {before.state} and is {after.state} now" if before.state != after.state else "was worked on since"
