"""A stand-in for Xero's Accounting API over real HTTP on loopback: manual journals, contacts, accounts and the trial balance.

Sources: Xero's published description (https://github.com/XeroAPI/Xero-OpenAPI, ``xero_accounting.yaml``) and developer documentation
(https://developer.xero.com/documentation): "Manual Journals", "Requests and responses", "Idempotency", "OAuth 2.0 API limits", "Response codes".

It stands in for:

- ``PUT`` (creates), ``POST`` (creates or updates) and ``GET`` of ``/api.xro/2.0/ManualJournals``, one or many: ``summarizeErrors=false`` answers
  for each element (``StatusAttributeString``, ``ValidationErrors``) with status 200, otherwise one invalid element refuses the whole request;
  ``where``, ``order``, ``page`` and ``pageSize`` (without a page there are no lines) and ``If-Modified-Since``.
- The rules of a manual journal: narration, lines that balance, accounts that exist and are no system account (Xero keeps receivables, payables and
  retained earnings to itself), lock dates, at most two tracking categories, amounts rounded to two decimals, the base currency alone, drafts unless
  posted.
- ``Contacts`` by ``ContactNumber``, ``Accounts``, ``Organisation``, ``Reports/TrialBalance``, ``/connections``.
- ``Idempotency-Key`` (at most 128 characters, six minutes): the first answer, internal errors included, is given again to the same request; another
  request under the key is refused.
- The limits per organisation (60 calls a minute, 5 at once, 5,000 a day) with their headers; OAuth 2.0 access tokens of 30 minutes and refresh
  tokens that are replaced by each use, the one before accepted for half an hour more.
- Dates as ``/Date(milliseconds+0000)/``; JSON only for whoever accepts it.

Not published by Xero, and assumed: that without ``summarizeErrors=false`` nothing of a refused request is saved; the words of some validation
errors; that identical requests under one key which overlap are answered 409.

It leaves out: every other resource, tax amounts (``LineAmountTypes`` other than ``NoTax``), attachments, history, XML, the app's limit of 10,000
calls a minute and the connection flow.

Start it with ``python -m reverse_etl.sandbox.xero --state FILE.sqlite --specification FILE --ready-file FILE``: one organisation per legal
entity, with an account ``RECEIVABLE`` beside its own for receivables that are billed elsewhere. Beside the API it has endpoints of its own,
without credentials: ``GET /openapi.json``, ``GET /_state`` (what it holds), ``POST /_clock`` (``{"offset_seconds": n}``), ``POST /_lock``
(``{"date": "2026-01-31"}`` or null) and ``/_faults`` (see ``faults``).
"""
