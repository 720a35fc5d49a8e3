"""Journal lines that are changed where the models have written them."""

from __future__ import annotations


def on_one_line(entity: str, change: str, condition: str) -> str:
    """The statement that changes the first journal line of a legal entity that meets the condition."""
    return f"""
        update accounting.journal_lines set {change}
        where entity = '{entity}' and line_key = (select min(line_key) from accounting.journal_lines where entity = '{entity}' and {condition})
    """
