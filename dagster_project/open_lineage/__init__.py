"""Events of OpenLineage for every run, step and dataset, wherever the run was started; off unless the setting ``open_lineage`` says where to."""
