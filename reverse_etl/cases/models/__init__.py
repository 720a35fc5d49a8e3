"""What the models of cases mean: each module registers those that it compiles to scenarios."""

from reverse_etl.cases.models import credits, documents, events, fees, ledger, runs, usage

MODELS = (usage, events, fees, documents, runs, ledger, credits)
"""Importing them is what registers them."""
