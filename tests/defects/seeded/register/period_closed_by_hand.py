from defect import Finding, RegisterDefect

DEFECT = RegisterDefect(
    rule="Only the register changes the status of a period.",
    caught_by=Finding("audit chain", "stray"),
    tamper="insert into periods (position, entity, period, status) values (999999, 'clean_one', '2026-01', 'hard_closed')",
)
