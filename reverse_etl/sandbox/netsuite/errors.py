"""NetSuite's error object: "Error Handling in REST Web Services"."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

_SECTIONS = {400: "#sec10.4.1", 404: "#sec10.4.5", 405: "#sec10.4.6"}
_ACCESSING = "Error while accessing a resource. "


class NetSuiteError(Exception):
    """An answer that is not a success."""

    def __init__(
        self, status: int, code: str, detail: str, *, path: str | None = None, title: str | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.headers = dict(headers or {})
        details = {"detail": detail, "o:errorCode": code} | ({"o:errorPath": path} if path else {})
        self.body: dict[str, Any] = {
            "type": f"https://www.w3.org/Protocols/rfc2616/rfc2616-sec10.html{_SECTIONS.get(status, '')}",
            "title": title or HTTPStatus(status).phrase,
            "status": status,
            "o:errorDetails": [details],
        }


def invalid_content(detail: str, path: str | None = None) -> NetSuiteError:
    """The body does not say what the record takes."""
    return NetSuiteError(400, "INVALID_CONTENT", detail, path=path)


def invalid_value(value: object, field: str, path: str) -> NetSuiteError:
    """A reference to something that does not exist or may not be used here."""
    return invalid_content(f"{_ACCESSING}You have entered an Invalid Field Value {value} for the following field: {field}", path)


def refused(message: str, path: str | None = None) -> NetSuiteError:
    """A rule of the business."""
    return NetSuiteError(400, "USER_ERROR", _ACCESSING + message, path=path)


def not_found(kind: str, identifier: str) -> NetSuiteError:
    return NetSuiteError(404, "NONEXISTENT_ID", f"The record instance does not exist. Provide a valid record instance ID. ({kind} {identifier})")


def unauthorized() -> NetSuiteError:
    detail = (
        "Invalid login attempt. For more details, see the Login Audit Trail in the NetSuite UI at Setup > Users/Roles > User Management >"
        " View Login Audit Trail."
    )
    return NetSuiteError(401, "INVALID_LOGIN", detail)


def concurrency_exceeded() -> NetSuiteError:
    return NetSuiteError(429, "CONCURRENCY_LIMIT_EXCEEDED", "Concurrent request limit exceeded. Request blocked.")


def unexpected() -> NetSuiteError:
    return NetSuiteError(500, "UNEXPECTED_ERROR", "An unexpected error occurred. Error ID: stand-in")
