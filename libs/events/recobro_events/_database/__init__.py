"""A service's own PostgreSQL: connections, transactions whose events leave with them, long work in short steps."""
