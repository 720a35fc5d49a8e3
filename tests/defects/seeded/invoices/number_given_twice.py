from defect import Defect, Finding


def plant(entity: str) -> str:
    return f"""
        update register.documents set number = (select min(number) from register.documents where entity = '{entity}' and document_type = 'invoice')
        where number = (select max(number) from register.documents where entity = '{entity}' and document_type = 'invoice')
    """


DEFECT = Defect(
    rule="Numbers are given once and leave no gap (J06).",
    caught_by=Finding("assert_j06_numbers_are_gapless"),
    implies=(Finding("K4", "total"),),
    tamper=plant,
)
