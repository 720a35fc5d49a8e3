"""Everything that talks to systems and must not forget; imports neither dbt nor Dagster."""
