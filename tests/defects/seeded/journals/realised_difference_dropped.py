from defect import Defect, Finding
from foreign_payment import of_payments, pay_the_foreign_invoice


def plant(entity: str) -> str:
    return f"delete from accounting.journal_lines where {of_payments(entity, 'realised_exchange_difference')}"


DEFECT = Defect(
    rule="What a payment is worth more or less than the receivable is realised (J02).",
    caught_by=Finding("assert_j02_entries_balance_in_functional_currency"),
    deliver_late=pay_the_foreign_invoice,
    tamper=plant,
)
