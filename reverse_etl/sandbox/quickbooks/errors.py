"""Intuit's faults ("Handling common errors"): a status, a type, and errors with a message, a detail, a code and an element."""

from __future__ import annotations

from typing import Any

VALIDATION, AUTHENTICATION, SERVICE, SYSTEM = "ValidationFault", "AUTHENTICATION", "SERVICE", "SystemFault"


class QuickBooksError(Exception):
    """An answer that is not a success; none of them is remembered by a request id."""

    def __init__(self, status: int, code: str, message: str, detail: str, *, element: str = "", kind: str = VALIDATION) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.fault: dict[str, Any] = {"Error": [{"Message": message, "Detail": detail, "code": code, "element": element}], "type": kind}


def refused(code: str, message: str, detail: str, element: str = "") -> QuickBooksError:
    return QuickBooksError(400, code, message, f"{message} : {detail}", element=element)


def business(detail: str) -> QuickBooksError:
    message = "A business validation error has occurred while processing your request"
    return QuickBooksError(400, "6000", message, f"Business Validation Error: {detail}")


def missing_parameter(name: str) -> QuickBooksError:
    return refused(
        "2020", "Required param missing, need to supply the required value for the API", f"Required parameter {name} is missing in the request", name
    )


def invalid_property(name: str) -> QuickBooksError:
    return refused("2010", "Request has invalid or unsupported property", f"Property Name:{name} specified is unsupported or invalid", name)


def invalid_reference(name: str, value: str) -> QuickBooksError:
    return refused("2500", "Invalid Reference Id", f"{name} element id {value} not found", name)


def not_found(value: str) -> QuickBooksError:
    return refused("610", "Object Not Found", f"Something you're trying to use has been made inactive. Check the fields with id {value}.")


def stale() -> QuickBooksError:
    return refused(
        "5010", "Stale Object Error", "You and somebody else were working on this at the same time, and the other one has already updated it."
    )


def query_error(detail: str) -> QuickBooksError:
    return refused("4000", "Error parsing query", f"QueryParserError: {detail}")


def authentication(detail: str) -> QuickBooksError:
    return QuickBooksError(401, "3200", "message=AuthenticationFailed; errorCode=003200; statusCode=401", detail, kind=AUTHENTICATION)


def throttled() -> QuickBooksError:
    return QuickBooksError(
        429, "3001", "message=ThrottleExceeded; errorCode=003001; statusCode=429", "The request limit was reached. Try again later.", kind=SERVICE
    )


def internal() -> QuickBooksError:
    return QuickBooksError(500, "10000", "An application error has occurred while processing your request", "System Failure Error", kind=SYSTEM)


def unsupported(detail: str, status: int = 400) -> QuickBooksError:
    return QuickBooksError(status, "500", "Unsupported Operation", f"Operation {detail} is not supported.")
