"""A member of a consumer group at work: its partitions, its positions, what it has read, what it reports."""
