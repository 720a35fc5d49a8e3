from defect import Finding, MirrorDefect

DEFECT = MirrorDefect(
    rule="A mirror that is empty is an error and never means that nothing was issued.",
    caught_by=Finding("assert_opening_mirror_is_present"),
    implies=(Finding("assert_issued_mirror_is_present"),),
    tamper="delete from register.mirror",
)
