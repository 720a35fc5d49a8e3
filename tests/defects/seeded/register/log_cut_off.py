from defect import Finding, RegisterDefect

DEFECT = RegisterDefect(
    rule="The end of the log cannot be cut off.",
    caught_by=Finding("audit chain", "cut off"),
    tamper="delete from log where position = (select max(position) from log)",
)
