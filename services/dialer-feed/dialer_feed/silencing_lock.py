"""The lock that keeps the builder of a list and a silencing transaction from missing each other.

Every silencing transaction shares the lock. The builder takes the lock exclusively after it has committed its entries.
When the builder gets the lock, every silencing transaction that may not have seen the entries has ended. A silencing
transaction that begins later sees the entries.
"""

_KEY = "7203550203"
SHARE = f"SELECT pg_advisory_xact_lock_shared({_KEY})"
WAIT = f"SELECT pg_advisory_xact_lock({_KEY})"
"""Returns when every silencing transaction has ended. A silencing transaction that begins meanwhile waits for it."""
