"""What sensors look at: what has arrived, what came late, what has not arrived at its destination. Functions that know nothing of Dagster."""
