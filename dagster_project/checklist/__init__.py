"""The close as a checklist: where every step of it stands, for a legal entity and a period, and what it waits for."""
