"""A running member of a consumer group: its partitions and positions, the records that it has read, its reports."""
