"""dbt inside the process of the step that asks for it: one parsed manifest, exactly the chosen models and tests."""

from dagster_project.dbt.project import DbtPaths
from dagster_project.dbt.runner import InProcessDbt
from dagster_project.dbt.translator import TieoutTranslator

__all__ = ["DbtPaths", "InProcessDbt", "TieoutTranslator"]
