from defect import Finding, RegisterDefect

DEFECT = RegisterDefect(
    rule="The log has no gap.",
    caught_by=Finding("audit chain", "entry removed"),
    tamper="delete from log where position = 5",
)
