"""Finding our documents at Stripe by the reference in their metadata.

Lists, never search: search is eventually consistent (up to an hour behind), lists show what is committed. Lists run newest first and know no
filter on metadata, so many documents are found in one pass over what was created since the first of them could have been, and few known
ones are fetched by id.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from reverse_etl.documents import SealedDocument, external_reference
from reverse_etl.systems.contract import RemoteDocument
from reverse_etl.systems.stripe.client import Object, StripeClient
from reverse_etl.systems.stripe.remote import living, remote_document
from reverse_etl.systems.stripe.rendering import CREDIT_MEMO, CUSTOMER, INVOICE, applied_credit, references

# How long before its date a document may have been sent at the earliest (fees in advance are dated in the month they are sealed in).
EARLIEST_BEFORE_DATE = timedelta(days=92)
GETS_WORTH_A_PAGE = 5
FEW_SCOPES = 5
_PATHS = {CUSTOMER: "/v1/customers", INVOICE: "/v1/invoices", CREDIT_MEMO: "/v1/credit_notes"}


def look_up(client: StripeClient, documents: Sequence[SealedDocument], remote_ids: Mapping[str, str]) -> dict[str, RemoteDocument]:
    """What Stripe holds under the references of the documents. ``remote_ids`` may also hold the ids of what they depend on.

    Raises:
        DestinationError: something could not be read, so that absence would prove nothing.
    """
    by_type: dict[str, list[SealedDocument]] = defaultdict(list)
    for document in documents:
        by_type[document.document_type].append(document)
    result: dict[str, RemoteDocument] = {}
    for document_type, group in by_type.items():
        found = _find(client, _PATHS[document_type], group, remote_ids)
        for document in group:
            objects = found.get(document.reference)
            if objects:
                lines = [] if document_type == CUSTOMER else client.all_lines(living(objects)[0])
                adjustments = _adjustments(client, living(objects)[0]["customer"], document) if applied_credit(document) else []
                result[document.reference] = remote_document(document, objects, lines, adjustments)
    return result


def _adjustments(client: StripeClient, customer: str, document: SealedDocument) -> list[Object]:
    """What moved the customer's balance for the document."""
    pages = client.pages(f"/v1/customers/{customer}/balance_transactions", created_since(document.document_date))
    return [item for page in pages for item in page if document.reference in references(item.get("metadata") or {})]


def created_since(day: date) -> dict[str, Any]:
    """The list filter for whatever may carry a date from ``day`` on."""
    start = datetime.combine(day - EARLIEST_BEFORE_DATE, time(), UTC)
    return {"created": {"gte": int(start.timestamp())}}


def _find(client: StripeClient, path: str, documents: Sequence[SealedDocument], remote_ids: Mapping[str, str]) -> dict[str, list[Object]]:
    """The objects under each reference, which are more than one where something was posted twice."""
    found: dict[str, dict[str, Object]] = defaultdict(dict)
    known = [document for document in documents if document.reference in remote_ids]
    unknown = [document for document in documents if document.reference not in remote_ids]
    scopes = {_scope(document, remote_ids) for document in unknown}
    narrow = [scope for scope in scopes if scope is not None]
    if len(narrow) == len(scopes) and len(narrow) <= FEW_SCOPES:
        for name, owner in narrow:
            for page in client.pages(path, {name: owner}):
                _collect(page, unknown, found)
        unknown = []
    missing = [document.reference for document in known]
    if unknown or len(missing) > GETS_WORTH_A_PAGE:
        missing = _scan(client, path, [*known, *unknown], remote_ids, found)
    for reference in missing:
        item = client.get(f"{path}/{remote_ids[reference]}")
        if item is not None:
            found[reference][item["id"]] = item
    return {reference: list(objects.values()) for reference, objects in found.items()}


def _scan(
    client: StripeClient, path: str, documents: Sequence[SealedDocument], remote_ids: Mapping[str, str], found: dict[str, dict[str, Object]]
) -> list[str]:
    """Go through the list; the known references still missing when fetching them one by one became the cheaper way."""
    since = {} if path == _PATHS[CUSTOMER] else created_since(min(document.document_date for document in documents))
    completely = any(document.reference not in remote_ids for document in documents)
    missing: list[str] = []
    for number, page in enumerate(client.pages(path, since), start=1):
        _collect(page, documents, found)
        missing = [document.reference for document in documents if document.reference in remote_ids and document.reference not in found]
        if not completely and len(missing) <= GETS_WORTH_A_PAGE * number:
            break
    return missing


def _scope(document: SealedDocument, remote_ids: Mapping[str, str]) -> tuple[str, str] | None:
    """The list filter that narrows the search, where the id of what the document depends on is known."""
    for key in document.depends_on:
        kind = key.split("/")[2:3]
        name = "customer" if document.document_type == INVOICE and kind == [CUSTOMER] else None
        name = "invoice" if document.document_type == CREDIT_MEMO and kind == [INVOICE] else name
        owner = remote_ids.get(external_reference(key, 1))
        if name is not None and owner is not None:
            return name, owner
    return None


def _collect(page: Sequence[Object], documents: Sequence[SealedDocument], found: dict[str, dict[str, Object]]) -> None:
    wanted = {document.reference for document in documents}
    for item in page:
        for reference in wanted.intersection(references(item.get("metadata") or {})):
            found[reference][item["id"]] = item
