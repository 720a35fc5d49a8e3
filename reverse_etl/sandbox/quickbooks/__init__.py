"""A stand-in for QuickBooks Online's Accounting API (https://developer.intuit.com/app/developer/qbo/docs/api/accounting) over real HTTP on loopback.

It stands in for, in any number of companies (realms): journal entries and customers (create, read, full and sparse update with ``SyncToken``,
delete of entries), accounts and company information, ``query`` (projection ``*`` and ``count(*)``, conditions joined by ``and``, paging),
``batch`` of at most 30 independent items, the report ``GeneralLedger``; OAuth 2.0 with refresh tokens that are replaced; ``requestid``; faults
in Intuit's form and codes; limits of 500 requests a minute and 10 a second per company and 40 batches a minute.

What matters for posting:

- ``requestid`` (at most 50 characters, 36 in a batch) replays the first answer whatever the body, as long as it is remembered. Intuit does not
  publish how long; here it is short (``--request-retention-seconds``). Refusals are not remembered, and a batch is remembered as a whole.
- ``DocNumber`` (21 characters) may repeat, unless the company warns of duplicate numbers: then it is refused with 6140.
- Nothing is executed by halves: an entry is there whole or not at all, and so is each item of a batch, whatever becomes of the others.
- Debits equal credits (6000), accounts and customers exist (2500), receivable and payable accounts demand an entity (6000), the books may be closed
  up to a day (6210), an older ``SyncToken`` is stale (5010), a ``DisplayName`` is taken once (6240).
- Amounts have two decimals. In another currency than the company's, an entry has one rate, and each line's worth at home is rounded.

It leaves out: every other object, attachments, webhooks, change data capture, taxes, classes and departments (which are kept, but not checked),
a report's other columns, and XML.

Start it with ``python -m reverse_etl.sandbox.quickbooks --state FILE.sqlite --specification FILE.json --ready-file FILE``. ``GET /openapi.json``
describes it. Beside the API it has endpoints of its own, without a token: ``GET /_state`` (what each company holds), ``POST /_clock``
(``{"offset_seconds": n}``), ``POST /_books`` (``{"realm": ..., "closed_until": "YYYY-MM-DD", "warns_of_duplicates": true}``) and ``/_faults``.
"""

from reverse_etl.sandbox.quickbooks.accounting.books import realm_of

__all__ = ["realm_of"]
