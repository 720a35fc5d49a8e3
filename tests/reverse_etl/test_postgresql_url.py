"""Every way in which people write the address of a PostgreSQL database names the same one."""

from __future__ import annotations

import pytest

from reverse_etl.errors import ConfigurationError, RegisterError
from reverse_etl.postgresql_url import SCHEMES, is_postgresql, with_driver
from reverse_etl.register.store import open_store

# A password with what a URL parser might quote anew, a socket's folder as the host, options.
REST = "me:p%40ss%2Fword@/books?host=/run/postgresql&options=-csearch_path%3Dregister"


@pytest.mark.parametrize("scheme", [*SCHEMES, "PostgreSQL"])
@pytest.mark.parametrize("driver", ["psycopg", "psycopg2"])
def test_whatever_driver_is_named_or_left_out_the_one_that_is_needed_is_taken(scheme: str, driver: str) -> None:
    assert with_driver(f"{scheme}://{REST}", driver, "x") == f"postgresql+{driver}://{REST}"


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_register_opens_each(scheme: str) -> None:
    store = open_store(f"{scheme}://{REST}")
    assert store.url.startswith("postgresql+psycopg://me:***@/books")
    store.close()


@pytest.mark.parametrize("url", ["mysql://me:hidden@host/books", "postgresql+asyncpg://me:hidden@host/books", "me:hidden@host", ""])
def test_another_database_is_refused_without_repeating_what_may_hold_a_password(url: str) -> None:
    assert not is_postgresql(url)
    with pytest.raises(ConfigurationError, match="TIEOUT_DAGSTER_URL is no URL of PostgreSQL") as refused:
        with_driver(url, "psycopg2", "TIEOUT_DAGSTER_URL")
    with pytest.raises(RegisterError, match="use sqlite:///<path> or postgresql://<user>@<host>/<database>") as refused_by_register:
        open_store(url)
    assert "hidden" not in f"{refused.value} {refused_by_register.value}"
