"""What a system must offer so that the poster can deliver to it: manifest, calls, outcomes, look-up, read-back."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any, Protocol, runtime_checkable

from reverse_etl.documents import SealedDocument

FOREVER = timedelta.max


@dataclass(frozen=True, slots=True)
class Particular:
    """What a destination declares of one document type, where that departs from the rest."""

    key_retention: timedelta
    look_up_lag: timedelta | None
    replays_errors: bool
    refuses_changed_body: bool = False


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a destination declares. An unknown capability counts as absent.

    ``key_retention``: how long the destination remembers an idempotency key (0 = no key, ``FOREVER`` = unique reference).
    ``look_up_lag``: after how long a committed document is found by our reference; None = cannot be looked up.
    ``in_flight_bound``: how long after our deadline the destination may still commit a request.
    ``replays_errors``: the stored answer to a key may be an error (Stripe stores 500s), so a resend proves nothing new.
    ``refuses_changed_body``: another body under a remembered key is refused, not taken for the first one.
    ``batch_is_atomic``: the items of one batch take effect together or not at all.
    ``requests_per_second``: the declared rate; None = none is declared, so the pace adapts. ``requests_per_day``: the declared quota, if any.
    ``look_up_batch_size``: how many documents one look-up may carry; None = ``batch_size``.
    ``particulars``: document type -> what is declared of it alone.
    """

    system: str
    key_retention: timedelta
    look_up_lag: timedelta | None
    send_deadline: timedelta
    in_flight_bound: timedelta
    replays_errors: bool
    requests_per_second: float | None
    concurrency: int
    batch_size: int
    document_types: tuple[str, ...]
    look_up_batch_size: int | None = None
    particulars: Mapping[str, Particular] = field(default_factory=dict)
    refuses_changed_body: bool = False
    batch_is_atomic: bool = False
    requests_per_day: int | None = None

    def of(self, document_type: str) -> Manifest:
        """The manifest as it holds for one document type."""
        particular = self.particulars.get(document_type)
        if particular is None:
            return self
        return replace(
            self,
            key_retention=particular.key_retention,
            look_up_lag=particular.look_up_lag,
            replays_errors=particular.replays_errors,
            refuses_changed_body=particular.refuses_changed_body,
            particulars={},
        )

    @property
    def capability_class(self) -> str:
        """The label for reports: U, A, B or C."""
        if self.key_retention == FOREVER:
            return "U"
        if self.key_retention > timedelta(0):
            return "A"
        return "C" if self.look_up_lag is None else "B"


@dataclass(frozen=True, slots=True)
class RemoteLine:
    """One line as the destination holds it; ``account`` and ``party`` (our customer id) only in ledgers. Amounts in minor units, debit positive."""

    line_key: str
    amount_minor: int
    currency: str
    tax_minor: int = 0
    account: str | None = None
    functional_minor: int | None = None
    party: str | None = None


@dataclass(frozen=True, slots=True)
class RemoteDocument:
    """A document as the destination holds it, found by our reference.

    ``completed`` maps the name of each call that has taken effect to the reply later calls need.
    ``duplicates`` are the remote ids of further live documents under the same reference; any makes the document stop for a person.
    ``amount_due_minor`` is what an invoice left to pay when it was issued, None where the destination does not tell.
    """

    reference: str
    remote_id: str
    remote_number: str | None
    status: str
    document_date: date | None
    period: str | None
    currency: str | None
    total_minor: int | None
    lines: tuple[RemoteLine, ...]
    completed: Mapping[str, Mapping[str, Any]]
    duplicates: tuple[str, ...] = ()
    amount_due_minor: int | None = None


@dataclass(frozen=True, slots=True)
class RenderContext:
    """What a call is rendered from: the sealed document, the earlier replies, the documents it depends on.

    ``replies``: call name -> reply of that call. ``dependencies``: business key -> remote id and replies by call name;
    a revision above 1 finds the revision before it under its own business key.
    """

    document: SealedDocument
    replies: Mapping[str, Mapping[str, Any]]
    dependencies: Mapping[str, Dependency]


@dataclass(frozen=True, slots=True)
class Dependency:
    remote_id: str
    replies: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Call:
    """One request to be sent: ``request`` are the stored bytes, rendered at the write-ahead and sent as they are.

    ``leave_before``: a time of ``time.monotonic``; the send deadline counts from then at the latest, whatever held the process up.
    ``position``: of the write-ahead in the register, 0 where there is none.
    """

    document: SealedDocument
    name: str
    generation: int
    idempotency_key: str
    request: bytes
    leave_before: float = math.inf
    position: int = 0


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The call took effect. ``remote_id`` identifies the document; ``reply`` is what later calls need."""

    remote_id: str
    reply: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NotExecuted:
    """Proven to have had no effect (429, 503 with Retry-After, connection refused): the same call may be sent again."""

    reason: str
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """Definitively refused: sending it again cannot help, a person must look."""

    reason: str


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """Everything else: it may or may not have happened."""

    reason: str


Outcome = Succeeded | NotExecuted | Rejected | Ambiguous


class System(Protocol):
    """A destination. ``send`` never raises; every other method raises ``DestinationError`` when the system cannot be read."""

    manifest: Manifest

    def call_names(self, document: SealedDocument) -> tuple[str, ...]:
        """The ordered calls of which the posting of this document consists. Pure."""
        ...

    def render(self, context: RenderContext, call: str) -> bytes:
        """The request of one call, without credentials. Pure: the same context gives the same bytes."""
        ...

    def send(self, calls: Sequence[Call]) -> Mapping[str, Outcome]:
        """Send at most ``batch_size`` calls of one entity and one name, once; outcomes by idempotency key.

        A key missing from the answer is ambiguous to the caller. No transport retries, no redirects, a total deadline.
        """
        ...

    def look_up(self, documents: Sequence[SealedDocument], remote_ids: Mapping[str, str]) -> Mapping[str, RemoteDocument]:
        """What the destination holds under our references (by reference; absent = not there).

        ``remote_ids`` (reference -> id) are hints for documents already known to be there.
        """
        ...

    def differences(self, document: SealedDocument, number: str | None, remote: RemoteDocument) -> tuple[str, ...]:
        """Every way in which the remote document differs from the sealed one (date, period, lines, status). Pure."""
        ...

    def read_back(self, entity: str, period: str) -> Iterable[tuple[str, Mapping[str, Any]]]:
        """(relation, record) pairs of all the destination holds in the period, ours or not, for the raw schema."""
        ...

    def ping(self) -> None:
        """Raise ``DestinationError`` if the system cannot be reached with these credentials."""
        ...


class DocumentUrl(Protocol):
    """Where a person sees a document in the destination's own pages. Pure, and asks nobody: whether it is there is for a look-up to say."""

    def __call__(self, entity: str, document_type: str, remote_id: str) -> str | None:
        """None where the destination has no page for it, or where it is cannot be known."""
        ...


@dataclass(frozen=True, slots=True)
class UsageWindow:
    """What of one customer a meter counted from ``start`` up to ``end`` (seconds since the epoch, whole minutes)."""

    customer_remote_id: str
    event_name: str
    start: int
    end: int


class BillingPlatform(System, Protocol):
    """A destination that may rate and invoice by itself what usage was reported to it."""

    def read_platform(self, period: str, windows: Sequence[UsageWindow]) -> Iterable[tuple[str, Mapping[str, Any]]]:
        """(relation, record) pairs of what it issued by itself since before the period, of payments, and of what it counted in the windows."""
        ...


@runtime_checkable
class LedgerBalances(Protocol):
    """A ledger that adds up by itself what was posted."""

    def trial_balance(self, entity: str, period_until: str) -> Mapping[str, tuple[int, int]]:
        """Debit and credit by our account code (functional minor units) of all that is posted up to the end of ``YYYY-MM``."""
        ...

    def receivables(self, entity: str) -> Mapping[str, int]:
        """What each party owes by the ledger's own reckoning (functional minor units), by party code."""
        ...


@runtime_checkable
class LedgerPeriods(Protocol):
    """A ledger whose accounting periods can be closed from here."""

    def period_states(self, entity: str) -> Mapping[str, str]:
        """``open``, ``closed`` or ``locked`` by ``YYYY-MM``."""
        ...

    def bring_period(self, entity: str, period: str, *, is_open: bool) -> bool:
        """Close or reopen a period; False: it was so before. Raises ``DestinationError`` unless it is so afterwards."""
        ...
