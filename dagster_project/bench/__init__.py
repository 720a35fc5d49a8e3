"""What volume costs: the models against one query written by hand, a day on a year against a day on a month, and a close of nothing new."""
