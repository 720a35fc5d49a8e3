"""Who runs when: the assets, checks, partitions and schedules of Tieout, and its command line."""
