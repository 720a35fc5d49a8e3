from defect import Finding, RegisterDefect

DEFECT = RegisterDefect(
    rule="A sealed document never changes.",
    caught_by=Finding("audit chain", "changed"),
    tamper="update documents set total_minor = total_minor + 1 where position = (select max(position) from documents)",
)
