"""The models that rate production, run on what is not production: pricing cases, and last month at other prices."""
