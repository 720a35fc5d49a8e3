from defect import Defect, Finding


def plant(entity: str) -> str:
    return f"""
        insert into platform.platform_rated_lines by name
        select line_key, entity, currency, kind, billing_month from rating.rated_lines
        where line_key = (select min(line_key) from rating.rated_lines where entity = '{entity}' and kind = 'usage')
    """


DEFECT = Defect(
    rule="Who rates a service period is frozen for it: a line that both the warehouse and the platform bill is asked for twice.",
    caught_by=Finding("assert_every_rated_line_has_one_rater"),
    tamper=plant,
)
