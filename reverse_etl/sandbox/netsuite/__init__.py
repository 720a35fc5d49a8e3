"""A stand-in for NetSuite's REST web services over real HTTP on loopback: journal entries, customers and SuiteQL.

Sources: Oracle's help (https://docs.oracle.com/en/cloud/saas/netsuite/ns-online-help/): "Using the Upsert Operation", "Using External IDs",
"Journal Entry", "Batch Operations", "REST Web Services Request Processing", "Sending an Asynchronous Request Using an Idempotency Key",
"Executing SuiteQL Queries Through REST Web Services", "Error Handling in REST Web Services", "Web Services and RESTlet Concurrency Governance",
"Token-based Authentication"; the columns of SuiteQL are those of the records catalog.

It stands in for:

- ``/services/rest/record/v1/journalEntry`` and ``customer``: ``PUT eid:<external id>`` creates or updates (204 with ``Location``), ``POST``
  creates, ``PATCH`` updates, ``GET`` by id or external id with ``expandSubResources``, ``DELETE``. Lines sent to an entry that has lines are added
  to them unless ``replace=line``. An external id is unique per record type. Unknown properties are ignored unless
  ``X-NetSuite-PropertyNameValidation: Error``.
- The rules of a journal: a subsidiary, balanced lines of a debit or a credit with the decimals of the currency, accounts and names that exist, a
  customer on receivables, one currency with one exchange rate, an accounting period that is open. ``--closed-period first_open`` books what is
  dated into a closed period in the first open one, as the preference "Default Posting Period When Transaction Date in Closed Period" does.
- Asynchronous requests (``Prefer: respond-async``): 202 with the job's location, its task and the task's result; batches of at most 100 records of
  ``type=collection``. ``X-NetSuite-Idempotency-Key`` counts here alone: a second request is refused with the location of the first one's job.
- ``POST /services/rest/query/v1/suiteql`` (``Prefer: transient``), pages of at most 1,000 rows, every value a text and every null left out.
- The limit of concurrent requests per account (429), token-based authentication (the signature, the time and the nonce are checked), OAuth 2.0
  bearer tokens.

Not published by Oracle, and assumed: the result of a batch's task (``items`` in the order sent, each with ``status`` and either ``links`` or
``o:errorDetails``); the words of some refusals; ``externalId`` and ``id`` as the two ways to name another record in a reference.

It leaves out: every other record, custom fields, departments, classes and locations, approvals and their routing, reversals, multiple books,
intercompany entries, collection filters (``q``), the metadata catalog, and SuiteQL's functions except ``TO_CHAR``, ``TO_DATE`` and SQL's own.

Start it with ``python -m reverse_etl.sandbox.netsuite --state FILE.sqlite --specification FILE --ready-file FILE``. Beside the API it has
endpoints of its own, without credentials: ``GET /openapi.json``, ``GET /_state`` (what it holds), ``POST /_clock`` (``{"offset_seconds": n}``),
``POST /_periods`` (``{"period": "2026-01", "closed": true}``) and ``/_faults`` (see ``faults``).
"""
