"""The address of a PostgreSQL database, as people write it. Pure."""

from __future__ import annotations

from reverse_etl.errors import ConfigurationError

SCHEMES = ("postgresql", "postgres", "postgresql+psycopg", "postgresql+psycopg2")


def is_postgresql(url: str) -> bool:
    return url.partition("://")[0].strip().lower() in SCHEMES


def with_driver(url: str, driver: str, what: str) -> str:
    """The URL for one driver (``psycopg``, ``psycopg2``), whichever it names or leaves out; everything behind the scheme stays as it is.

    Raises:
        ConfigurationError: it is of no PostgreSQL. The URL is not repeated, for it may hold a password; ``what`` says whose it is.
    """
    if not is_postgresql(url):
        raise ConfigurationError(f"{what} is no URL of PostgreSQL; use postgresql://<user>@<host>/<database>")
    return f"postgresql+{driver}://{url.partition('://')[2].strip()}"
