"""Who answers for a check and by when, in its description: Dagster shows no other word of a check before it has run."""


def answered_for(title: str, owner: str, sla_hours: int) -> str:
    return f"{title.rstrip('.')}. Breaks are cleared by {owner} within {sla_hours} hours."
