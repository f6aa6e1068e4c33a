"""A running member of a consumer group: its partitions, its positions, the records it has read, its reports."""
