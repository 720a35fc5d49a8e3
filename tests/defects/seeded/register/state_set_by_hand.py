from defect import Finding, RegisterDefect

DEFECT = RegisterDefect(
    rule="Where a document stands follows from what happened to it.",
    caught_by=Finding("audit chain", "state"),
    tamper="update deliveries set state = 'pending' where document_position = (select max(position) from documents)",
)
