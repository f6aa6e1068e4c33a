"""The way from a transaction to the log: the rows of the outbox, and the relay that moves these rows."""
