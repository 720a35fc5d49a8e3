from defect import Defect, Finding


def plant(entity: str) -> str:
    return f"update rating.priced_lines set kept_quantity = kept_quantity - 1 where customer_id = 'first.{entity}' and kind = 'usage'"


DEFECT = Defect(
    rule="Every kept quantity is rated.",
    caught_by=Finding("K2", "quantity"),
    tamper=plant,
)
