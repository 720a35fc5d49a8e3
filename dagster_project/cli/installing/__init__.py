"""Commands that make, run and copy an installation."""
