"""What Tryton holds: look-ups by our reference, read-backs of a period with the movement of each account."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reverse_etl.documents import SealedDocument
from reverse_etl.errors import DestinationError
from reverse_etl.systems.contract import RemoteDocument, RemoteLine
from reverse_etl.systems.journal_entries import leading_reference, line_key_of
from reverse_etl.systems.tryton.balances import account_sums, minor, month
from reverse_etl.systems.tryton.comparison import DRAFT, DUPLICATE, POSTED
from reverse_etl.systems.tryton.connection import Connection
from reverse_etl.systems.tryton.directory import EXTERNAL_ID, READ_SECONDS, CompanyDirectory, find_parties, search_read
from reverse_etl.systems.tryton.rendering import CREATE, MOVE_ID, PARTY_ID, POST, call_names, party_record
from reverse_etl.systems.tryton.wire import from_tagged_date, from_tagged_instant, to_tagged_date

# One LIKE per reference; SQLite refuses expressions more than 1,000 deep.
REFERENCES_PER_SEARCH = 200
MOVES_PER_PAGE = 500
MOVES, MOVE_LINES, ACCOUNT_MOVEMENTS = "raw.ledger_moves", "raw.ledger_move_lines", "raw.ledger_account_movements"
MOVE_FIELDS = ("number", "state", "date", "description", "period.name", "lines", "company", "origin", "create_date", "write_date")
LINE_FIELDS = ("move", "description", "account.code", "debit", "credit", "second_currency.code", "amount_second_currency", "party.code", "state")

Record = Mapping[str, Any]


def look_up_moves(
    connection: Connection, company: CompanyDirectory, documents: Sequence[SealedDocument], *, unique: bool = False
) -> Mapping[str, RemoteDocument]:
    """The moves of one entity by our reference, drafts too: by their description, and by the field that the server keeps unique if it has it.

    A second move that somebody made under a reference, before there was the field or by copying, is found by its description.

    Raises:
        DestinationError: Tryton could not be read.
    """
    wanted = {document.reference for document in documents}
    moves: defaultdict[str, list[Record]] = defaultdict(list)
    for start in range(0, len(documents), REFERENCES_PER_SEARCH):
        part = documents[start : start + REFERENCES_PER_SEARCH]
        domain: list[Any] = ["OR", *(["description", "like", f"{document.reference}%"] for document in part)]
        if unique:
            domain.append([EXTERNAL_ID, "in", [document.reference for document in part]])
        for move in search_read(connection, "account.move", domain, (*MOVE_FIELDS, *([EXTERNAL_ID] if unique else [])), company.context):
            reference = (move[EXTERNAL_ID] if unique else None) or _reference(move)
            if reference is not None and reference in wanted:
                moves[reference].append(move)
    lines = _lines_by_move(connection, company, [move for found in moves.values() for move in found])
    return {reference: _remote_move(reference, found, lines, company) for reference, found in moves.items()}


def look_up_parties(connection: Connection, documents: Sequence[SealedDocument]) -> Mapping[str, RemoteDocument]:
    """The parties by customer id, which is unique. An update counts as done when the party holds what it writes."""
    records = {document.reference: party_record(document) for document in documents}
    parties = find_parties(connection, [record["code"] for record in records.values()])
    found = {}
    for document in documents:
        record = records[document.reference]
        party = parties.get(record["code"])
        if party is not None:
            done = document.operation != "update" or party["name"] == record["name"]
            reply = {PARTY_ID: party["id"], "name": party["name"]}
            found[document.reference] = RemoteDocument(
                reference=document.reference,
                remote_id=str(party["id"]),
                remote_number=party["code"],
                status="active",
                document_date=None,
                period=None,
                currency=None,
                total_minor=None,
                lines=(),
                completed={call_names(document)[0]: reply} if done else {},
            )
    return found


def read_back(connection: Connection, company: CompanyDirectory, period: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Records of all moves of the company dated in the period, ours or not, and what Tryton says that moved its accounts, without their ``read_id``.

    Raises:
        DestinationError: the pages do not add up to what Tryton counts, or a move lacks some of its lines.
    """
    first, last = month(period)
    domain = [["company", "=", company.id], ["date", ">=", to_tagged_date(first)], ["date", "<=", to_tagged_date(last)]]
    known, read = 0, 0
    while True:
        # By rising id: a move that is created meanwhile comes later, and none is skipped or seen twice.
        page = search_read(connection, "account.move", [*domain, ["id", ">", known]], MOVE_FIELDS, company.context, limit=MOVES_PER_PAGE)
        lines = _lines_by_move(connection, company, page)
        for move in page:
            yield MOVES, _move_record(move, company, period)
            yield from ((MOVE_LINES, _line_record(line, move, company, period)) for line in lines[move["id"]])
        read += len(page)
        if not page:
            break
        known = page[-1]["id"]
    counted = connection.read("model.account.move.search_count", [domain, 0, None, dict(company.context)], READ_SECONDS)
    if counted != read:
        raise DestinationError(f"Tryton counts {counted} moves of {company.entity} in {period}, but {read} were read: read back again")
    yield from ((ACCOUNT_MOVEMENTS, record) for record in _account_movements(connection, company, period))


def _account_movements(connection: Connection, company: CompanyDirectory, period: str) -> Iterator[Mapping[str, Any]]:
    """What was posted on each account in the period, as Tryton adds it up: nothing here sums the lines that were read."""
    for code, (debit, credit) in account_sums(connection, company, *month(period)).items():
        yield {"entity": company.entity, "period": period, "account_code": code, "debit_minor": debit, "credit_minor": credit}


def _lines_by_move(connection: Connection, company: CompanyDirectory, moves: Sequence[Record]) -> Mapping[int, list[Record]]:
    lines: defaultdict[int, list[Record]] = defaultdict(list)
    for start in range(0, len(moves), MOVES_PER_PAGE):
        part = moves[start : start + MOVES_PER_PAGE]
        domain = [["move", "in", [move["id"] for move in part]]]
        for line in search_read(connection, "account.move.line", domain, LINE_FIELDS, company.context):
            lines[line["move"]].append(line)
    for move in moves:
        if {line["id"] for line in lines[move["id"]]} != set(move["lines"]):
            raise DestinationError(
                f"Tryton names {len(move['lines'])} lines of move {move['id']} and hands over {len(lines[move['id']])}: read again"
            )
    return lines


def _remote_move(reference: str, found: Sequence[Record], lines: Mapping[int, list[Record]], company: CompanyDirectory) -> RemoteDocument:
    move = found[0]
    converted = tuple(_remote_line(line, company) for line in lines[move["id"]])
    created = {MOVE_ID: move["id"]}
    completed: dict[str, Mapping[str, Any]] = {CREATE: created}
    # Nothing more must ever be sent for a reference that is there twice: both calls count as done, and the comparison fails.
    if move["state"] == POSTED or len(found) > 1:
        completed[POST] = {**created, "number": move["number"]}
    currencies = {line.currency for line in converted}
    currency = next(iter(currencies - {company.currency}), company.currency)
    return RemoteDocument(
        reference=reference,
        remote_id=str(move["id"]),
        remote_number=move["number"],
        status=_status(found, lines, company),
        document_date=from_tagged_date(move["date"]),
        period=_code(move, "period", "name"),
        currency=currency,
        total_minor=sum(line.amount_minor for line in converted if line.currency == currency and line.amount_minor > 0),
        lines=converted,
        completed=completed,
        duplicates=tuple(str(other["id"]) for other in found[1:]),
    )


def _status(found: Sequence[Record], lines: Mapping[int, list[Record]], company: CompanyDirectory) -> str:
    move = found[0]
    if len(found) > 1:
        return DUPLICATE
    if move["company"] != company.id:
        return "in another company"
    if move["state"] == POSTED:
        # Tryton marks the lines of a move that does not balance.
        return POSTED if all(line["state"] == "valid" for line in lines[move["id"]]) else "posted unbalanced"
    return DRAFT if move["state"] == DRAFT else str(move["state"])


def _remote_line(line: Record, company: CompanyDirectory) -> RemoteLine:
    functional = minor(line["debit"], company.exponent) - minor(line["credit"], company.exponent)
    currency, amount = _transaction_amount(line, company, functional)
    return RemoteLine(
        line_key=line_key_of(line["description"]) or "",
        amount_minor=amount,
        currency=currency,
        account=_code(line, "account"),
        functional_minor=functional,
        party=_code(line, "party"),
    )


def _transaction_amount(line: Record, company: CompanyDirectory, functional: int) -> tuple[str, int]:
    second = _code(line, "second_currency")
    if second is None:
        return company.currency, functional
    return second, minor(line["amount_second_currency"], company.exponents[second])


def _move_record(move: Record, company: CompanyDirectory, period: str) -> Mapping[str, Any]:
    return {
        "entity": company.entity,
        "period": period,
        "remote_id": str(move["id"]),
        "reference": _reference(move),
        "number": move["number"],
        "state": move["state"],
        "posting_date": from_tagged_date(move["date"]),
        "erp_period": _code(move, "period", "name"),
        "description": move["description"],
        "cancels_remote_id": _cancelled(move),
        "written_at": from_tagged_instant(move["write_date"] or move["create_date"]),
    }


def _reference(move: Record) -> str | None:
    """Our reference, if the move is ours: one that cancels another is somebody's, though Tryton copies the description into it."""
    return None if _cancelled(move) else leading_reference(move["description"])


def _cancelled(move: Record) -> str | None:
    model, _, remote_id = (move["origin"] or "").partition(",")
    return remote_id if model == "account.move" else None


def _line_record(line: Record, move: Record, company: CompanyDirectory, period: str) -> Mapping[str, Any]:
    debit, credit = minor(line["debit"], company.exponent), minor(line["credit"], company.exponent)
    currency, amount = _transaction_amount(line, company, debit - credit)
    return {
        "entity": company.entity,
        "period": period,
        "remote_id": str(move["id"]),
        "remote_line_id": str(line["id"]),
        # Somebody else's lines have descriptions too; only those of our moves begin with a key.
        "line_key": line_key_of(line["description"]) if _reference(move) else None,
        "account_code": _code(line, "account"),
        "debit_minor": debit,
        "credit_minor": credit,
        "currency": currency,
        "amount_minor": amount,
        "party_code": _code(line, "party"),
    }


def _code(record: Record, relation: str, field: str = "code") -> str | None:
    # Tryton hands over the fields of a related record under the relation's name and a dot.
    related = record.get(f"{relation}.")
    return None if related is None else related[field]
