from defect import Finding, RegisterDefect

CLOSED = "posting_into_a_closed_period"

DEFECT = RegisterDefect(
    rule="What is sealed later is in no period that was closed before (J12).",
    caught_by=Finding("J12", "sealed after the close"),
    implies=(Finding("J12", "all_documents"), Finding("J12", "documents"), Finding("J12", "account"), Finding("audit chain", "changed")),
    tamper=f"update documents set entity = '{CLOSED}' where position = (select max(position) from documents where entity = 'clean_one')",
)
