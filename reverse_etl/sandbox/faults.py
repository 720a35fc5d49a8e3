"""Faults on demand, ordered over ``/_faults`` of a stand-in: POST one or a list, GET shows them with their hits, DELETE forgets them.

A fault is ``{"kind": ..., "method": "POST", "path": "<regular expression>", "on": 1, "times": 1, "seconds": 0, "retry_after": null}``: it strikes
the ``on``-th matching request and the ``times - 1`` matching ones after it. A ``delay`` lasts ``seconds``, or until the faults are forgotten.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, TypeAdapter, ValidationError, field_validator
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from reverse_etl.sandbox.serving import sent_json


class Fault(BaseModel):
    """A stand-in narrows ``kind`` to the faults that it knows, and says which method they strike unless another is ordered (None: any)."""

    model_config = ConfigDict(extra="forbid")

    kind: str
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] | None = "POST"
    path: str = "."
    on: int = Field(default=1, ge=1)
    times: int = Field(default=1, ge=1)
    seconds: float = Field(default=0.0, ge=0, le=600)
    retry_after: int | None = None
    seen: int = 0
    hits: int = 0
    _forgotten: asyncio.Event = PrivateAttr(default_factory=asyncio.Event)

    @field_validator("path")
    @classmethod
    def _is_a_pattern(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        return value

    async def delay(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._forgotten.wait(), self.seconds)

    def forget(self) -> None:
        self._forgotten.set()


AnyFault = TypeVar("AnyFault", bound=Fault)


async def delayed(fault: Fault | None) -> None:
    """Returns when a request that ``fault`` strikes may be executed."""
    if fault is not None and fault.kind == "delay":
        await fault.delay()


class Faults(Generic[AnyFault]):
    """The faults ordered of one stand-in, whose type is ``model``."""

    def __init__(self, model: type[AnyFault]) -> None:
        self.ordered: list[AnyFault] = []
        self._orders: TypeAdapter[list[AnyFault]] = TypeAdapter(list[model])  # type: ignore[valid-type]

    def strike(self, method: str, path: str) -> AnyFault | None:
        """The fault that strikes this request, if any; the first ordered wins."""
        struck = None
        for fault in self.ordered:
            if (fault.method is not None and fault.method != method) or not re.search(fault.path, path):
                continue
            fault.seen += 1
            if struck is None and fault.on <= fault.seen < fault.on + fault.times:
                fault.hits += 1
                struck = fault
        return struck

    async def endpoint(self, request: Request) -> Response:
        """The answer to a request for ``/_faults``."""
        if request.method == "DELETE":
            for fault in self.ordered:
                fault.forget()
            self.ordered.clear()
        elif request.method == "POST":
            content = await sent_json(request)
            try:
                self.ordered.extend(self._orders.validate_python(content if isinstance(content, Sequence) else [content]))
            except ValidationError as error:
                return JSONResponse({"error": str(error)}, 400)
        return JSONResponse([fault.model_dump() for fault in self.ordered])
