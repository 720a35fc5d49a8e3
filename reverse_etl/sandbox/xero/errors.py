"""Xero's errors: "Response codes" (ApiException for a bad request, problem details for the rest)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class XeroError(Exception):
    """An answer that is not a success. ``stored``: whether an idempotency key remembers it."""

    def __init__(self, status: int, body: Mapping[str, Any], *, stored: bool = True, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(str(body))
        self.status = status
        self.body = dict(body)
        self.stored = stored
        self.headers = dict(headers or {})


class InvalidError(Exception):
    """One element that fails validation."""

    def __init__(self, *messages: str) -> None:
        super().__init__(*messages)
        self.messages = messages


def invalid(elements: Sequence[Mapping[str, Any]]) -> XeroError:
    content = {"ErrorNumber": 10, "Type": "ValidationException", "Message": "A validation exception occurred", "Elements": list(elements)}
    return XeroError(400, content)


def bad_request(message: str, number: int = 16, kind: str = "QueryParseException", *, stored: bool = True) -> XeroError:
    return XeroError(400, {"ErrorNumber": number, "Type": kind, "Message": message}, stored=stored)


def unreadable(message: str) -> XeroError:
    return bad_request(message, 17, "PostDataInvalidException")


def problem(status: int, title: str, detail: str) -> XeroError:
    """Before the API looks at the request itself: no key remembers it."""
    return XeroError(
        status, {"Type": None, "Title": title, "Status": status, "Detail": detail, "Instance": "stand-in", "Extensions": {}}, stored=False
    )


def missing(what: str) -> XeroError:
    return XeroError(404, {"ErrorNumber": 404, "Type": "NotFoundException", "Message": f"The resource you're looking for cannot be found: {what}"})


def internal_error() -> XeroError:
    return XeroError(
        500, {"ErrorNumber": 500, "Type": "InternalServerErrorException", "Message": "An error occurred in Xero. Check the API Status page"}
    )


def limited(reason: str, retry_after: int | None) -> XeroError:
    headers = {"X-Rate-Limit-Problem": reason} | ({} if retry_after is None else {"Retry-After": str(retry_after)})
    return XeroError(429, {"Status": 429, "Title": "Too Many Requests", "Detail": f"The {reason} limit is exceeded"}, stored=False, headers=headers)
