"""Commands that only read what was published."""
