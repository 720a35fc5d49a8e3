"""The books of a legal entity in the formats of other book-keeping programs, so that they can be proven outside of Tieout."""

from reverse_etl.books.beancount import beancount_text
from reverse_etl.books.books import Account, Balance, Books, Entry, Posting
from reverse_etl.books.hledger import hledger_text
from reverse_etl.books.tables import write_csv, write_parquet

__all__ = ["Account", "Balance", "Books", "Entry", "Posting", "beancount_text", "hledger_text", "write_csv", "write_parquet"]
