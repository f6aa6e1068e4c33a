"""A service's own PostgreSQL: connections, transactions that publish events, long work in short steps."""
