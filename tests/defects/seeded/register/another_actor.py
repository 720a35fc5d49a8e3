from defect import Finding, RegisterDefect

DEFECT = RegisterDefect(
    rule="Who did it is part of what is chained.",
    caught_by=Finding("audit chain", "changed"),
    tamper="update log set actor = 'somebody else' where position = 7",
)
