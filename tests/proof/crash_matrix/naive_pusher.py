"""What many pushers do: a new key for every attempt, blind retries, and a list of what is done. It shows that the matrix catches duplicates."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

from crash_cases import RESTORED_BACKUP, Case
from crash_count import CALLS, Standing
from crash_run import ProtocolPusher, World
from posting_system import Books

from reverse_etl.crash_points import CrashPoint, crash_point
from reverse_etl.documents import SealedDocument, State
from reverse_etl.register import Register
from reverse_etl.systems.contract import Call, Dependency, Manifest, RenderContext, Succeeded

ATTEMPTS = 5
# It writes nothing ahead, looks nothing up and verifies nothing.
UNKNOWN_TO_IT = (
    CrashPoint.BEFORE_SEAL_COMMIT,
    CrashPoint.INSIDE_SEAL_COMMIT,
    CrashPoint.AFTER_SEAL_COMMIT,
    CrashPoint.BEFORE_WRITE_AHEAD,
    CrashPoint.INSIDE_WRITE_AHEAD,
    CrashPoint.AFTER_WRITE_AHEAD,
    CrashPoint.INSIDE_RESULT,
    CrashPoint.AFTER_LOOK_UP,
    CrashPoint.AFTER_POSTED,
    CrashPoint.BETWEEN_REVERSAL_AND_REPOST,
    RESTORED_BACKUP,
)


class NaivePusher(ProtocolPusher):
    """Its memory is a file of replies, written after each answer."""

    @staticmethod
    def comes_to(case: Case) -> bool:
        return case.point not in UNKNOWN_TO_IT

    def begin(self, world: World) -> None:
        _memory(world).unlink(missing_ok=True)

    def push(self, register: Register, world: World, manifest: Manifest) -> None:
        system = Books(world.url, manifest)
        documents = register.documents()
        done = _read(world)
        for document in documents:
            replies = done.setdefault(document.reference, {})
            for name in CALLS[document.document_type]:
                if name in replies:
                    continue
                reply = _attempted(system, document, name, replies, _dependencies(documents, document, done))
                if reply is None:
                    break
                replies[name] = reply
                _memory(world).write_text(json.dumps(done))
                crash_point(CrashPoint.AFTER_RESULT)

    def settle(self, register_url: str, world: World, manifest: Manifest) -> None:
        register = Register.open(register_url)
        try:
            self.push(register, world, manifest)
        finally:
            register.close()

    def standings(self, register: Register, world: World) -> list[Standing]:
        done = _read(world)
        return [
            Standing(
                document.natural_id,
                document.document_type,
                document.reference,
                State.POSTED if len(done.get(document.reference, {})) == len(CALLS[document.document_type]) else State.REJECTED,
                "it gave up",
            )
            for document in register.documents()
        ]


def _attempted(
    system: Books, document: SealedDocument, name: str, replies: dict[str, Any], dependencies: dict[str, Dependency]
) -> dict[str, Any] | None:
    request = system.render(RenderContext(document, replies, dependencies), name)
    for _ in range(ATTEMPTS):
        key = uuid.uuid4().hex
        crash_point(CrashPoint.BEFORE_SEND)
        outcome = system.send([Call(document, name, 0, key, request)]).get(key)
        crash_point(CrashPoint.AFTER_SEND)
        if isinstance(outcome, Succeeded):
            return dict(outcome.reply)
    return None


def _dependencies(documents: list[SealedDocument], document: SealedDocument, done: dict[str, Any]) -> dict[str, Dependency]:
    return {
        other.business_key: Dependency(done[other.reference]["create"]["id"], {})
        for other in documents
        if other.business_key in document.depends_on and "create" in done.get(other.reference, {})
    }


def _memory(world: World) -> Path:
    return world.folder / "naive.json"


def _read(world: World) -> dict[str, Any]:
    file = _memory(world)
    return json.loads(file.read_text()) if file.exists() else {}  # type: ignore[no-any-return]
