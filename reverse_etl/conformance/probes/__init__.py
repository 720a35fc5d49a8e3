"""What is asked of a destination, by what it is about: keys, look-ups and periods, batches."""
