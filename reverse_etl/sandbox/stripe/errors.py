"""Stripe's error object (https://docs.stripe.com/api/errors)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class StripeError(Exception):
    """An answer that is not a success. ``stored``: whether an idempotency key remembers it (only what was executed is)."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        stored: bool = True,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.stored = stored
        self.headers = dict(headers or {})
        error = {"code": code, "message": message, "param": param, "type": kind}
        self.body: dict[str, Any] = {"error": {name: value for name, value in error.items() if value is not None}}


def invalid_parameter(message: str, param: str, code: str | None = None) -> StripeError:
    """A parameter that failed validation: nothing was executed, so no key remembers it."""
    return StripeError(400, message, code=code, param=param, stored=False)


def refused(message: str, *, param: str | None = None, code: str | None = None) -> StripeError:
    """A well-formed request that the state of the account does not allow."""
    return StripeError(400, message, code=code, param=param)


def missing(kind: str, identifier: str, param: str | None = None) -> StripeError:
    """An object that does not exist: 404 in the path, 400 in a parameter."""
    return StripeError(404 if param is None else 400, f"No such {kind}: '{identifier}'", code="resource_missing", param=param or "id")


def internal_error() -> StripeError:
    return StripeError(500, "An error occurred on our end; try again later.", kind="api_error")


def unrecognized(method: str, path: str) -> StripeError:
    return StripeError(404, f"Unrecognized request URL ({method}: {path}).", stored=False)
