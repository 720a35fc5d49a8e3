from defect import Defect, Finding
from foreign_payment import of_payments, pay_the_foreign_invoice


def plant(entity: str) -> str:
    """Receivable and cash are each a cent less, so that the entry balances."""
    return f"update accounting.journal_lines set functional_minor = functional_minor - 1 where {of_payments(entity, 'receivable', 'cash')}"


DEFECT = Defect(
    rule="A receivable that is settled is worth nothing in the functional currency too.",
    caught_by=Finding("assert_settled_receivables_are_worth_nothing"),
    deliver_late=pay_the_foreign_invoice,
    tamper=plant,
)
