from defect import Finding, RegisterDefect

CLOSED = "entity = 'posting_into_a_closed_period' and document_type = 'invoice'"

DEFECT = RegisterDefect(
    rule="Nothing disappears from a closed period (J12).",
    caught_by=Finding("J12", "removed"),
    implies=(Finding("J12", "all_documents"), Finding("J12", "documents"), Finding("audit chain", "fact removed")),
    tamper=f"delete from documents where position = (select min(position) from documents where {CLOSED})",
)
