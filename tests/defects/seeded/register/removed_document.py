from defect import Finding, RegisterDefect

DEFECT = RegisterDefect(
    rule="A sealed document never disappears.",
    caught_by=Finding("audit chain", "fact removed"),
    tamper="delete from documents where position = (select max(position) from documents)",
)
