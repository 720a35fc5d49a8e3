"""What is asked of the published copy of the warehouse, and of the register beside it: it waits for no writer, and a close does not wait for it."""
