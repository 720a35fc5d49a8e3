"""A stand-in for Stripe's invoice API (https://docs.stripe.com/api, version 2026-10-28.endive) over real HTTP on loopback.

It stands in for: customers, invoices (create, update, add_lines, finalize, void, pay out of band, delete of drafts), their lines, credit
notes and their lines; form bodies with deep-object brackets, unknown parameters refused; bearer and basic keys; Stripe's error objects,
``Request-Id`` and list pages; tax amounts per line with tax rates created from ``tax_rate_data``; the limit of 250 lines; unique invoice
numbers; immutability after finalisation; credit notes that never exceed the invoice, nor refund more than was charged; a due date that must lie
in the future.

The idempotency store is the reason for its being: the first status and body under a key are stored, 500s included, for 24 hours, and
replayed with ``Idempotent-Replayed: true``; another body under the key is a 400 ``idempotency_error``; a concurrent use is a 409 that is not
stored; neither are refused credentials, rate limits and parameters that failed validation before anything was executed.

Limits, where asked for: so many requests a second in all and per endpoint, 1,000 meter events a second; 429 with ``Stripe-Rate-Limited-Reason``.

It rates by itself too (``billing``): meters, meter events (identifier unique for 24 hours, whole values, 35 days back and 5 minutes ahead, meter
and customer checked afterwards) and their summaries, metered prices (per unit, graduated, volume), monthly subscriptions, an invoice per period that
has ended, tax rates, payments.

It leaves out: products, licensed prices, cancelling and changing subscriptions, invoice items, coupons, automatic tax, partial payments, customer
balances, refunds of their own, search, webhooks, expansion, ``ending_before``, voiding credit notes, PDF and mail, and every other resource.

Start it with ``python -m reverse_etl.sandbox.stripe --state FILE.sqlite --ready-file FILE``. ``GET /openapi.json`` describes it. Beside the API it
has endpoints of its own, without a key: ``GET /_state`` (what it holds), ``POST /_clock`` (``{"offset_seconds": n}``), ``POST /_bill``
(``{"finalize": true}``: invoice every period that has ended, which Stripe does at its own time), ``POST /_forget`` (``{"id": ...}``: lose an object)
and ``/_faults`` (see ``faults``).
"""
