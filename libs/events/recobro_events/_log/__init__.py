"""The event log: the protocols of a transport, the envelope of a record, and the log in PostgreSQL."""
