"""The controls that are no test of dbt: what each says, who answers for it, and the list of what does not hold."""
