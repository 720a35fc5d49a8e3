"""What Tieout brings along beside its code, at the same places in a checkout and in an installed wheel."""

from __future__ import annotations

from pathlib import Path

DBT_PROJECT = Path(__file__).resolve().parents[1] / "dbt_project"
DAGSTER_YAML = Path(__file__).with_name("dagster.yaml")
"""The Dagster instance of an installation."""
WORKSPACE_YAML = """\
load_from:
  - python_module:
      module_name: dagster_project.definitions
      location_name: tieout
"""
"""Where Dagster finds the definitions: as workspace.yaml of a checkout has it, which a wheel cannot carry."""
