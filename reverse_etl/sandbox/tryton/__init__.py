"""A real Tryton ERP as the ledger of the demo and the tests, run as a separate process (trytond is GPL: only ``provision`` imports it)."""
