"""The stand-in's own description (OpenAPI 3.1), served at ``/openapi.json``: what it takes, what it answers, and with which status."""

from reverse_etl.sandbox.stripe.description.operations import description

__all__ = ["description"]
