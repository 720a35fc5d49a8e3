from defect import Defect, Finding


def plant(entity: str) -> str:
    return f"""
        update register.journal_lines set amount_minor = amount_minor + 1, functional_minor = functional_minor + 1
        where line_key = (select min(line_key) from register.journal_lines where line_key like '%.{entity}:%#tax:%')
    """


DEFECT = Defect(
    rule="The trial balance sums to zero (S08).",
    caught_by=Finding("assert_s08_trial_balance_sums_to_zero"),
    implies=(
        Finding("K6", "sealed"),
        Finding("K7", "debit"),
        Finding("K7", "transaction amount"),
        Finding("assert_s06_tax_lines_equal_their_account"),
        Finding("K8", "amount"),
        Finding("K9", "debit"),
    ),
    tamper=plant,
)
