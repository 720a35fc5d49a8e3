"""Which alerts hold now: facts are gathered from the register, the published warehouse, the destinations and Dagster; conditions judge them."""
