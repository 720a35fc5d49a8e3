"""Every pair of capabilities that a destination can declare."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from reverse_etl.systems.contract import FOREVER, Manifest


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


NEITHER = Manifest(
    system="model",
    key_retention=seconds(0),
    look_up_lag=None,
    send_deadline=seconds(3),
    in_flight_bound=seconds(4),
    replays_errors=False,
    requests_per_second=1.0,
    concurrency=1,
    batch_size=1,
    document_types=("journal_entry",),
)
# Shorter than it takes to resend and look up, long enough for several resends, and for ever.
RETENTIONS = {"no key": seconds(0), "a key kept 20 s": seconds(20), "a key kept 200 s": seconds(200), "a key kept for ever": FOREVER}
LAGS = {"no look-up": None, "look-up at once": seconds(0), "look-up after 2 s": seconds(2)}

MANIFESTS = {
    f"{kept}{', errors replayed' if replays else ''}, {found}": replace(NEITHER, key_retention=retention, look_up_lag=lag, replays_errors=replays)
    for kept, retention in RETENTIONS.items()
    for found, lag in LAGS.items()
    for replays in ((False, True) if retention else (False,))
}
LOOKED_UP = replace(NEITHER, look_up_lag=seconds(2))
KEYED = replace(LOOKED_UP, key_retention=seconds(20))
KEYED_REPLAYING = replace(KEYED, replays_errors=True)
BLIND = replace(KEYED, look_up_lag=None)
