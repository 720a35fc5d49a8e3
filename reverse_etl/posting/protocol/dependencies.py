"""Whether what a document depends on is posted, and what its calls need of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from reverse_etl.documents import SealedDocument, State, external_reference
from reverse_etl.posting.protocol.delivery import DELIVERED_STATES
from reverse_etl.register.records.deliveries import Standing
from reverse_etl.systems.contract import Dependency

# These take part in nothing any more: the document that replaces them counts.
REPLACEABLE = (State.CANCELLED, State.REJECTED)
STOPPED = (State.REJECTED, State.PARKED, State.HELD, State.CANCELLED, State.REVERSED)


@dataclass(frozen=True, slots=True)
class Missing:
    """A dependency that is not posted. ``stopped``: it will not be without a person."""

    business_key: str
    stopped: bool
    reason: str


class Standings(Protocol):
    """The part of a register that says where documents stand."""

    def standings(self, business_keys: Sequence[str]) -> Mapping[str, Sequence[Standing]]: ...

    def replies(self, positions: Sequence[int]) -> Mapping[int, Mapping[str, Mapping[str, Any]]]: ...


class Dependencies:
    """The standing of everything some documents depend on; the poster tells it what it posts."""

    def __init__(self, register: Standings, documents: Sequence[SealedDocument]) -> None:
        self._standings: dict[str, dict[int, Standing]] = {
            key: {standing.position: standing for standing in standings}
            for key, standings in register.standings(sorted({key for document in documents for key in keys_of(document)})).items()
        }
        self._replies: dict[str, dict[str, Mapping[str, Any]]] = defaultdict(dict)
        owners = {standing.position: key for key, standings in self._standings.items() for standing in standings.values() if _was_delivered(standing)}
        for position, replies in sorted(register.replies(list(owners)).items()):
            self._replies[owners[position]].update(replies)

    def missing(self, document: SealedDocument) -> Missing | None:
        """The first dependency that is not posted, or None when the document may go."""
        for key in document.depends_on:
            if not any(_delivered(standing) for standing in self._standings.get(key, {}).values()):
                return _not_posted(key, list(self._standings.get(key, {}).values()))
        if document.revision > 1:
            earlier = [standing for standing in self._standings.get(document.business_key, {}).values() if standing.revision < document.revision]
            counting = [standing for standing in earlier if standing.state not in REPLACEABLE]
            # A repost follows the reversal of what it repeats, on which it depends besides.
            if not counting or not _was_delivered(max(counting, key=lambda standing: (standing.revision, standing.position))):
                return _not_posted(document.business_key, counting)
        return None

    def changed(self, document: SealedDocument, state: State, remote_id: str | None, replies: Mapping[str, Mapping[str, Any]]) -> None:
        """A document of this run was posted or stopped."""
        known = self._standings.get(document.business_key)
        if known is not None:
            known[document.position] = Standing(document.position, document.revision, state, remote_id)
            if state in DELIVERED_STATES:
                self._replies[document.business_key].update(replies)

    def context(self, document: SealedDocument) -> dict[str, Dependency]:
        """What a document's calls are rendered from: business key -> remote id and replies."""
        found: dict[str, Dependency] = {}
        for key in keys_of(document):
            standings = [standing for standing in self._standings.get(key, {}).values() if _was_delivered(standing)]
            if key == document.business_key:
                standings = [standing for standing in standings if standing.revision < document.revision]
            latest = max(standings, key=lambda standing: (standing.revision, standing.position), default=None)
            if latest is not None and latest.remote_id is not None:
                found[key] = Dependency(latest.remote_id, dict(self._replies[key]))
        return found

    def hints(self, documents: Iterable[SealedDocument]) -> dict[str, str]:
        """Reference -> remote id of what the documents depend on; narrows a look-up."""
        return {
            external_reference(key, 1): dependency.remote_id
            for document in documents
            for key, dependency in self.context(document).items()
            if key != document.business_key
        }


def keys_of(document: SealedDocument) -> tuple[str, ...]:
    """The business keys a document waits for; a later revision waits for the one before it."""
    return (*document.depends_on, document.business_key) if document.revision > 1 else document.depends_on


def _delivered(standing: Standing) -> bool:
    return standing.state in DELIVERED_STATES


def _was_delivered(standing: Standing) -> bool:
    """Delivered, or delivered and reversed since."""
    return _delivered(standing) or standing.state is State.REVERSED


def _not_posted(key: str, standings: Sequence[Standing]) -> Missing:
    if not standings:
        return Missing(key, True, f"{key} is not sealed")
    last = max(standings, key=lambda standing: standing.position)
    return Missing(key, last.state in STOPPED, f"{key} is {last.state}")
