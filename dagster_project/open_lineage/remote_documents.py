"""The facet of a dataset at a destination: which documents of ours it holds, by their ids there. ``remote_documents.schema.json`` describes it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attr
from openlineage.client.facet_v2 import OutputDatasetFacet

from reverse_etl.oversight.delivered import DeliveredDocument

NAME = "tieout_remoteDocuments"
SCHEMA_FILE = Path(__file__).with_name("remote_documents.schema.json")


@attr.define
class RemoteDocumentsOutputDatasetFacet(OutputDatasetFacet):
    """``total``: how many documents there are; ``documents``: the last of them, as many as the settings allow."""

    documents: list[dict[str, Any]] = attr.field(factory=list)
    total: int = 0

    @staticmethod
    def _get_schema() -> str:
        return str(json.loads(SCHEMA_FILE.read_bytes())["$id"])


def remote_documents(documents: Sequence[DeliveredDocument], total: int) -> RemoteDocumentsOutputDatasetFacet:
    return RemoteDocumentsOutputDatasetFacet(documents=[_record(document) for document in documents], total=total)


def _record(document: DeliveredDocument) -> dict[str, Any]:
    """Without names, addresses or amounts: an event is read by more people than the books are."""
    return {
        "system": document.system,
        "entity": document.entity,
        "period": document.period,
        "documentType": document.document_type,
        "reference": document.reference,
        "number": document.number,
        "remoteId": document.remote_id,
        "remoteNumber": document.remote_number,
        "state": document.state,
        "url": document.url,
    }
