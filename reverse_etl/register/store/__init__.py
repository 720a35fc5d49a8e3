"""Where the register is kept: all that differs between SQLite and PostgreSQL, and how an older register becomes one of today."""

from reverse_etl.register.store.opening import open_store
from reverse_etl.register.store.store import Store

__all__ = ["Store", "open_store"]
