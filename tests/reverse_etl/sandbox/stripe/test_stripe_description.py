"""The stand-in answers every request as its description says, whatever the request holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fuzzing import fuzz

if TYPE_CHECKING:
    from conftest import StandIn


def test_every_request_is_answered_as_described(stand_in: StandIn, customer: str) -> None:
    draft, final = stand_in.draft(customer)["id"], stand_in.invoice(customer, 10_000, 2_500)
    known = {
        "id": [customer, draft, final["id"]],
        "customer": [customer],
        "invoice": [final["id"]],
        "invoice_line_item": [line["id"] for line in final["lines"]["data"]],
    }

    counts = fuzz(str(stand_in.http.base_url).rstrip("/"), {"Authorization": stand_in.http.headers["Authorization"]}, known, examples=6)

    assert counts[200] > 20
    assert counts[400] > 20
    assert set(counts) <= {200, 400, 401, 404}
