"""A signal that asks this process to end, while dbt runs in it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

ENDING = (signal.SIGINT, signal.SIGTERM)
ASKED_AGAIN_SECONDS = 0.2


@contextmanager
def ended_before_interrupted() -> Iterator[None]:
    """What a signal means to whoever called dbt, it means once dbt has come to its end, and no thread of it is at work any more.

    To dbt it is a ``KeyboardInterrupt``: only for that one it cancels its queries and waits for its threads. At anything else that a handler raises
    (Dagster has an error of its own) it closes connections that are in use, which DuckDB refuses, and its threads write on behind the lock.
    """
    # Signals never interrupt another thread than the main one, and only that one may say what they do.
    of_ours = threading.current_thread() is threading.main_thread()
    replaced = {number: handler for number in ENDING if of_ours and callable(handler := signal.getsignal(number))}
    received: list[int] = []
    over = threading.Event()
    canceller = threading.Thread(target=_cancel_queries, args=(over,), daemon=True)

    def interrupt(number: int, _: FrameType | None) -> None:
        received.append(number)
        if len(received) == 1:
            canceller.start()
            raise KeyboardInterrupt

    for number in replaced:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        over.set()
        for number, handler in replaced.items():
            signal.signal(number, handler)
        if received:
            canceller.join()
            signal.raise_signal(received[0])


def _cancel_queries(over: threading.Event) -> None:
    """dbt cancels what runs at one moment; a thread that was about to send its query would be waited for until that has ended."""
    from dbt.adapters.base.impl import BaseAdapter
    from dbt.adapters.factory import FACTORY

    while not over.wait(ASKED_AGAIN_SECONDS):
        for adapter in list(FACTORY.adapters.values()):
            if isinstance(adapter, BaseAdapter):
                with adapter.connection_named("interruption"):
                    adapter.cancel_open_connections()  # type: ignore[no-untyped-call]
