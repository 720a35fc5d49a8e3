"""Noticing, before anything is sent, that the register was put back from a backup: what was sent since is looked for first.

Three witnesses know more than an old backup: the anchors, the mark that every push leaves beside them, and the destination itself. The
warehouse's mirror is a fourth (``warehouse/mirror.py``).
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from reverse_etl.documents import SealedDocument, State
from reverse_etl.errors import RegisterError
from reverse_etl.locks import LockTimeoutError, file_lock
from reverse_etl.posting.pacing import Pace
from reverse_etl.posting.protocol.effects import look_up_size
from reverse_etl.register import Delivery, Register
from reverse_etl.register.anchors import AnchorFile
from reverse_etl.register.audit import Seen
from reverse_etl.register.contract import MASTER_DATA
from reverse_etl.systems.contract import System
from reverse_etl.whole_files import write_whole

WAIT_SECONDS = 30.0
LONGEST_WAIT_SECONDS = 10.0
# So many of the oldest documents are looked through for some that were never sent: what was lost was sealed first.
OLDEST = 100
ASKED = 50
ANCHORS, MARK = "anchors.jsonl", "register.json"


@dataclass(frozen=True, slots=True)
class Witnesses:
    """What a folder beside the register knows of it."""

    folder: Path

    def renew_if_put_back(self, register: Register, actor: str) -> str | None:
        """Give a register that is older than what is known of it a new incarnation; the reason, or None.

        Raises:
            RegisterError: the anchors were changed.
        """
        seen = [Seen.in_anchor(anchor, f"the anchor of {anchor.at}") for anchor in AnchorFile(self.folder / ANCHORS).read()[-1:]]
        mark = self._mark()
        reason = register.renew_if_contradicted(actor, [*seen, *([] if mark is None else [mark])])
        if reason is not None:
            AnchorFile(self.folder / ANCHORS).append(register.measured())
            self.write_mark(register)
        return reason

    def write_mark(self, register: Register) -> None:
        """Keep where the register stands, durably. A backup from before is known by it even if this process ends before its next word."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / MARK
        try:
            with file_lock(path.with_suffix(".lock"), "a push", WAIT_SECONDS):
                seen = register.seen()
                lanes = [[system, entity, epoch] for (system, entity), epoch in sorted((seen.lanes or {}).items())]
                content = {"incarnation": seen.incarnation, "position": seen.position, "head_hash": seen.head_hash, "lanes": lanes}
                write_whole(path, json.dumps(content), durable=True)
        except LockTimeoutError as error:
            raise RegisterError(f"{path} is held by {error.holder}; wait until it is done, then push again") from error

    def _mark(self) -> Seen | None:
        path = self.folder / MARK
        try:
            content = json.loads(path.read_text())
            lanes = {(system, entity): int(epoch) for system, entity, epoch in content["lanes"]}
            return Seen("the mark of the last push", content["incarnation"], int(content["position"]), content["head_hash"], lanes)
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            raise RegisterError(f"{path} is not what a push writes ({error}); remove it, then push again") from error


def renew_if_posted_unknown(register: Register, system: System, pace: Pace, positions: Sequence[int], actor: str) -> str | None:
    """Ask the destination, once, for the oldest documents that were never sent. If it has one, the register was put back; the reason, or None.

    Master data say nothing: a party may have been there before we came.
    """
    if register.was_restored:
        return None
    work = register.deliveries(positions=positions[:OLDEST])
    asked = [document for document, delivery in work if _never_sent(delivery) and _tells(system, document)]
    some = [document for document in asked if document.document_type == asked[0].document_type][: min(ASKED, look_up_size(system.manifest))]
    if not some:
        return None
    try:
        with pace.turn(time.monotonic() + LONGEST_WAIT_SECONDS, sending=False) as granted:
            found = system.look_up(some, {}) if granted else {}
    except Exception:
        # The push will find out by itself that it cannot be read.
        return None
    known = next((document for document in some if document.reference in found), None)
    if known is None:
        return None
    reason = f"{known.system} holds {known.business_key} ({found[known.reference].remote_id}), which this register has never sent"
    register.renew_incarnation(actor, reason)
    return reason


def _tells(system: System, document: SealedDocument) -> bool:
    return document.document_type not in MASTER_DATA and system.manifest.of(document.document_type).look_up_lag is not None


def _never_sent(delivery: Delivery) -> bool:
    touched = delivery.completed or delivery.doubt or delivery.written_ahead_at is not None or delivery.first_written_at is not None
    return delivery.state is State.PENDING and delivery.generation == 0 and not touched
