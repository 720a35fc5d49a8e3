"""One safe HTTP exchange for every destination, and how a destination is told who asks.

A write is sent once: no retries, no redirects, one deadline from the first look-up of a name to the last byte of the answer. What cannot have left is
told from what may have.
"""

from reverse_etl.transport.addresses import NetworkPolicy
from reverse_etl.transport.authorization import Authorization, open_authorization
from reverse_etl.transport.content import Answer, read_json, retry_after, write_json
from reverse_etl.transport.exchange import Request, Transport, open_transport

__all__ = [
    "Answer",
    "Authorization",
    "NetworkPolicy",
    "Request",
    "Transport",
    "open_authorization",
    "open_transport",
    "read_json",
    "retry_after",
    "write_json",
]
