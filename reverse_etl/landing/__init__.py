"""Append-only into raw: delivered files, and the relations that everything else appends to."""
