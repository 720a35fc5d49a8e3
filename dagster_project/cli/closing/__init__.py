"""Commands that issue, deliver and tie out."""
