"""The event log: what every transport offers, the envelope of a record, and the log in PostgreSQL."""
